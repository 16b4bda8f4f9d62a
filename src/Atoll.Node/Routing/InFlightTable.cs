using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Node.Routing;

/// <summary>
/// The requests that a loop holds, in slots that are used again. Its size is the loop's bound on unanswered requests: when no slot is
/// free, the answer is "overloaded". Slots are visited in order, so that nothing depends on hashes.
/// </summary>
public sealed class InFlightTable
{
    private readonly List<PendingRequest> _slots = [];
    private readonly Stack<int> _free = new();
    private readonly int _max;
    private ulong _uses;

    /// <summary>A table of at most that many requests.</summary>
    /// <param name="max">The bound.</param>
    /// <param name="uses">
    /// Where the count of uses begins: at another place in each life of a loop, or an answer that was on its way to the last life would
    /// be taken for one to a request of this one.
    /// </param>
    public InFlightTable(int max, ulong uses = 0)
    {
        Check.That(max > 0);
        _max = max;
        _uses = uses;
    }

    /// <summary>Requests held.</summary>
    public int Count { get; private set; }

    /// <summary>Takes a slot; null when the loop is full.</summary>
    public PendingRequest? TryTake()
    {
        if (!_free.TryPop(out var slot))
        {
            if (_slots.Count >= _max)
            {
                return null;
            }

            slot = _slots.Count;
            _slots.Add(new PendingRequest(slot));
        }

        var pending = _slots[slot];
        Check.That(pending.State == PendingState.Free);
        Count++;
        _uses++;

        // The slot in the low half finds the request, the count of uses in the high half tells a late answer from a right one.
        pending.Number = (_uses << 32) | (uint)slot;
        pending.State = PendingState.Parked;
        return pending;
    }

    /// <summary>The request with that number, if it is still held.</summary>
    public bool TryFind(ulong number, out PendingRequest pending)
    {
        var slot = (int)(number & 0x7FFF_FFFF);
        pending = slot < _slots.Count ? _slots[slot] : null!;
        return pending is not null && pending.Number == number && pending.State != PendingState.Free;
    }

    /// <summary>Gives a slot back.</summary>
    public void Release(PendingRequest pending)
    {
        Check.That(pending.State != PendingState.Free);
        Count--;
        pending.State = PendingState.Free;
        pending.Number = 0;
        pending.Request = null!;
        pending.Sink = null;
        pending.Origin = default;
        pending.OriginNumber = 0;
        pending.Deadline = Instant.Zero;
        pending.RetryAt = Instant.Zero;
        pending.ForwardedTo = default;
        pending.Shard = ShardId.None;
        pending.StaysHere = false;
        pending.Forwards = 0;
        pending.Attempts = 0;
        pending.MayHaveTakenEffect = false;
        pending.LastProblem = null;
        Check.That(pending.Span is null && pending.AttemptSpan is null);
        _free.Push(pending.Slot);
    }

    /// <summary>
    /// Calls back for each held request, by slot. The callback may release the request it was given, and may take
    /// new slots, which may or may not be visited.
    /// </summary>
    public void Visit<TState>(TState state, Action<TState, PendingRequest> visit)
    {
        var left = Count;
        for (var slot = 0; slot < _slots.Count && left > 0; slot++)
        {
            if (_slots[slot].State != PendingState.Free)
            {
                left--;
                visit(state, _slots[slot]);
            }
        }
    }
}
