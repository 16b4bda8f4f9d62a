using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;

namespace Atoll.Kernel.Raft;

/// <summary>The appends to one follower that are not yet answered: a window, bounded in messages and in bytes.</summary>
internal sealed class InFlightAppends(int countMax, long bytesMax)
{
    private (LogIndex Last, long Bytes)[] _ring = new (LogIndex, long)[Math.Min(4, countMax)];
    private int _start;
    private long _bytes;

    internal int Count { get; private set; }

    internal bool IsFull => Count == countMax || _bytes >= bytesMax;

    internal void Add(LogIndex last, long bytes)
    {
        Check.That(!IsFull);
        Check.That(Count == 0 || last > _ring[(_start + Count - 1) % _ring.Length].Last);
        if (Count == _ring.Length)
        {
            Grow();
        }

        _ring[(_start + Count) % _ring.Length] = (last, bytes);
        Count++;
        _bytes += bytes;
    }

    /// <summary>Everything that ends at or before the index is answered.</summary>
    internal void FreeThrough(LogIndex match)
    {
        while (Count > 0 && _ring[_start].Last <= match)
        {
            _bytes -= _ring[_start].Bytes;
            _start = (_start + 1) % _ring.Length;
            Count--;
        }

        Check.That(Count > 0 || _bytes == 0);
    }

    internal void Clear()
    {
        _start = 0;
        Count = 0;
        _bytes = 0;
    }

    private void Grow()
    {
        var grown = new (LogIndex, long)[Math.Min(countMax, _ring.Length * 2)];
        for (var i = 0; i < Count; i++)
        {
            grown[i] = _ring[(_start + i) % _ring.Length];
        }

        _ring = grown;
        _start = 0;
    }
}
