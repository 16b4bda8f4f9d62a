using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;

namespace Atoll.Storage.Journals;

/// <summary>
/// Frees the oldest segment by writing what is still needed of it again, at the end of the journal: a shard that sleeps must not pin
/// segments for ever. It does so only where that is cheap (Rosenblum and Ousterhout, 1992: clean where utilisation is low), a piece at a
/// time, each durable before the next.
/// </summary>
internal sealed class SegmentCleaner
{
    private const int PieceBytes = 256 * 1024;

    private static readonly Probe CleanedProbe = Probe.Define("journal: leftovers moved out of the oldest segment");
    private static readonly Probe CorruptProbe = Probe.Define("journal: corruption found while moving leftovers");

    private readonly Journal _journal;
    private readonly List<(ShardLog Log, LogIndex First, LogIndex Last)> _runs = [];
    private Segment? _segment;
    private Segment? _unreadable;
    private int _next;
    private bool _isReading;
    private bool _isAdvancing;
    private long _waitsForSequence;

    /// <summary>A cleaner of a journal.</summary>
    public SegmentCleaner(Journal journal) => _journal = journal;

    /// <summary>Starts on the oldest segment when it is worth it, and goes on with what was begun.</summary>
    public void Advance()
    {
        if (_isAdvancing)
        {
            return; // a read that memory answered ends within the loop below
        }

        _isAdvancing = true;
        if (_segment is null && IsWorthCleaning(out var oldest))
        {
            Start(oldest);
        }

        while (_segment is { } segment && !_isReading && _journal.Writer.DurableSequence >= _waitsForSequence)
        {
            MoveNext(segment);
        }

        _isAdvancing = false;
    }

    /// <summary>What could not be read is not needed any more.</summary>
    public void TryAgain() => _unreadable = null;

    private bool IsWorthCleaning(out Segment oldest)
    {
        var writer = _journal.Writer;
        oldest = _journal.Chain.Oldest;
        if (oldest.Number >= writer.Active.Number || oldest.LiveBytes == 0 || oldest == _unreadable
            || _journal.LogDamages.Count > 0) // its segments are to be left as they are
        {
            return false;
        }

        // When full, what is moved must fit into the room that is left, and leave some of it for hard states.
        if (_journal.State != JournalState.Ready && oldest.LiveBytes > writer.RoomBytes / 2)
        {
            return false;
        }

        long sealedBytes = 0, liveBytes = 0;
        foreach (var segment in _journal.Chain.All)
        {
            if (segment.Number < writer.Active.Number)
            {
                sealedBytes += segment.LengthBytes;
                liveBytes += segment.LiveBytes;
            }
        }

        return oldest.LiveBytes <= oldest.LengthBytes / 4 || liveBytes <= sealedBytes / 2;
    }

    private void Start(Segment segment)
    {
        _segment = segment;
        _next = 0;
        _waitsForSequence = 0;
        _runs.Clear();
        var left = segment.LiveBytes;
        foreach (var log in _journal.Logs)
        {
            left -= log.FindIn(segment, left, _runs);
            if (left == 0)
            {
                break;
            }
        }

        Check.That(left == 0);
        foreach (var log in _journal.Logs)
        {
            _waitsForSequence = Math.Max(_waitsForSequence, log.MoveStateFrom(segment));
        }

        _journal.Writer.Flush();
    }

    private void MoveNext(Segment segment)
    {
        if (_next == _runs.Count)
        {
            CleanedProbe.Hit();
            _segment = null;
            return;
        }

        var (log, first, last) = _runs[_next];
        first = LogIndex.Max(first, log.FirstIndex);
        last = LogIndex.Min(last, log.LastIndex);
        if (log.IsDropped || first > last)
        {
            _next++;
            return;
        }

        _isReading = true;
        log.Read(first, last, PieceBytes, result =>
        {
            _isReading = false;
            Move(segment, log, first, result);
            Advance();
        });
    }

    private void Move(Segment segment, ShardLog log, LogIndex first, LogReadResult result)
    {
        var (_, _, last) = _runs[_next];
        switch (result.Status)
        {
            case LogReadStatus.Ok:
                foreach (var entry in result.Entries)
                {
                    _waitsForSequence = Math.Max(_waitsForSequence, log.MoveEntryFrom(segment, entry));
                }

                _runs[_next] = (log, result.Entries[^1].Index.Next, last);
                _journal.Writer.Flush();
                break;
            case LogReadStatus.Unavailable:
                _runs[_next] = (log, first.Next, last);
                break;
            case LogReadStatus.Corrupt:
                CorruptProbe.Hit();
                _unreadable = segment;
                _segment = null;
                _journal.ReportCorruption(result.Corruption!);
                break;
            default:
                _segment = null; // tried again at the next maintenance
                break;
        }
    }
}
