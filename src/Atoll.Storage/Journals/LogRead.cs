using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;
using Atoll.Foundation.World;

namespace Atoll.Storage.Journals;

/// <summary>
/// One read of entries, part by part from memory and disk. A record that is not what was written is read once more, because a read may go
/// astray where the disk holds the right bytes.
/// </summary>
internal sealed class LogRead
{
    // Entries of one shard lie between those of others: reading a gap of this length costs less than another request.
    private const int GapBytesMax = 16 * 1024;
    private const int SpanBytesMax = 1024 * 1024;

    private static readonly Probe RetriedProbe = Probe.Define("journal: record read again after a mismatch");
    private static readonly Probe OvertakenProbe = Probe.Define("journal: entry truncated while it was read");

    private readonly Journal _journal;
    private readonly ShardLog _log;
    private readonly LogIndex _last;
    private readonly Action<LogReadResult> _done;
    private readonly List<LogEntry> _entries = [];
    private readonly List<Expected> _span = [];
    private LogIndex _next;
    private long _bytesLeft;

    /// <summary>A read that is not begun; first and last are in the log.</summary>
    public LogRead(Journal journal, ShardLog log, LogIndex first, LogIndex last, int maxBytes, Action<LogReadResult> done)
    {
        _journal = journal;
        _log = log;
        _next = first;
        _last = last;
        _bytesLeft = maxBytes;
        _done = done;
    }

    /// <summary>Whether what is in memory counts for nothing: everything comes from the disk, and only what is durable is read.</summary>
    public bool IsPastMemory { get; init; }

    private readonly record struct Expected(RecordHeader Header, long OffsetBytes);

    /// <summary>Takes what is in memory, and asks the disk for the rest.</summary>
    public void Continue()
    {
        while (_next <= _last && (_entries.Count == 0 || _bytesLeft > 0))
        {
            // The log may have changed while the disk was reading: what was read so far is an answer, too. What was cut off and written
            // again must not follow what was read before.
            if (!_log.Contains(_next) || !IsWhatWasReadStillThere())
            {
                break;
            }

            if (IsPastMemory && !IsDurable(_next))
            {
                break;
            }

            LogEntry entry = default;
            if (IsPastMemory || !_log.TryRead(_next, out entry))
            {
                ReadSpan();
                return;
            }

            if (!Take(entry))
            {
                break;
            }
        }

        _done(_entries.Count > 0
            ? new LogReadResult(LogReadStatus.Ok, _entries)
            : new LogReadResult(LogReadStatus.Unavailable, []));
    }

    // Where the last entry is still the one that was read, so are all before it.
    private bool IsWhatWasReadStillThere() =>
        _entries.Count == 0 || _next.Previous <= _log.CompactedIndex || _log.TermAt(_next.Previous) == _entries[^1].Term;

    private bool IsDurable(LogIndex index) => _log.Slot(index.Value).Sequence <= _journal.DurableSequence;

    private bool Take(LogEntry entry)
    {
        if (_entries.Count > 0 && entry.SizeBytes > _bytesLeft)
        {
            _bytesLeft = 0;
            return false;
        }

        Check.That(entry.Index == _next);
        _bytesLeft -= entry.SizeBytes;
        _entries.Add(entry);
        _next = _next.Next;
        return true;
    }

    private void ReadSpan()
    {
        ref var first = ref _log.Slot(_next.Value);
        var segment = first.Segment;
        var start = first.OffsetBytes;
        var end = start;
        var payloadBytes = 0L;
        _span.Clear();
        for (var index = _next; index <= _last && _log.Contains(index); index = index.Next)
        {
            ref var slot = ref _log.Slot(index.Value);
            var slotEnd = slot.OffsetBytes + slot.RecordBytes;
            if ((IsPastMemory ? !IsDurable(index) : slot.IsCached) || slot.Segment != segment || slot.OffsetBytes < end)
            {
                break;
            }

            var isFar = slot.OffsetBytes - end > GapBytesMax;
            if (_span.Count > 0 && (isFar || slotEnd - start > SpanBytesMax || payloadBytes > _bytesLeft))
            {
                break;
            }

            var header = new RecordHeader(RecordType.Entry, slot.Kind, slot.PayloadBytes, _log.ShardId, index.Value, _log.TermAt(index));
            _span.Add(new Expected(header, slot.OffsetBytes));
            payloadBytes += slot.CachedBytes;
            end = slotEnd;
        }

        Check.That(_span.Count > 0 && segment.File is not null);
        ReadFrom(segment, start, new byte[checked((int)(end - start))], isRetry: false);
    }

    private void ReadFrom(Segment segment, long start, byte[] buffer, bool isRetry)
    {
        segment.ReadsInFlight++;
        segment.File!.Read(start, buffer, result =>
        {
            segment.ReadsInFlight--;
            if (_journal.IsClosed)
            {
                return;
            }

            var bad = result.IsOk ? FindMismatch(segment, start, buffer, result.Bytes) : null;
            if (result.IsOk && bad is null)
            {
                TakeSpan(start, buffer);
                Continue();
            }
            else if (!isRetry)
            {
                RetriedProbe.Hit();
                ReadFrom(segment, start, buffer, isRetry: true);
            }
            else if (_log.IsDropped)
            {
                _done(new LogReadResult(LogReadStatus.Unavailable, []));
            }
            else
            {
                if (bad is { } damaged)
                {
                    _log.ReportDamage(segment, damaged.Index, damaged.Corruption);
                }

                _done(bad is not null
                    ? new LogReadResult(LogReadStatus.Corrupt, [], bad.Value.Corruption)
                    : new LogReadResult(LogReadStatus.Failed, [], null, result));
            }
        });
    }

    private (LogIndex Index, StorageCorruption Corruption)? FindMismatch(Segment segment, long start, byte[] buffer, long bytesRead)
    {
        foreach (var expected in _span)
        {
            var offset = (int)(expected.OffsetBytes - start);
            var length = RecordHeader.SizeBytes + expected.Header.PayloadBytes;
            if (offset + length > bytesRead)
            {
                return Mismatch("the file ends within the record");
            }

            var record = buffer.AsSpan(offset, length);
            if (!RecordHeader.IsIntact(record, segment.Mask))
            {
                return Mismatch("the record's checksum does not match");
            }

            var isHeader = RecordHeader.TryRead(record, out var header);
            var isEntry = header.Type is RecordType.Entry or RecordType.MovedEntry;
            if (!isHeader || !isEntry || header with { Type = RecordType.Entry } != expected.Header)
            {
                return Mismatch("another record is in its place");
            }

            (LogIndex, StorageCorruption) Mismatch(string why) =>
                (new LogIndex(expected.Header.Index), new StorageCorruption(segment.Name, expected.OffsetBytes, why));
        }

        return null;
    }

    private void TakeSpan(long start, byte[] buffer)
    {
        foreach (var (header, offset) in _span)
        {
            var index = new LogIndex(header.Index);
            if (index > _log.CompactedIndex && (!_log.TryTermAt(index, out var term) || term != header.Term || _log.IsDropped))
            {
                OvertakenProbe.Hit();
                _next = _last.Next;
                return;
            }

            var payload = buffer.AsMemory((int)(offset - start) + RecordHeader.SizeBytes, header.PayloadBytes);
            if (!Take(new LogEntry(index, header.Term, header.Kind, payload)))
            {
                return;
            }
        }
    }
}
