using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.World;

namespace Atoll.Storage.Journals;

/// <summary>Where writing goes on.</summary>
/// <param name="Active">The segment with the last batch.</param>
/// <param name="OffsetBytes">Where the next batch begins.</param>
/// <param name="Sequence">The last batch; 0 when there is none.</param>
/// <param name="Checksum">Its header's checksum.</param>
/// <param name="HardStates">What its header says of terms and votes; 1 when nothing was written yet.</param>
/// <param name="Manifest">What it held; null when there is none.</param>
internal readonly record struct JournalTail(
    Segment Active, long OffsetBytes, long Sequence, uint Checksum, long HardStates, BatchManifest? Manifest);

/// <summary>
/// Gathers records into batches and hands these to the disk, few at a time. The chain of positions is
/// DurableSequence &lt;= WrittenSequence &lt; the open batch's sequence; the first moves when all batches up to it have been synced.
/// </summary>
internal sealed class BatchWriter
{
    private static readonly Probe RolledProbe = Probe.Define("journal: goes on in the next segment");
    private static readonly Probe RefusedProbe = Probe.Define("journal: no space for a batch");
    private static readonly Probe OversizeProbe = Probe.Define("journal: batch larger than a segment");

    private readonly Journal _journal;
    private readonly JournalOptions _options;
    private readonly Queue<Batch> _closed = new();
    private readonly List<Batch> _inFlight = [];
    private readonly Stack<Batch> _unused = new();
    private readonly byte[] _mark = new byte[DurableMark.SizeBytes];
    private Batch _open;
    private uint _previousChecksum;
    private BatchManifest? _previous;
    private long _hardStates;
    private bool _isClosed;
    private bool _isFlushWanted;
    private bool _isGrowing;
    private bool _isGrowthRefused;
    private bool _isMarking;
    private long _claimedSequence;

    /// <summary>A writer that goes on behind what is on disk.</summary>
    public BatchWriter(Journal journal, JournalOptions options, JournalTail tail)
    {
        _journal = journal;
        _options = options;
        Active = tail.Active;
        WrittenSequence = tail.Sequence;
        DurableSequence = tail.Sequence;
        _previousChecksum = tail.Checksum;
        _open = new Batch(JournalFormat.BlockBytes, Completed);
        _previous = tail.Manifest;
        _hardStates = Math.Max(1, tail.HardStates);
        _isClosed = tail.Manifest is null or { Lines.Count: 0 };
        _open.Begin(tail.Sequence + 1, tail.Active, tail.OffsetBytes, _previous);
    }

    /// <summary>The segment that batches are being written to.</summary>
    public Segment Active { get; private set; }

    /// <summary>The last batch that was handed to the disk.</summary>
    public long WrittenSequence { get; private set; }

    /// <summary>All batches up to this one are durable.</summary>
    public long DurableSequence { get; private set; }

    /// <summary>Bytes of records that are not durable yet.</summary>
    public long PendingBytes { get; private set; }

    /// <summary>True while a batch waits for space.</summary>
    public bool IsRefused => _isGrowthRefused || _inFlight.Exists(static batch => batch.IsRefused);

    /// <summary>True when nothing is buffered or under way.</summary>
    public bool IsIdle => _open.Records == 0 && !_open.IsWantedEmpty && _closed.Count == 0 && _inFlight.Count == 0;

    /// <summary>Room in the active segment behind what was written.</summary>
    public long RoomBytes => Active == _open.Segment ? Math.Max(0, Active.LengthBytes - _open.EndBytes) : 0;

