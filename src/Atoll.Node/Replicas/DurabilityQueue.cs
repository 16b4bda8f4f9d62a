using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Kernel.Raft;

namespace Atoll.Node.Replicas;

/// <summary>
/// What a replica may do only once something is on its disk, in the order in which it came up: messages that promise what was saved
/// (votes, acknowledged entries), and the news for the core that entries are durable.
/// </summary>
internal sealed class DurabilityQueue
{
    private readonly Queue<Waiting> _waiting = new();
    private long _lastSequence;

    /// <summary>Whether nothing waits.</summary>
    public bool IsEmpty => _waiting.Count == 0;

    /// <summary>Something was handed to the journal, durable at that sequence number.</summary>
    public void Wrote(long sequence)
    {
        Check.That(sequence >= _lastSequence);
        _lastSequence = sequence;
    }

    /// <summary>Entries were appended: tell the core when they are durable.</summary>
    public void Appended(long sequence, LogIndex last, Term term)
    {
        Wrote(sequence);
        _waiting.Enqueue(new Waiting(sequence, NodeId.None, default, last, term));
    }

    /// <summary>A message that promises all that was written before it. False: it may leave at once.</summary>
    public bool TryHold(NodeId to, in RaftMessage message, long durableSequence)
    {
        if (_waiting.Count == 0 && durableSequence >= _lastSequence)
        {
            return false;
        }

        _waiting.Enqueue(new Waiting(_lastSequence, to, message, LogIndex.Zero, Term.Zero));
        return true;
    }

    /// <summary>Takes the next thing whose time has come: a message when <paramref name="to"/> is a node, else durable entries.</summary>
    public bool TryTake(long durableSequence, out NodeId to, out RaftMessage message, out LogIndex durable, out Term term)
    {
        if (_waiting.TryPeek(out var next) && next.Sequence <= durableSequence)
        {
            _waiting.Dequeue();
            (to, message, durable, term) = (next.To, next.Message, next.Index, next.Term);
            return true;
        }

        (to, message, durable, term) = (NodeId.None, default, LogIndex.Zero, Term.Zero);
        return false;
    }

    private readonly record struct Waiting(long Sequence, NodeId To, RaftMessage Message, LogIndex Index, Term Term);
}
