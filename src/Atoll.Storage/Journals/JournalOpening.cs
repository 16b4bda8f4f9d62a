using Atoll.Foundation.World;

namespace Atoll.Storage.Journals;

/// <summary>How the opening of a journal ended.</summary>
public enum JournalOpeningStatus : byte
{
    /// <summary>
    /// The journal is open; everything that was ever reported durable is in it, but for what <see cref="ShardLog.Damage"/> says of shards.
    /// </summary>
    Ok = 0,

    /// <summary>A file, or what tells what the files are, is damaged or missing; nothing was changed on disk.</summary>
    Corrupt = 1,

    /// <summary>A newer version of the program has written here; nothing was changed on disk.</summary>
    NewerVersion = 2,

    /// <summary>The disk refused (full, no access, device failure).</summary>
    Failed = 3,
}

/// <summary>The end of <see cref="Journal.Open"/>.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Journal">The journal; null unless Ok.</param>
/// <param name="Corruption">What is damaged; null unless Corrupt.</param>
/// <param name="DiskResult">What the disk said; meaningful when Failed.</param>
/// <param name="Detail">For people: the file and version of NewerVersion, the operation that Failed; else null.</param>
public sealed record JournalOpening(
    JournalOpeningStatus Status,
    Journal? Journal = null,
    StorageCorruption? Corruption = null,
    DiskResult DiskResult = default,
    string? Detail = null);

/// <summary>What a journal can do at the moment.</summary>
public enum JournalState : byte
{
    /// <summary>It takes everything.</summary>
    Ready = 0,

    /// <summary>
    /// No space for the next segment. Appends of entries are refused; hard states, compaction, resets and drops are still taken into the
    /// room that is left in the current segment. It becomes Ready by itself once there is space (<see cref="Journal.Maintain"/> tries).
    /// </summary>
    Full = 1,

    /// <summary>A write or sync failed: for good (museum, row 7). The owner stops the replicas that live here.</summary>
    Failed = 2,
}
