using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Records;

/// <summary>How a command or query of the records machine ended.</summary>
public enum RecordsStatus : byte
{
    /// <summary>As asked.</summary>
    Ok = 0,

    /// <summary>There is no such record: nothing was read, or nothing deleted.</summary>
    NotFound = 1,

    /// <summary>A condition did not hold: nothing was changed.</summary>
    Conflict = 2,

    /// <summary>The changes asked for are no longer remembered: read everything again, then follow from there.</summary>
    Compacted = 3,

    /// <summary>The bytes are not a command or query: nothing was changed.</summary>
    Invalid = 4,

    /// <summary>The time to read at has not come for this replica: its state does not hold all that was written until then.</summary>
    TimeAhead = 5,

    /// <summary>What was there at the time to read at may have been collected.</summary>
    TimeCollected = 6,
}

/// <summary>The result of a command.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="AsOf">The state's time at the command; also the version of everything that it wrote.</param>
/// <param name="Version">
/// Ok: the version written (equal to <paramref name="AsOf"/>). Conflict: the version that the record has instead, zero when there is none.
/// </param>
/// <param name="FailedOperation">Conflict: the position in the batch of the first operation whose condition did not hold; else 0.</param>
/// <param name="Detail">Words for people when there is something to say; else null.</param>
public readonly record struct WriteResult(
    RecordsStatus Status, HybridTime AsOf, HybridTime Version, int FailedOperation, string? Detail);

/// <summary>The answer to a get.</summary>
/// <param name="Status">Ok, NotFound or Invalid.</param>
/// <param name="AsOf">The state's time: everything up to it was in what was read.</param>
/// <param name="Version">The record's version; zero when there is none.</param>
/// <param name="ExpiresAt">When it expires; zero when it never does.</param>
/// <param name="Value">The value; a slice of the answer.</param>
/// <param name="Detail">Words for people when there is something to say; else null.</param>
public readonly record struct GetResult(
    RecordsStatus Status, HybridTime AsOf, HybridTime Version, HybridTime ExpiresAt, ReadOnlyMemory<byte> Value, string? Detail);

/// <summary>A row of a scan.</summary>
/// <param name="Key">The key; a slice of the answer.</param>
/// <param name="Version">The record's version.</param>
/// <param name="ExpiresAt">When it expires; zero when it never does.</param>
/// <param name="Value">The value, a slice of the answer; empty when only keys were asked for.</param>
public readonly record struct ScanRow(ReadOnlyMemory<byte> Key, HybridTime Version, HybridTime ExpiresAt, ReadOnlyMemory<byte> Value);

/// <summary>The answer to a scan.</summary>
/// <param name="Status">Ok, TimeAhead, TimeCollected or Invalid.</param>
/// <param name="AsOf">
/// The time that was asked for, else the state's time of this page. Pages of one scan are read at different moments unless a time was
/// asked for or nothing was written between.
/// </param>
/// <param name="Rows">The rows in the scan's direction. A page without rows is not the end when <paramref name="More"/> is true.</param>
/// <param name="More">True when there may be more rows: ask again with <paramref name="ResumeAfter"/>.</param>
/// <param name="ResumeAfter">For <see cref="ScanQuery.After"/> of the next page; empty when there is none.</param>
/// <param name="Detail">Words for people when there is something to say; else null.</param>
public sealed record ScanPage(
    RecordsStatus Status,
    HybridTime AsOf,
    IReadOnlyList<ScanRow> Rows,
    bool More,
    ReadOnlyMemory<byte> ResumeAfter,
    string? Detail);

/// <summary>What happened to a record.</summary>
public enum ChangeKind : byte
{
    /// <summary>It was written.</summary>
    Put = 1,

    /// <summary>It was deleted.</summary>
    Delete = 2,

    /// <summary>Its time to live ended, and it was removed.</summary>
    Expire = 3,

    /// <summary>Of tables: everything that there was is gone, at once; the change has no key.</summary>
    Truncate = 4,
}

/// <summary>A change of a record, for watchers.</summary>
/// <param name="Version">The version of the command that made it; several changes of one command share it.</param>
/// <param name="Kind">What happened.</param>
/// <param name="Key">The key; a slice of the answer.</param>
/// <param name="Value">The new value, a slice of the answer; empty unless written.</param>
public readonly record struct RecordChange(HybridTime Version, ChangeKind Kind, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value);

/// <summary>The answer to a question for changes.</summary>
/// <param name="Status">Ok, Compacted or Invalid.</param>
/// <param name="AsOf">The state's time.</param>
/// <param name="Changes">The changes of the prefix with versions above the one asked for, in order.</param>
/// <param name="Through">
/// Everything of the prefix up to this version is in the answers so far: go on after it. Compacted: the version from which on changes are
/// remembered; what is at or before it must be read anew.
/// </param>
/// <param name="More">True when there is more to ask for at once.</param>
/// <param name="Detail">Words for people when there is something to say; else null.</param>
/// <param name="Cursor">Of eventual spaces: what to ask with next, <see cref="ChangesQuery.Cursor"/>. Else empty.</param>
public sealed record ChangesPage(
    RecordsStatus Status,
    HybridTime AsOf,
    IReadOnlyList<RecordChange> Changes,
    HybridTime Through,
    bool More,
    string? Detail,
    ReadOnlyMemory<byte> Cursor = default);

/// <summary>Counts of one shard's records.</summary>
/// <param name="Status">Ok or Invalid.</param>
/// <param name="AsOf">The state's time.</param>
/// <param name="Records">Records in the store, those that expired and were not yet removed included.</param>
/// <param name="Bytes">Approximate memory: keys, values and what is kept with each.</param>
/// <param name="Expiring">Records with a time to live.</param>
/// <param name="ChangesKept">Changes remembered for watchers.</param>
/// <param name="ChangesCompactedThrough">Changes up to this version are forgotten; zero when none are.</param>
public readonly record struct RecordsStats(
    RecordsStatus Status,
    HybridTime AsOf,
    long Records,
    long Bytes,
    long Expiring,
    long ChangesKept,
    HybridTime ChangesCompactedThrough);

/// <summary>The answer to a question for a digest: sums over a part of a range.</summary>
/// <param name="Status">Ok, TimeAhead, TimeCollected or Invalid.</param>
/// <param name="AsOf">The time that the sums are of.</param>
/// <param name="Sums">The sums over the records of this part.</param>
/// <param name="More">True when the range goes on: ask again with <paramref name="ResumeAfter"/>, and add up.</param>
/// <param name="ResumeAfter">For <see cref="DigestQuery.After"/> of the next question; empty when there is none.</param>
/// <param name="Detail">Words for people when there is something to say; else null.</param>
public readonly record struct DigestPage(
    RecordsStatus Status, HybridTime AsOf, RecordsDigest Sums, bool More, ReadOnlyMemory<byte> ResumeAfter, string? Detail);
