using System.Collections.Immutable;

namespace Atoll.Services.Tables.Schema;

/// <summary>
/// The options of a table as Cassandra has them. Atoll obeys <see cref="DefaultTimeToLiveSeconds"/>; the others are kept and shown, so that
/// tools that set and compare them work, and have no effect.
/// </summary>
public sealed record TableOptions
{
    /// <summary>What a table has that names none.</summary>
    public static readonly TableOptions Default = new();

    /// <summary>For people.</summary>
    public string Comment { get; init; } = "";

    /// <summary>How long what is written without a TTL lives, in seconds; 0: for ever.</summary>
    public int DefaultTimeToLiveSeconds { get; init; }

    /// <summary>Kept; Atoll drops a tombstone when every replica has it.</summary>
    public int GcGraceSeconds { get; init; } = 864000;

    /// <summary>Kept.</summary>
    public double BloomFilterFalsePositiveChance { get; init; } = 0.01;

    /// <summary>Kept.</summary>
    public double CrcCheckChance { get; init; } = 1.0;

    /// <summary>Kept.</summary>
    public int MinIndexInterval { get; init; } = 128;

    /// <summary>Kept.</summary>
    public int MaxIndexInterval { get; init; } = 2048;

    /// <summary>Kept.</summary>
    public int MemtableFlushPeriodMs { get; init; }

    /// <summary>Kept.</summary>
    public string SpeculativeRetry { get; init; } = "99p";

    /// <summary>Kept.</summary>
    public string AdditionalWritePolicy { get; init; } = "99p";

    /// <summary>Kept.</summary>
    public string ReadRepair { get; init; } = "BLOCKING";

    /// <summary>Kept.</summary>
    public bool Cdc { get; init; }

    /// <summary>Kept.</summary>
    public ImmutableSortedDictionary<string, string> Caching { get; init; } =
        Map(("keys", "ALL"), ("rows_per_partition", "NONE"));

    /// <summary>Kept.</summary>
    public ImmutableSortedDictionary<string, string> Compaction { get; init; } = Map(
        ("class", "org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy"), ("max_threshold", "32"), ("min_threshold", "4"));

    /// <summary>Kept.</summary>
    public ImmutableSortedDictionary<string, string> Compression { get; init; } =
        Map(("chunk_length_in_kb", "16"), ("class", "org.apache.cassandra.io.compress.LZ4Compressor"));

    internal static ImmutableSortedDictionary<string, string> Map(params ReadOnlySpan<(string Key, string Value)> pairs)
    {
        var map = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in pairs)
        {
            map[key] = value;
        }

        return map.ToImmutable();
    }
}
