using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>
/// Which of many rounds is due next. A round that moves its deadline is added again; the entry that it left behind is dropped when it comes
/// up, because the caller says that it is stale.
/// </summary>
internal sealed class DeadlineHeap
{
    // Ties are broken by the order of adding, so that a run is the same every time.
    private readonly PriorityQueue<ulong, (Instant At, ulong Order)> _heap = new();
    private ulong _order;

    /// <summary>The earliest entry's time (it may be stale: then a tick finds nothing to do); Never when there is none.</summary>
    internal Instant Next => _heap.TryPeek(out _, out var priority) ? priority.At : Instant.Never;

    internal void Add(ulong round, Instant at)
    {
        if (at != Instant.Never)
        {
            _heap.Enqueue(round, (at, _order++));
        }
    }

    /// <summary>Takes an entry that is due out; the caller compares its time with what the round now says.</summary>
    internal bool TryTake(Instant now, out ulong round, out Instant at)
    {
        if (_heap.TryPeek(out round, out var priority) && priority.At <= now)
        {
            _heap.Dequeue();
            at = priority.At;
            return true;
        }

        at = Instant.Never;
        return false;
    }
}
