using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Storage.Journals;

/// <summary>
/// The log of one shard: consecutive entries after a compacted prefix, and the hard state. Changes are visible at once, and durable
/// when the
/// journal's <see cref="Journal.DurableSequence"/> reaches the number that they return.
/// </summary>
public sealed class ShardLog
{
    private readonly Journal _journal;
    private readonly EntryTable _entries = new();
    private readonly TermTable _terms = new();
    private StateRecord _hardStateRecord;
    private StateRecord _baseRecord;
    private StateRecord _rebuildingRecord;
    private StateRecord _damagedRecord;

    /// <summary>An empty log.</summary>
    /// <param name="journal">The journal.</param>
    /// <param name="shard">Whose log it is.</param>
    /// <param name="lost">What may have held records of it nevertheless; null when nothing.</param>
    internal ShardLog(Journal journal, ShardId shard, LostBatches? lost = null)
    {
        _journal = journal;
        ShardId = shard;
        Damage = lost is null ? null : new LogDamage(lost.Corruption, LogIndex.Zero.Next, null, IsHardStateProven: false);
    }

    /// <summary>A log as it was found on disk.</summary>
    internal ShardLog(Journal journal, RecoveredShard recovered) : this(journal, recovered.Shard)
    {
        HardState = recovered.HardState;
        CompactedIndex = recovered.BaseIndex;
        CompactedTerm = recovered.BaseTerm;
        LastIndex = recovered.BaseIndex;
        Hold(ref _hardStateRecord, recovered.HardStateSegment, sequence: 0);
        Hold(ref _baseRecord, recovered.BaseSegment, sequence: 0);
        Hold(ref _rebuildingRecord, recovered.RebuildingSegment, sequence: 0);
        IsRebuilding = recovered.RebuildingSegment is not null;
        Hold(ref _damagedRecord, recovered.DamagedSegment, sequence: 0);
        Damage = recovered.Damage;
        _entries.Restart(CompactedIndex.Value + 1);
        foreach (var entry in recovered.Entries)
        {
            var slot = new EntrySlot
            {
                Segment = entry.Segment,
                OffsetBytes = entry.OffsetBytes,
                PayloadBytes = entry.Header.PayloadBytes,
                Kind = entry.Header.Kind,
            };
            AddSlot(new LogIndex(entry.Header.Index), entry.Header.Term, slot);
        }
    }

    // Where the latest record of a kind is; a segment of null when there is none.
    private record struct StateRecord(Segment? Segment, long Sequence);

    /// <summary>Whose log this is.</summary>
    public ShardId ShardId { get; }

    /// <summary>The last entry that is covered by a snapshot only; 0 when nothing was compacted.</summary>
    public LogIndex CompactedIndex { get; private set; }

    /// <summary>The term of the entry at <see cref="CompactedIndex"/>.</summary>
    public Term CompactedTerm { get; private set; }

    /// <summary>The first entry that the log holds, or would hold: the one after <see cref="CompactedIndex"/>.</summary>
    public LogIndex FirstIndex => CompactedIndex.Next;

    /// <summary>The last entry; <see cref="CompactedIndex"/> when the log is empty.</summary>
    public LogIndex LastIndex { get; private set; }

    /// <summary>
    /// Where terms begin, ascending; the first run begins at <see cref="FirstIndex"/>; empty when the log is. A view: it changes with
    /// the log.
    /// </summary>
    public IReadOnlyList<(LogIndex First, Term Term)> TermRuns => _terms.Runs;

    /// <summary>Term and vote.</summary>
    public HardState HardState { get; private set; }

    /// <summary>
    /// What may be lost of the log; null when it is sound. Segments from the damage on stay until the log begins anew or is dropped.
    /// </summary>
    public LogDamage? Damage
    {
        get;
        private set
        {
            field = value;
            _journal.SetDamage(ShardId, value);
        }
    }

    /// <summary>
    /// Whether the replica is being rebuilt from others (<see cref="BeginRebuilding"/>), through restarts and crashes.
    /// </summary>
    public bool IsRebuilding { get; private set; }

