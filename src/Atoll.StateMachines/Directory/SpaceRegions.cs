using System.Collections.Immutable;
using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Directory;

/// <summary>How many replicas of each shard a region has.</summary>
/// <param name="Region">The region (<see cref="NodeDescription.RegionName"/>).</param>
/// <param name="Replicas">Replicas, at least 1.</param>
public readonly record struct RegionReplicas(string Region, int Replicas);

/// <summary>
/// In which regions a space lives. Factors say where replicas are; the allowed regions say where its data may be stored at all, replicas,
/// logs and hints alike (museum, row 28). Equal by contents.
/// </summary>
/// <param name="Factors">Replicas by region, in ordinal order of the regions; empty: they are spread over all that are allowed.</param>
/// <param name="Allowed">The regions that may store its data, in ordinal order; empty: all.</param>
public sealed record SpaceRegions(ImmutableArray<RegionReplicas> Factors, ImmutableArray<string> Allowed)
{
    /// <summary>The most regions that a space can name.</summary>
    public const int RegionsMax = 32;

    /// <summary>Regions in order, whatever order they were given in; null when nothing is said of any.</summary>
    public static SpaceRegions? Of(IEnumerable<RegionReplicas> factors, IEnumerable<string> allowed)
    {
        var regions = new SpaceRegions(
            [.. factors.OrderBy(static factor => factor.Region, StringComparer.Ordinal)],
            [.. allowed.Order(StringComparer.Ordinal)]);
        return regions.Factors.IsEmpty && regions.Allowed.IsEmpty ? null : regions;
    }

    /// <summary>Replicas of a shard in all regions together, whatever was given; 0 where it is not said how many which has.</summary>
    public int ReplicaCount =>
        (int)Math.Clamp(Factors.Sum(static factor => (long)factor.Replicas), int.MinValue, int.MaxValue);

    /// <summary>Whether data of the space may be stored in a region.</summary>
    public bool Allows(string region) => Allowed.IsEmpty || Allowed.Contains(region, StringComparer.Ordinal);

    /// <summary>How many replicas of a shard a region can have at most.</summary>
    public int ReplicasMaxIn(string region)
    {
        if (!Allows(region))
        {
            return 0;
        }

        foreach (var factor in Factors)
        {
            if (string.Equals(factor.Region, region, StringComparison.Ordinal))
            {
                return factor.Replicas;
            }
        }

        return Factors.IsEmpty ? int.MaxValue : 0;
    }

    /// <inheritdoc />
    public bool Equals(SpaceRegions? other) =>
        other is not null && Factors.AsSpan().SequenceEqual(other.Factors.AsSpan())
        && Allowed.AsSpan().SequenceEqual(other.Allowed.AsSpan());

    /// <inheritdoc />
    public override int GetHashCode() => (Factors.Length * 64) + Allowed.Length;

    /// <summary>In words, as <c>eu: 3, us: 2; only in eu, us</c>.</summary>
    public override string ToString()
    {
        var factors = string.Join(", ", Factors.Select(static factor => $"{factor.Region}: {factor.Replicas}"));
        return Allowed.IsEmpty ? factors
            : $"{(factors.Length > 0 ? factors + "; " : "")}only in {string.Join(", ", Allowed)}";
    }

    /// <summary>What is wrong with it, for the person who gave it; null when nothing is.</summary>
    internal string? FaultOf(int replicas)
    {
        if (Factors.Length > RegionsMax || Allowed.Length > RegionsMax)
        {
            return $"a space names at most {RegionsMax} regions";
        }

        for (var i = 0; i < Factors.Length; i++)
        {
            var (region, factor) = Factors[i];
            if (factor < 1 || (i > 0 && string.CompareOrdinal(Factors[i - 1].Region, region) >= 0))
            {
                return $"region '{region}' is named twice, or has no replica";
            }

            if (!Allows(region))
            {
                return $"region '{region}' shall have replicas and is not an allowed region";
            }
        }

        for (var i = 1; i < Allowed.Length; i++)
        {
            if (string.CompareOrdinal(Allowed[i - 1], Allowed[i]) >= 0)
            {
                return $"region '{Allowed[i]}' is allowed twice";
            }
        }

        return Factors.IsEmpty || Factors.Sum(static factor => (long)factor.Replicas) == replicas
            ? null : $"the replicas of the regions are not {replicas} together";
    }

    /// <summary>Writes the regions, or that there are none.</summary>
    internal static void Write(WireWriter writer, SpaceRegions? regions)
    {
        writer.WriteVarint((ulong)(regions?.Factors.Length ?? 0));
        foreach (var (region, replicas) in regions?.Factors ?? [])
        {
            writer.WriteString(region);
            writer.WriteVarint((ulong)Math.Max(0, replicas));
        }

        writer.WriteVarint((ulong)(regions?.Allowed.Length ?? 0));
        foreach (var region in regions?.Allowed ?? [])
        {
            writer.WriteString(region);
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote, sound or not.</summary>
    internal static SpaceRegions? Read(ref WireReader reader)
    {
        var factors = ImmutableArray.CreateBuilder<RegionReplicas>();
        for (var left = reader.ReadCount(RegionsMax); left > 0 && reader.Ok; left--)
        {
            factors.Add(new RegionReplicas(reader.ReadString(), reader.ReadCount(int.MaxValue)));
        }

        var allowed = ImmutableArray.CreateBuilder<string>();
        for (var left = reader.ReadCount(RegionsMax); left > 0 && reader.Ok; left--)
        {
            allowed.Add(reader.ReadString());
        }

        return factors.Count == 0 && allowed.Count == 0 ? null : new SpaceRegions(factors.ToImmutable(), allowed.ToImmutable());
    }
}
