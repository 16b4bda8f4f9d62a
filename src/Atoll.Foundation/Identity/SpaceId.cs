namespace Atoll.Foundation.Identity;

/// <summary>A space: a named piece of state with its own trade-off (fault model, replicas, partitioning).</summary>
/// <param name="Value">The number itself.</param>
public readonly record struct SpaceId(ulong Value) : IComparable<SpaceId>
{
    /// <summary>No space.</summary>
    public static readonly SpaceId None;

    /// <inheritdoc />
    public int CompareTo(SpaceId other) => Value.CompareTo(other.Value);

    /// <summary>Lower.</summary>
    public static bool operator <(SpaceId a, SpaceId b) => a.Value < b.Value;

    /// <summary>Higher.</summary>
    public static bool operator >(SpaceId a, SpaceId b) => a.Value > b.Value;

    /// <summary>Lower or the same.</summary>
    public static bool operator <=(SpaceId a, SpaceId b) => a.Value <= b.Value;

    /// <summary>Higher or the same.</summary>
    public static bool operator >=(SpaceId a, SpaceId b) => a.Value >= b.Value;

    /// <summary>The bare number.</summary>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
