using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;

namespace Atoll.Node.Eventual;

/// <summary>
/// The writes that this loop keeps for replicas that were absent, in memory: a hint is a short cut, and what is lost with the loop comes by
/// exchanges. A write at ANY therefore counts no hint as a copy.
/// </summary>
internal sealed class HintedWrites
{
    private static readonly HintOptions Options = new() { BytesPerPeerMax = 16L * 1024 * 1024, BytesMax = 64L * 1024 * 1024 };

    private readonly Dictionary<ulong, EventualMessage> _kept = [];
    private readonly OperationNumbers _numbers;
    private readonly Action<NodeId, EventualMessage> _send;

    public HintedWrites(OperationNumbers numbers, Action<NodeId, EventualMessage> send)
    {
        _numbers = numbers;
        _send = send;
    }

    /// <summary>What is kept, and when it is handed over.</summary>
    public HintQueue Queue { get; } = new(Options, []);

    /// <summary>Keeps a write for a replica that did not take it.</summary>
    public void Keep(NodeId peer, in EventualMessage message)
    {
        if (Truncation.Is(message.Payload))
        {
            return;
        }

        if (Queue.Offer(peer, message.Payload.Length, message.Stamp, isAllowedHere: true, out var sequence) == HintOffer.Kept)
        {
            // A copy: the payload may be a small piece of a large frame.
            _kept.Add(sequence, message with { Payload = message.Payload.ToArray() });
        }

        CarryOut();
    }

    /// <summary>The answer to a hint that was handed over.</summary>
    public void Answered(NodeId peer, in EventualMessage answer, Instant now)
    {
        var sequence = _numbers.HintOf(answer.Operation);
        if (answer.Kind == EventualMessageKind.Written)
        {
            Queue.Taken(peer, sequence);
        }
        else
        {
            Queue.Refused(peer, sequence, answer.Reason, now);
        }

        CarryOut();
    }

    /// <summary>Hands over what the pace allows.</summary>
    public void Tick(Instant now)
    {
        if (now >= Queue.NextDeadline)
        {
            Queue.Tick(now);
            CarryOut();
        }
    }

    private void CarryOut()
    {
        foreach (var effect in Queue.Effects)
        {
            if (effect.Kind == HintEffectKind.HandOff)
            {
                _send(effect.Peer, _kept[effect.Sequence] with { Operation = _numbers.OfHint(effect.Sequence) });
            }
            else if (effect.Kind == HintEffectKind.Delete)
            {
                _kept.Remove(effect.Sequence);
            }
        }

        Queue.ClearEffects();
    }
}