    /// <summary>Adds a record.</summary>
    /// <param name="type">What it says.</param>
    /// <param name="kind">The entry's kind.</param>
    /// <param name="shard">Whose it is.</param>
    /// <param name="index">The entry's index, or the vote.</param>
    /// <param name="term">The entry's term, or the current one.</param>
    /// <param name="payload">What follows the header; copied.</param>
    /// <param name="segment">Where it will be.</param>
    /// <param name="offsetBytes">Where it will be.</param>
    /// <returns>The batch that it is in.</returns>
    public long Add(
        RecordType type,
        EntryKind kind,
        ShardId shard,
        ulong index,
        Term term,
        ReadOnlySpan<byte> payload,
        out Segment segment,
        out long offsetBytes)
    {
        var length = RecordHeader.SizeBytes + payload.Length;
        if (_open.Records > 0 && (_open.LengthBytes + length > _options.BatchBytes || !HasRoom(length)))
        {
            CloseOpen();
        }

        if (_open.Records == 0 && !HasRoom(length) && _open.OffsetBytes > JournalFormat.DataOffset)
        {
            MoveOpenToNextSegment();
        }

        offsetBytes = _open.Add(type, kind, shard, index, term, payload);
        segment = _open.Segment;
        PendingBytes += length;
        return _open.Sequence;
    }

    /// <summary>Makes sure that a batch follows, even without records.</summary>
    public void WantBatch() => _open.IsWantedEmpty = true;

    /// <summary>Everything that is buffered goes to the disk as soon as the disk takes it.</summary>
    public void Flush()
    {
        _isFlushWanted = true;
        Dispatch();
    }

    /// <summary>Tries again what was refused for lack of space.</summary>
    public void Retry()
    {
        foreach (var batch in _inFlight)
        {
            if (batch.IsRefused && !batch.IsUnderWay)
            {
                Write(batch);
            }
        }

        if (_isGrowthRefused && !_isGrowing)
        {
            Grow(_closed.Peek());
        }

        Dispatch();
    }

    /// <summary>
    /// When nothing is to do, closes with a batch that has only the manifest of the last; then writes, without a sync, that all is durable.
    /// </summary>
    public void MarkIdle()
    {
        if (!IsIdle || _isMarking || _claimedSequence >= DurableSequence)
        {
            return;
        }

        if (!_isClosed && _journal.State == JournalState.Ready)
        {
            // The manifest of the last batch is durable before a mark makes its damage provable.
            WantBatch();
            Flush();
            return;
        }

        _isMarking = true;
        var claimed = DurableSequence;
        new DurableMark(Active.Number, claimed, _hardStates, _isClosed).Write(_mark, Active.Mask);
        Active.File!.Write(JournalFormat.MarkOffset, _mark, sync: false, result =>
        {
            _isMarking = false;
            if (_journal.IsStopped)
            {
                return;
            }

            if (result.IsOk)
            {
                _claimedSequence = Math.Max(_claimedSequence, claimed);
            }
            else if (result.Status != DiskStatus.Full)
            {
                _journal.Fail(result);
            }
        });
    }

    /// <summary>Hands over what the disk has room for.</summary>
    public void Dispatch()
    {
        while (!_journal.IsStopped && !_isGrowing && !IsRefused && _inFlight.Count < _options.WritesInFlightMax && TryNext(out var batch))
        {
            // The first batch of a segment proves that the segments before it are durable: only the last one can have a torn tail.
            if (batch.Segment != Active)
            {
                if (_inFlight.Count > 0)
                {
                    return;
                }

                if (!batch.Segment.IsReady)
                {
                    _journal.Supply.Make(_journal.Chain.After(Active));
                    return;
                }
            }

            if (batch.EndBytes > batch.Segment.LengthBytes)
            {
                Grow(batch);
                return;
            }

            if (batch.Segment != Active)
            {
                RolledProbe.Hit();
                Active = batch.Segment;
            }

            _closed.Dequeue();
            _claimedSequence = DurableSequence;
            _hardStates += batch.Manifest.HardStateRecords;
            _isClosed = batch.Records == 0;
            _previousChecksum = batch.Seal(DurableSequence, _journal.Reclaimer.OldestNeeded, _previousChecksum, _hardStates);
            Check.That(batch.Sequence == WrittenSequence + 1);
            WrittenSequence = batch.Sequence;
            _inFlight.Add(batch);
            Write(batch);
            if (batch.EndBytes > Active.LengthBytes / 2)
            {
                _journal.Supply.Make(_journal.Chain.After(Active));
            }
        }
    }

