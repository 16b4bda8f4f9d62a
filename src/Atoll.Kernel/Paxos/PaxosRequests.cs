using Atoll.Foundation.Identity;

namespace Atoll.Kernel.Paxos;

/// <summary>What a coordinator says to replicas, phase by phase.</summary>
internal sealed class PaxosRequests(PaxosEffects effects)
{
    /// <summary>Sends the phase's request to all that have not answered it.</summary>
    internal void Broadcast(PaxosRound round)
    {
        var message = round.Phase switch
        {
            PaxosPhase.Inspecting => NewMessage(round, PaxosMessageKind.Inspect) with { Data = round.Operation.Query },
            PaxosPhase.Preparing => NewMessage(round, PaxosMessageKind.Prepare) with { Data = round.Operation.Query },
            _ => NewMessage(round, PaxosMessageKind.Propose) with { Decree = round.Decree },
        };
        foreach (var replica in round.Membership.Electors)
        {
            if (!round.HasAnswered(replica))
            {
                Send(replica, message);
            }
        }
    }

    /// <summary>Tells a decree to all replicas that lack it, as far as the coordinator knows.</summary>
    internal void CommitToLacking(PaxosRound round, in PaxosDecree decree)
    {
        foreach (var replica in round.Lacking)
        {
            Send(replica, Commit(round, decree));
        }
    }

    /// <summary>Leaves the decree for those that did not confirm it.</summary>
    internal void HintToLacking(PaxosRound round)
    {
        foreach (var replica in round.Lacking)
        {
            effects.AddMessage(new PaxosEffect { Kind = PaxosEffectKind.Hint, Peer = replica }, Commit(round, round.Decree));
        }
    }

    /// <summary>Tells everyone that all have the decree.</summary>
    internal void Settled(PaxosRound round)
    {
        foreach (var replica in round.Membership.Everyone)
        {
            Send(replica, NewMessage(round, PaxosMessageKind.Settled) with { Ballot = round.Decree.Ballot });
        }
    }

    private static PaxosMessage Commit(PaxosRound round, in PaxosDecree decree) =>
        NewMessage(round, PaxosMessageKind.Commit) with { Ballot = decree.Ballot, Decree = decree };

    private static PaxosMessage NewMessage(PaxosRound round, PaxosMessageKind kind) => new()
    {
        Kind = kind,
        Operation = round.Operation.Number,
        Epoch = round.Membership.Epoch,
        Partition = round.Operation.Partition,
        Ballot = round.Ballot,
    };

    private void Send(NodeId to, in PaxosMessage message) =>
        effects.AddMessage(new PaxosEffect { Kind = PaxosEffectKind.Send, Peer = to }, message);
}
