using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;
using Atoll.Node.Routing;

namespace Atoll.Node.Replicas;

/// <summary>
/// The requests whose entries wait to be applied, in log order. An entry's fate is known only when its index is applied: with the
/// entry's own term it has taken effect, with another it never will. Losing leadership settles nothing.
/// </summary>
internal sealed class ProposalQueue
{
    private readonly List<Proposed> _entries = [];
    private int _head;

    /// <summary>Proposals that wait.</summary>
    public int Count => _entries.Count - _head;

    /// <summary>Their payloads together.</summary>
    public long Bytes { get; private set; }

    /// <summary>
    /// Adds a proposal. What waits at this index or behind it was proposed in an earlier term, and has vanished from the log of a leader:
    /// it can never be committed (leader completeness), and is given back through <paramref name="lost"/>.
    /// </summary>
    public void Add(LogIndex index, Term term, PendingRequest pending, int payloadBytes, Action<PendingRequest> lost)
    {
        while (Count > 0 && _entries[^1].Index >= index)
        {
            var last = _entries[^1];
            Check.That(last.Term < term);
            _entries.RemoveAt(_entries.Count - 1);
            Bytes -= last.PayloadBytes;
            if (last.IsHeld)
            {
                lost(last.Pending);
            }
        }

        _entries.Add(new Proposed(index, term, pending, pending.Number, payloadBytes));
        Bytes += payloadBytes;
    }

    /// <summary>
    /// An entry is applied: gives back the request that waited for just this one, if it is still held. Requests whose place another entry
    /// took go to <paramref name="lost"/>.
    /// </summary>
    public PendingRequest? Applied(LogIndex index, Term term, Action<PendingRequest> lost)
    {
        PendingRequest? owner = null;
        while (Count > 0 && _entries[_head].Index <= index)
        {
            var first = _entries[_head];
            _entries[_head] = default;
            _head++;
            Bytes -= first.PayloadBytes;
            if (!first.IsHeld)
            {
                continue;
            }

            if (first.Index == index && first.Term == term)
            {
                owner = first.Pending;
            }
            else
            {
                lost(first.Pending);
            }
        }

        if (_head == _entries.Count)
        {
            _entries.Clear();
            _head = 0;
        }
        else if (_head >= 4096 && _head * 2 >= _entries.Count)
        {
            _entries.RemoveRange(0, _head);
            _head = 0;
        }

        return owner;
    }

    /// <summary>Takes out every proposal up to an index whose fate will never be seen here, because a snapshot took its place.</summary>
    public void Skipped(LogIndex through, Action<PendingRequest> uncertain)
    {
        while (Count > 0 && _entries[_head].Index <= through)
        {
            var first = _entries[_head];
            _entries[_head] = default;
            _head++;
            Bytes -= first.PayloadBytes;
            if (first.IsHeld)
            {
                uncertain(first.Pending);
            }
        }
    }

    private readonly record struct Proposed(LogIndex Index, Term Term, PendingRequest Pending, ulong Number, int PayloadBytes)
    {
        // The slot may have been answered at its deadline and be in use for another request.
        public bool IsHeld => Pending.Number == Number && Pending.State == PendingState.InReplica;
    }
}
