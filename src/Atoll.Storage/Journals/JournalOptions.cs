using Atoll.Foundation.Checks;

namespace Atoll.Storage.Journals;

/// <summary>The bounds of one journal. Validated by <see cref="Journal.Open"/>.</summary>
public sealed record JournalOptions
{
    /// <summary>The smallest segment: its header, its mark, and a few blocks of batches.</summary>
    public const long SegmentBytesMin = 64 * 1024;

    /// <summary>
    /// Bytes of a segment, taken from the file system when it is made: large, so that the cost of making one is spread; small, so that
    /// space comes back soon. An entry that is larger gets a segment of its own size.
    /// </summary>
    public long SegmentBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>
    /// A batch is closed once it is this long: one write and sync of 1 MiB takes about a millisecond, and longer ones gain no throughput.
    /// </summary>
    public int BatchBytes { get; init; } = 1024 * 1024;

    /// <summary>
    /// Batches that the disk works on at once. One coalesces most; the second hides the loop's turn-around.
    /// </summary>
    public int WritesInFlightMax { get; init; } = 2;

    /// <summary>Bytes of recent entries (payload and overhead, over all shards) that stay in memory once they are durable.</summary>
    public long CacheBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>
    /// A random number that the host draws; it becomes the identity of a journal that does not exist yet. Checksums depend on it, so that
    /// bytes of another journal, and bytes that a client made up, never pass for records of this one.
    /// </summary>
    public ulong Identity { get; init; }

    /// <summary>
    /// Whether the owner looks at <see cref="ShardLog.Damage"/> and has such shards repaired. If not, a journal with a damaged shard does
    /// not open.
    /// </summary>
    public bool OpensDamagedShards { get; init; }

    /// <summary>Checks the bounds against each other.</summary>
    /// <exception cref="CheckFailedException">A bound is out of its range.</exception>
    public void Validate()
    {
        Check.That(SegmentBytes >= SegmentBytesMin && SegmentBytes <= 1L << 30);
        Check.That(SegmentBytes % JournalFormat.BlockBytes == 0);
        Check.That(BatchBytes >= JournalFormat.BlockBytes && BatchBytes <= SegmentBytes / 2);
        Check.That(WritesInFlightMax is >= 1 and <= 16);
        Check.That(CacheBytes >= 0);
    }
}
