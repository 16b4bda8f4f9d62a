namespace Atoll.Simulation.Workloads.Streams;

/// <summary>A record of a topic that is compacted by key, and what is known of it.</summary>
/// <param name="number">Its number, which no other record of the partition has: it is its timestamp.</param>
/// <param name="key">Its key.</param>
/// <param name="value">Its value; null for a tombstone.</param>
internal sealed class KeyedRecord(long number, string key, byte[]? value)
{
    public long Number => number;

    public string Key => key;

    public byte[]? Value => value;

    /// <summary>Where it is; -1 while nobody was told.</summary>
    public long Offset { get; set; } = -1;

    /// <summary>Whether it takes effect; null while that is not decided, or nobody was told.</summary>
    public bool? IsCommitted { get; set; }

    /// <inheritdoc />
    public override string ToString() =>
        $"record {number} ({(value is null ? "no more" : "a value")} of {key}, at {(Offset < 0 ? "?" : Offset)})";
}
