using Atoll.Foundation.Checks;

namespace Atoll.Storage.Journals;

/// <summary>The segments of a journal by number, without gaps.</summary>
internal sealed class SegmentChain
{
    private readonly List<Segment> _segments;
    private readonly string _folder;
    private readonly ulong _identity;
    private readonly long _segmentBytes;

    /// <summary>A chain of what is on disk, at least one segment.</summary>
    public SegmentChain(string folder, ulong identity, long segmentBytes, IEnumerable<Segment> segments)
    {
        _folder = folder;
        _identity = identity;
        _segmentBytes = segmentBytes;
        _segments = [.. segments];
        Check.That(_segments.Count > 0);
    }

    /// <summary>All, the oldest first.</summary>
    public IReadOnlyList<Segment> All => _segments;

    /// <summary>The oldest one.</summary>
    public Segment Oldest => _segments[0];

    /// <summary>The journal's identity.</summary>
    public ulong Identity => _identity;

    /// <summary>The segment with that number.</summary>
    public Segment this[ulong number] => _segments[checked((int)(number - Oldest.Number))];

    /// <summary>The one after a segment; it is planned when there is none.</summary>
    public Segment After(Segment segment)
    {
        var next = checked((int)(segment.Number + 1 - Oldest.Number));
        Check.That(next > 0 && next <= _segments.Count);
        if (next == _segments.Count)
        {
            _segments.Add(new Segment(_folder, segment.Number + 1, _identity, _segmentBytes));
        }

        return _segments[next];
    }

    /// <summary>Forgets the oldest one.</summary>
    public void RemoveOldest()
    {
        Check.That(_segments.Count > 1 && Oldest.LiveBytes == 0 && Oldest.ReadsInFlight == 0);
        _segments.RemoveAt(0);
    }
}