    /// <summary>Bytes of the log's entries on disk: what compacting all of them would free.</summary>
    public long SizeBytes { get; private set; }

    /// <summary>True once the journal has dropped the shard.</summary>
    internal bool IsDropped { get; private set; }

    /// <summary>The term of an entry; false outside of [CompactedIndex, LastIndex].</summary>
    public bool TryTermAt(LogIndex index, out Term term)
    {
        var isKnown = index >= CompactedIndex && index <= LastIndex;
        term = !isKnown ? Term.Zero : index == CompactedIndex ? CompactedTerm : _terms.TermAt(index);
        return isKnown;
    }

    /// <summary>The term of an entry within [CompactedIndex, LastIndex].</summary>
    public Term TermAt(LogIndex index)
    {
        var isKnown = TryTermAt(index, out var term);
        Check.That(isKnown);
        return term;
    }

    /// <summary>The entries of one kind, ascending: after a restart, where the memberships are. It looks at every entry's slot.</summary>
    public IReadOnlyList<LogIndex> IndexesOf(EntryKind kind)
    {
        var indexes = new List<LogIndex>();
        for (var index = FirstIndex; index <= LastIndex; index = index.Next)
        {
            if (_entries[index.Value].Kind == kind)
            {
                indexes.Add(index);
            }
        }

        return indexes;
    }

    /// <summary>
    /// Appends consecutive entries, after dropping those at and after the first one's index. The first index must be within
    /// [FirstIndex, LastIndex + 1]. Payloads are kept, not copied.
    /// </summary>
    /// <returns>
    /// The sequence number after which they are durable, or <see cref="Journal.Refused"/> when the journal is full or failed.
    /// </returns>
    public long Append(ReadOnlySpan<LogEntry> entries)
    {
        Check.That(!IsDropped && entries.Length > 0);
        Check.That(entries[0].Index >= FirstIndex && entries[0].Index <= LastIndex.Next);
        if (_journal.State != JournalState.Ready)
        {
            return Journal.Refused;
        }

        var sequence = 0L;
        foreach (ref readonly var entry in entries)
        {
            var slot = Write(RecordType.Entry, entry);
            TruncateFrom(entry.Index, slot.Sequence);
            Check.That(entry.Index == LastIndex.Next && (LastIndex == CompactedIndex || entry.Term >= TermAt(LastIndex)));
            AddSlot(entry.Index, entry.Term, slot);
            _journal.Cache.Added(this, entry.Index.Value, slot);
            sequence = slot.Sequence;
        }

        return sequence;
    }

    /// <summary>Remembers term and vote.</summary>
    /// <returns>The sequence number after which that is durable, or <see cref="Journal.Refused"/> when the journal has failed.</returns>
    public long SaveHardState(HardState hardState)
    {
        Check.That(!IsDropped && hardState.Term >= HardState.Term);
        if (_journal.IsStopped)
        {
            return Journal.Refused;
        }

        if (hardState != HardState)
        {
            HardState = hardState;
            WriteHardState();
        }

        return _hardStateRecord.Sequence;
    }

    /// <summary>
    /// Drops the entries up to and with an index, which a durable snapshot covers. Lower ones than before change nothing.
    /// </summary>
    /// <returns>The sequence number after which that is durable, or <see cref="Journal.Refused"/> when the journal has failed.</returns>
    public long CompactPrefix(LogIndex through)
    {
        Check.That(!IsDropped && through <= LastIndex);
        if (_journal.IsStopped)
        {
            return Journal.Refused;
        }

        if (through > CompactedIndex)
        {
            var term = TermAt(through);
            WriteBase(RecordType.Base, through, term);
            for (var index = FirstIndex; index <= through; index = index.Next)
            {
                Forget(ref _entries[index.Value], _baseRecord.Sequence);
                _entries.RemoveFirst();
            }

            _terms.CompactThrough(through, LastIndex);
            CompactedIndex = through;
            CompactedTerm = term;
        }

        return _baseRecord.Sequence;
    }

