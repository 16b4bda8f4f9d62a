using Atoll.Foundation.Identity;
using Atoll.Foundation.World;

namespace Atoll.Storage.Journals;

/// <summary>
/// The logs of all shards of one loop, in one sequence of segments on disk, so that one write and one sync make the work of all of them
/// durable (group commit). See docs/log.md.
/// </summary>
public sealed class Journal
{
    /// <summary>What an append returns that was refused: nothing has changed.</summary>
    public const long Refused = -1;

    /// <summary>What it can do at the moment. Changes in <see cref="Flush"/> and in disk completions only, never inside an append.</summary>
    public JournalState State => throw new NotSupportedException();

    /// <summary>What the disk said when the journal failed or became full.</summary>
    public DiskResult LastError => throw new NotSupportedException();

    /// <summary>The last sequence number that was handed to the disk.</summary>
    public long WrittenSequence => throw new NotSupportedException();

    /// <summary>Everything whose sequence number is at most this is durable.</summary>
    public long DurableSequence => throw new NotSupportedException();

    /// <summary>The shards that have a log here, by id. A shard is remembered once its first record is durable.</summary>
    public IReadOnlyList<ShardId> Shards => throw new NotSupportedException();

    /// <summary>Damage that was found while moving records out of an old segment; the segment stays. Null when none was found.</summary>
    public StorageCorruption? Corruption => throw new NotSupportedException();

    /// <summary>Bytes of all segments on disk.</summary>
    public long DiskBytes => throw new NotSupportedException();

    /// <summary>Bytes of records that are still needed.</summary>
    public long LiveBytes => throw new NotSupportedException();

    /// <summary>Bytes of entries in memory.</summary>
    public long CachedBytes => throw new NotSupportedException();

    /// <summary>Called on the loop whenever <see cref="DurableSequence"/> has advanced.</summary>
    public Action? Durable { get; set; }

    /// <summary>Called on the loop whenever <see cref="State"/> or <see cref="Corruption"/> has changed.</summary>
    public Action? StateChanged { get; set; }

    /// <summary>Opens a journal, or makes it when the folder has none.</summary>
    /// <param name="disk">The loop's files.</param>
    /// <param name="folder">Where the segments are.</param>
    /// <param name="options">The bounds.</param>
    /// <param name="done">The end.</param>
    public static void Open(IDisk disk, string folder, JournalOptions options, Action<JournalOpening> done) => throw new NotSupportedException();

    /// <summary>The log of a shard; an empty one comes into being when there is none.</summary>
    public ShardLog Shard(ShardId shard) => throw new NotSupportedException();

    /// <summary>Forgets a shard: its entries and its hard state. Its <see cref="ShardLog"/> must not be used any more.</summary>
    /// <returns>The sequence number after which that is durable.</returns>
    public long DropShard(ShardId shard) => throw new NotSupportedException();

    /// <summary>
    /// Hands what was buffered to the disk as one write and sync; while the disk is busy with enough of them, what is buffered waits and goes
    /// together with the next.
    /// </summary>
    public void Flush() => throw new NotSupportedException();

    /// <summary>
    /// To be called about every 100 ms: protects the last batch of a quiet journal by a durable mark, moves what is left in old segments, and
    /// tries again to get space when full.
    /// </summary>
    public void Maintain() => throw new NotSupportedException();

    /// <summary>
    /// The shard whose entries hold most of the oldest segment, or <see cref="ShardId.None"/> when it holds none: compacting that shard is
    /// what frees space soonest.
    /// </summary>
    public ShardId LargestHolderOfOldestSegment() => throw new NotSupportedException();

    /// <summary>Lets go of the files. What was not durable may be lost; no delegate is called any more.</summary>
    public void Close() => throw new NotSupportedException();
}