    private static void Write(Batch batch)
    {
        batch.IsUnderWay = true;
        batch.Segment.File!.Write(batch.OffsetBytes, batch.Padded, sync: true, batch.Completed);
    }

    private bool HasRoom(int recordBytes) =>
        _open.OffsetBytes + JournalFormat.RoundUp(_open.LengthBytes + (long)recordBytes) <= _open.Segment.LengthBytes;

    private bool TryNext([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Batch? batch)
    {
        if (_closed.Count == 0 && _isFlushWanted && (_open.Records > 0 || _open.IsWantedEmpty))
        {
            if (_open.Records == 0 && !HasRoom(0))
            {
                MoveOpenToNextSegment();
            }

            CloseOpen();
        }

        if (_closed.TryPeek(out batch))
        {
            return true;
        }

        _isFlushWanted = false;
        return false;
    }

    private void CloseOpen()
    {
        var closed = _open;
        _closed.Enqueue(closed);
        _open = _unused.TryPop(out var unused) ? unused : new Batch(JournalFormat.BlockBytes, Completed);
        _previous = closed.Manifest;
        _open.Begin(closed.Sequence + 1, closed.Segment, closed.EndBytes, _previous);
    }

    // Only while it has no record that knows its place.
    private void MoveOpenToNextSegment()
    {
        var isWantedEmpty = _open.IsWantedEmpty;
        Check.That(_open.Records == 0);
        _open.Begin(_open.Sequence, _journal.Chain.After(_open.Segment), JournalFormat.DataOffset, _previous);
        _open.IsWantedEmpty = isWantedEmpty;
    }

    private void Grow(Batch batch)
    {
        Check.That(batch.Segment.IsReady && !_isGrowing);
        OversizeProbe.Hit();
        _isGrowing = true;
        batch.Segment.File!.Truncate(batch.EndBytes, result =>
        {
            _isGrowing = false;
            if (_journal.IsStopped)
            {
                return;
            }

            if (result.IsOk)
            {
                batch.Segment.LengthBytes = batch.EndBytes;
                _isGrowthRefused = false;
                _journal.StateMayHaveChanged();
                Dispatch();
            }
            else
            {
                _isGrowthRefused = true;
                Refuse(result);
            }
        });
    }

    private void Refuse(DiskResult result)
    {
        if (result.Status != DiskStatus.Full)
        {
            _journal.Fail(result);
            return;
        }

        RefusedProbe.Hit();
        _journal.SpaceRefused(result);
    }

    private void Completed(Batch batch, DiskResult result)
    {
        if (_journal.IsStopped)
        {
            return;
        }

        batch.IsUnderWay = false;
        batch.IsRefused = !result.IsOk;
        if (!result.IsOk)
        {
            Refuse(result);
            return;
        }

        batch.IsWritten = true;
        var before = DurableSequence;
        while (_inFlight.Count > 0 && _inFlight[0].IsWritten)
        {
            RetireFirst();
        }

        _journal.StateMayHaveChanged();
        Dispatch();
        if (DurableSequence > before)
        {
            _journal.DurableAdvanced();
        }
    }

    private void RetireFirst()
    {
        var durable = _inFlight[0];
        _inFlight.RemoveAt(0);
        Check.That(durable.Sequence == DurableSequence + 1);
        DurableSequence = durable.Sequence;
        PendingBytes -= durable.RecordBytes;
        _journal.Reclaimer.BatchDurable(durable.OldestNeededSegment);
        if (durable.CapacityBytes <= 2 * _options.BatchBytes)
        {
            _unused.Push(durable);
        }
    }
}