    /// <summary>
    /// Drops all entries: a durable snapshot that ends with that entry replaces them. The next entry is the one after it.
    /// </summary>
    /// <returns>The sequence number after which that is durable, or <see cref="Journal.Refused"/> when the journal has failed.</returns>
    public long ResetTo(LogIndex index, Term term)
    {
        Check.That(!IsDropped && index >= CompactedIndex);
        if (_journal.IsStopped)
        {
            return Journal.Refused;
        }

        WriteBase(RecordType.Reset, index, term);
        TruncateFrom(FirstIndex, _baseRecord.Sequence);
        CompactedIndex = index;
        CompactedTerm = term;
        LastIndex = index;
        _entries.Restart(index.Value + 1);
        return _baseRecord.Sequence;
    }

    /// <summary>
    /// Drops all entries, good and bad, keeps term and vote, and remembers that the replica has to get back from others what it had: until
    /// <see cref="EndRebuilding"/> it must not vote (docs/raft.md). The next entry is the first.
    /// </summary>
    /// <returns>The sequence number after which that is durable, or <see cref="Journal.Refused"/> when the journal has failed.</returns>
    public long BeginRebuilding()
    {
        Check.That(!IsDropped && Damage is null or { IsHardStateProven: true });
        if (_journal.IsStopped)
        {
            return Journal.Refused;
        }

        // In this order: an empty log that does not know that it was emptied would be a new voter's.
        IsRebuilding = true;
        WriteRebuilding();
        TruncateFrom(FirstIndex, WriteBase(RecordType.Reset, LogIndex.Zero, Term.Zero));
        CompactedIndex = LogIndex.Zero;
        CompactedTerm = Term.Zero;
        LastIndex = LogIndex.Zero;
        _entries.Restart(1);

        // Behind the damage, so that the latest is proven at every opening to come.
        var sequence = WriteHardState();
        Release(ref _damagedRecord, sequence);
        Damage = null;
        _journal.DamageGone();
        return sequence;
    }

    /// <summary>The replica has all that it had, and votes again.</summary>
    /// <returns>The sequence number after which that is durable, or <see cref="Journal.Refused"/> when the journal has failed.</returns>
    public long EndRebuilding()
    {
        Check.That(!IsDropped);
        if (_journal.IsStopped)
        {
            return Journal.Refused;
        }

        var sequence = _journal.Writer.Add(RecordType.Rebuilding, 0, ShardId, 0, Term.Zero, default, out _, out _);
        Release(ref _rebuildingRecord, sequence);
        IsRebuilding = false;
        return sequence;
    }

    /// <summary>An entry, when it is in memory.</summary>
    public bool TryRead(LogIndex index, out LogEntry entry)
    {
        if (_entries.Contains(index.Value))
        {
            ref var slot = ref _entries[index.Value];
            if (slot.IsCached)
            {
                entry = new LogEntry(index, _terms.TermAt(index), slot.Kind, slot.Payload);
                return true;
            }
        }

        entry = default;
        return false;
    }

    /// <summary>Nobody will read an entry again while all is well: its payload leaves memory, once it is durable.</summary>
    public void LetGo(LogIndex index)
    {
        if (_entries.Contains(index.Value))
        {
            _journal.Cache.LetGo(ref _entries[index.Value], _journal.DurableSequence);
        }
    }

    /// <summary>
    /// Entries from memory or disk: as many of [first, last] as fit into the bytes, and at least one. When all are in memory,
    /// <paramref name="done"/> is called before this returns.
    /// </summary>
    public void Read(LogIndex first, LogIndex last, int maxBytes, Action<LogReadResult> done) =>
        BeginRead(first, last, maxBytes, isPastMemory: false, done);

    /// <summary>
    /// Entries from the disk, whatever of them is in memory: to see whether what is durable is still what was written. As
    /// <see cref="Read"/>, but it ends, or answers Unavailable, where nothing more is durable.
    /// </summary>
    public void ReadDurable(LogIndex first, LogIndex last, int maxBytes, Action<LogReadResult> done) =>
        BeginRead(first, last, maxBytes, isPastMemory: true, done);

