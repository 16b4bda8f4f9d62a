using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Storage.Journals;

/// <summary>An entry's record as it was found.</summary>
/// <param name="Header">Its head.</param>
/// <param name="Segment">Where it is.</param>
/// <param name="OffsetBytes">Where it is.</param>
internal readonly record struct RecoveredEntry(RecordHeader Header, Segment Segment, long OffsetBytes);

/// <summary>
/// A shard as it was found: entries are consecutive from the base on, and their terms never fall. With damage, they are those before it.
/// </summary>
internal sealed record RecoveredShard(
    ShardId Shard,
    HardState HardState,
    Segment? HardStateSegment,
    bool IsHardStateACopy,
    LogIndex BaseIndex,
    Term BaseTerm,
    Segment? BaseSegment,
    Segment? RebuildingSegment,
    IReadOnlyList<RecoveredEntry> Entries,
    LogDamage? Damage,
    Segment? DamagedSegment);

/// <summary>A journal as it was found, after repair of its tail.</summary>
internal sealed record RecoveredJournal(
    SegmentChain Chain,
    JournalTail Tail,
    IReadOnlyList<RecoveredShard> Shards,
    IReadOnlyList<LostBatches> Lost,
    IReadOnlyList<StorageCorruption> HeaderDamages)
{
    /// <summary>Why a shard of which nothing is known cannot be trusted to be new; null when it can.</summary>
    public LostBatches? UnseenLost { get; init; }
}
