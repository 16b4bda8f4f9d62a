using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Storage.Journals;

/// <summary>
/// The log of one shard: consecutive entries after a compacted prefix, and the hard state. Changes are visible at once, and durable when the
/// journal's <see cref="Journal.DurableSequence"/> reaches the number that they return.
/// </summary>
public sealed class ShardLog
{
    /// <summary>Whose log this is.</summary>
    public ShardId ShardId => throw new NotSupportedException();

    /// <summary>The last entry that is covered by a snapshot only; 0 when nothing was compacted.</summary>
    public LogIndex CompactedIndex => throw new NotSupportedException();

    /// <summary>The term of the entry at <see cref="CompactedIndex"/>.</summary>
    public Term CompactedTerm => throw new NotSupportedException();

    /// <summary>The first entry that the log holds, or would hold: the one after <see cref="CompactedIndex"/>.</summary>
    public LogIndex FirstIndex => CompactedIndex.Next;

    /// <summary>The last entry; <see cref="CompactedIndex"/> when the log is empty.</summary>
    public LogIndex LastIndex => throw new NotSupportedException();

    /// <summary>Where terms begin, ascending; the first run begins at <see cref="FirstIndex"/>; empty when the log is.</summary>
    public IReadOnlyList<(LogIndex First, Term Term)> TermRuns => throw new NotSupportedException();

    /// <summary>Term and vote.</summary>
    public HardState HardState => throw new NotSupportedException();

    /// <summary>Bytes of the log's entries on disk: what compacting all of them would free.</summary>
    public long SizeBytes => throw new NotSupportedException();

    /// <summary>The term of an entry; false outside of [CompactedIndex, LastIndex].</summary>
    public bool TryTermAt(LogIndex index, out Term term) => throw new NotSupportedException();

    /// <summary>The term of an entry within [CompactedIndex, LastIndex].</summary>
    public Term TermAt(LogIndex index) => throw new NotSupportedException();

    /// <summary>
    /// Appends consecutive entries, after dropping those at and after the first one's index. The first index must be within
    /// [FirstIndex, LastIndex + 1]. Payloads are kept, not copied.
    /// </summary>
    /// <returns>The sequence number after which they are durable, or <see cref="Journal.Refused"/> when the journal is full or failed.</returns>
    public long Append(ReadOnlySpan<LogEntry> entries) => throw new NotSupportedException();

    /// <summary>Remembers term and vote.</summary>
    /// <returns>The sequence number after which that is durable, or <see cref="Journal.Refused"/> when the journal has failed.</returns>
    public long SaveHardState(HardState hardState) => throw new NotSupportedException();

    /// <summary>Drops the entries up to and with an index, which a durable snapshot covers. Lower ones than before change nothing.</summary>
    /// <returns>The sequence number after which that is durable, or <see cref="Journal.Refused"/> when the journal has failed.</returns>
    public long CompactPrefix(LogIndex through) => throw new NotSupportedException();

    /// <summary>Drops all entries: a durable snapshot that ends with that entry replaces them. The next entry is the one after it.</summary>
    /// <returns>The sequence number after which that is durable, or <see cref="Journal.Refused"/> when the journal has failed.</returns>
    public long ResetTo(LogIndex index, Term term) => throw new NotSupportedException();

    /// <summary>An entry, when it is in memory.</summary>
    public bool TryRead(LogIndex index, out LogEntry entry) => throw new NotSupportedException();

    /// <summary>
    /// Entries from memory or disk: as many of [first, last] as fit into the bytes, and at least one. When all are in memory,
    /// <paramref name="done"/> is called before this returns.
    /// </summary>
    public void Read(LogIndex first, LogIndex last, int maxBytes, Action<LogReadResult> done) => throw new NotSupportedException();
}