    private void BeginRead(LogIndex first, LogIndex last, int maxBytes, bool isPastMemory, Action<LogReadResult> done)
    {
        Check.That(first <= last);
        if (IsDropped || !Contains(first))
        {
            done(new LogReadResult(LogReadStatus.Unavailable, []));
            return;
        }

        new LogRead(_journal, this, first, LogIndex.Min(last, LastIndex), maxBytes, done) { IsPastMemory = isPastMemory }.Continue();
    }

    /// <summary>True when the log holds that entry.</summary>
    internal bool Contains(LogIndex index) => _entries.Contains(index.Value);

    /// <summary>True when the entry's payload is in memory and its record is in that batch.</summary>
    internal bool HasCached(ulong index, long sequence) =>
        _entries.Contains(index) && _entries[index].IsCached && _entries[index].Sequence == sequence;

    /// <summary>Where an entry is.</summary>
    internal ref EntrySlot Slot(ulong index) => ref _entries[index];

    /// <summary>The journal forgets the shard, by what the given batch says.</summary>
    internal void Drop(long sequence)
    {
        TruncateFrom(FirstIndex, sequence);
        Release(ref _hardStateRecord, sequence);
        Release(ref _baseRecord, sequence);
        Release(ref _rebuildingRecord, sequence);
        Release(ref _damagedRecord, sequence);
        IsDropped = true;
        if (Damage is not null)
        {
            Damage = null;
            _journal.DamageGone();
        }
    }

    /// <summary>An entry's record is not what was written.</summary>
    internal void ReportDamage(Segment segment, LogIndex index, StorageCorruption corruption)
    {
        if (Damage is null && !IsDropped && Contains(index) && Slot(index.Value).Segment == segment)
        {
            Damage = new LogDamage(corruption, index, index, IsHardStateProven: true);
            Hold(ref _damagedRecord, segment, sequence: 0);
        }
    }

    /// <summary>Bytes of entries in a segment.</summary>
    internal long EntryBytesIn(Segment segment)
    {
        var bytes = 0L;
        for (var index = FirstIndex; index <= LastIndex; index = index.Next)
        {
            ref var slot = ref _entries[index.Value];
            bytes += slot.Segment == segment ? slot.RecordBytes : 0;
        }

        return bytes;
    }

    /// <summary>Finds the runs of entries that are in a segment, until that many bytes of it have been found.</summary>
    /// <returns>Bytes found, those of term, vote and base included.</returns>
    internal long FindIn(Segment segment, long bytesMax, List<(ShardLog Log, LogIndex First, LogIndex Last)> runs)
    {
        var bytes = 0L;
        bytes += _hardStateRecord.Segment == segment ? RecordHeader.SizeBytes : 0;
        bytes += _baseRecord.Segment == segment ? RecordHeader.SizeBytes : 0;
        bytes += _rebuildingRecord.Segment == segment ? RecordHeader.SizeBytes : 0;
        var isInRun = false;
        for (var index = FirstIndex; index <= LastIndex && bytes < bytesMax; index = index.Next)
        {
            ref var slot = ref _entries[index.Value];
            if (slot.Segment != segment)
            {
                isInRun = false;
                continue;
            }

            bytes += slot.RecordBytes;
            runs.Add(isInRun ? (this, runs[^1].First, index) : (this, index, index));
            if (isInRun)
            {
                runs.RemoveAt(runs.Count - 2);
            }

            isInRun = true;
        }

        return bytes;
    }

    /// <summary>Writes term, vote and base again when they are in that segment.</summary>
    /// <returns>The sequence number after which that is durable; 0 when there was nothing to do.</returns>
    internal long MoveStateFrom(Segment segment)
    {
        var sequence = 0L;
        if (_hardStateRecord.Segment == segment)
        {
            sequence = WriteHardState();
        }

        if (_baseRecord.Segment == segment)
        {
            sequence = WriteBase(RecordType.Base, CompactedIndex, CompactedTerm);
        }

        if (_rebuildingRecord.Segment == segment)
        {
            sequence = WriteRebuilding();
        }

        return sequence;
    }

