using Atoll.Foundation.Logs;
using Atoll.Foundation.World;

namespace Atoll.Storage.Journals;

/// <summary>How a read of log entries ended.</summary>
public enum LogReadStatus : byte
{
    /// <summary>The entries are there: consecutive from the first that was asked for, at least one.</summary>
    Ok = 0,

    /// <summary>
    /// The first entry is not in the log (any more): it was compacted, truncated or dropped, perhaps while the disk was reading.
    /// </summary>
    Unavailable = 1,

    /// <summary>A record on disk is not what was written, at the second try too.</summary>
    Corrupt = 2,

    /// <summary>The disk could not read.</summary>
    Failed = 3,
}

/// <summary>The end of <see cref="ShardLog.Read"/>.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Entries">The entries; empty unless Ok. Payloads are immutable and may be kept.</param>
/// <param name="Corruption">What is damaged; null unless Corrupt.</param>
/// <param name="DiskResult">What the disk said; meaningful when Failed.</param>
public readonly record struct LogReadResult(
    LogReadStatus Status,
    IReadOnlyList<LogEntry> Entries,
    StorageCorruption? Corruption = null,
    DiskResult DiskResult = default);
