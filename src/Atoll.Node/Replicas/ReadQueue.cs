using Atoll.Foundation.Logs;
using Atoll.Node.Routing;

namespace Atoll.Node.Replicas;

/// <summary>A request that is waiting, and the use of its slot that it was waiting in.</summary>
/// <param name="Pending">The request's slot.</param>
/// <param name="Number">The slot's use.</param>
internal readonly record struct HeldRequest(PendingRequest Pending, ulong Number)
{
    /// <summary>False when the request was answered meanwhile (at its deadline).</summary>
    public bool IsHeld => Pending.Number == Number && Pending.State == PendingState.InReplica;
}

/// <summary>
/// Reads on their way through a replica: they gather until a read index is asked for (one round of heartbeats serves them all),
/// wait for its
/// answer, then until the state has applied that far (Raft dissertation, section 6.4).
/// </summary>
internal sealed class ReadQueue
{
    /// <summary>Rounds under way at once: one in flight while the next gathers keeps latency low; more only costs messages.</summary>
    public const int RoundsMax = 2;

    private readonly List<Round> _rounds = new(RoundsMax);
    private readonly Stack<List<HeldRequest>> _spare = new();
    private readonly PriorityQueue<HeldRequest, LogIndex> _waitingForState = new();
    private List<HeldRequest> _gathering = [];
    private ulong _lastContext;

    /// <summary>Reads that wait, for whatever.</summary>
    public int Count { get; private set; }

    /// <summary>Whether a round should be asked for now.</summary>
    public bool WantsRound => _gathering.Count > 0 && _rounds.Count < RoundsMax;

    /// <summary>A read that needs a read index.</summary>
    public void Add(PendingRequest pending)
    {
        _gathering.Add(new HeldRequest(pending, pending.Number));
        Count++;
    }

    /// <summary>Closes the gathered reads into a round; returns the context to ask with.</summary>
    public ulong BeginRound()
    {
        _rounds.Add(new Round(++_lastContext, _gathering));
        _gathering = _spare.TryPop(out var list) ? list : [];
        return _lastContext;
    }

    /// <summary>A round was confirmed: its reads may be served once the index is applied.</summary>
    public void RoundReady(ulong context, LogIndex index)
    {
        if (TryEndRound(context, out var reads))
        {
            foreach (var read in reads)
            {
                _waitingForState.Enqueue(read, index);
            }

            Recycle(reads);
        }
    }

    /// <summary>A round was not confirmed: its reads go back.</summary>
    public void RoundFailed(ulong context, Action<PendingRequest> returned)
    {
        if (TryEndRound(context, out var reads))
        {
            GiveBack(reads, returned);
            Recycle(reads);
        }
    }

    /// <summary>Gives back what was gathered and not yet asked for: this replica does not lead (any more).</summary>
    public void ReturnGathered(Action<PendingRequest> returned)
    {
        var reads = _gathering;
        _gathering = _spare.TryPop(out var list) ? list : [];
        GiveBack(reads, returned);
        Recycle(reads);
    }

    /// <summary>The next read whose index is applied, if there is one.</summary>
    public bool TryNext(LogIndex applied, out PendingRequest pending)
    {
        while (_waitingForState.TryPeek(out var read, out var index) && index <= applied)
        {
            _waitingForState.Dequeue();
            Count--;
            if (read.IsHeld)
            {
                pending = read.Pending;
                return true;
            }
        }

        pending = null!;
        return false;
    }

    // In any order: a round asked for under a lease is answered at once, also while an earlier one still waits for its quorum.
    private bool TryEndRound(ulong context, out List<HeldRequest> reads)
    {
        for (var i = 0; i < _rounds.Count; i++)
        {
            if (_rounds[i].Context == context)
            {
                reads = _rounds[i].Reads;
                _rounds.RemoveAt(i);
                return true;
            }
        }

        reads = [];
        return false;
    }

    private void GiveBack(List<HeldRequest> reads, Action<PendingRequest> returned)
    {
        Count -= reads.Count;
        foreach (var read in reads)
        {
            if (read.IsHeld)
            {
                returned(read.Pending);
            }
        }
    }

    private void Recycle(List<HeldRequest> list)
    {
        list.Clear();
        _spare.Push(list);
    }

    private readonly record struct Round(ulong Context, List<HeldRequest> Reads);
}