    /// <summary>Writes an entry again when it is still the same and in that segment.</summary>
    /// <returns>The sequence number after which that is durable; 0 when there was nothing to do.</returns>
    internal long MoveEntryFrom(Segment segment, in LogEntry entry)
    {
        if (IsDropped || !Contains(entry.Index) || TermAt(entry.Index) != entry.Term || Slot(entry.Index.Value).Segment != segment)
        {
            return 0;
        }

        ref var slot = ref _entries[entry.Index.Value];
        var moved = Write(RecordType.MovedEntry, entry);
        segment.Release(slot.RecordBytes, moved.Sequence);
        moved.Segment.Hold(moved.RecordBytes);
        var wasCached = slot.IsCached;
        slot = moved;
        if (wasCached)
        {
            _journal.Cache.Moved(this, entry.Index.Value, slot);
        }
        else
        {
            _journal.Cache.Added(this, entry.Index.Value, slot);
        }

        return moved.Sequence;
    }

    private EntrySlot Write(RecordType type, in LogEntry entry)
    {
        var sequence = _journal.Writer.Add(
            type, entry.Kind, ShardId, entry.Index.Value, entry.Term, entry.Payload.Span, out var segment, out var offsetBytes);
        return new EntrySlot
        {
            Payload = entry.Payload,
            Segment = segment,
            Sequence = sequence,
            OffsetBytes = offsetBytes,
            PayloadBytes = entry.Payload.Length,
            Kind = entry.Kind,
            IsCached = true,
        };
    }

    /// <summary>Writes term and vote, again or anew.</summary>
    internal long WriteHardState()
    {
        var sequence = _journal.Writer.Add(
            RecordType.HardState, 0, ShardId, HardState.Vote.Value, HardState.Term, default, out var segment, out _);
        Hold(ref _hardStateRecord, segment, sequence);
        return sequence;
    }

    private long WriteRebuilding()
    {
        var sequence = _journal.Writer.Add(RecordType.Rebuilding, 0, ShardId, 1, Term.Zero, default, out var segment, out _);
        Hold(ref _rebuildingRecord, segment, sequence);
        return sequence;
    }

    private long WriteBase(RecordType type, LogIndex index, Term term)
    {
        var sequence = _journal.Writer.Add(type, 0, ShardId, index.Value, term, default, out var segment, out _);
        Hold(ref _baseRecord, segment, sequence);
        return sequence;
    }

    private void AddSlot(LogIndex index, Term term, in EntrySlot slot)
    {
        _entries.Add() = slot;
        _terms.Append(index, term);
        slot.Segment.Hold(slot.RecordBytes);
        SizeBytes += slot.RecordBytes;
        LastIndex = index;
    }

    private void TruncateFrom(LogIndex first, long sequence)
    {
        if (first > LastIndex)
        {
            return;
        }

        for (; LastIndex >= first; LastIndex = LastIndex.Previous)
        {
            Forget(ref _entries[LastIndex.Value], sequence);
            _entries.RemoveLast();
        }

        _terms.TruncateFrom(first);
    }

    private void Forget(ref EntrySlot slot, long sequence)
    {
        slot.Segment.Release(slot.RecordBytes, sequence);
        SizeBytes -= slot.RecordBytes;
        if (slot.IsCached)
        {
            _journal.Cache.Removed(slot);
        }
    }

    private static void Hold(ref StateRecord record, Segment? segment, long sequence)
    {
        Release(ref record, sequence);
        segment?.Hold(RecordHeader.SizeBytes);
        record = new StateRecord(segment, sequence);
    }

    private static void Release(ref StateRecord record, long sequence)
    {
        record.Segment?.Release(RecordHeader.SizeBytes, sequence);
        record = default;
    }
}
