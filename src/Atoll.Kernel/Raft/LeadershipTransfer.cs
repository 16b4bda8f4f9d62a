using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Raft;

/// <summary>A leader hands its place to a voter that has its whole log (dissertation, 3.10).</summary>
internal sealed class LeadershipTransfer(ReplicaState state)
{
    private static readonly Probe AbortedProbe = Probe.Define("raft: a leadership transfer is aborted");

    /// <summary>Whom, or nobody.</summary>
    internal NodeId Target { get; private set; }

    internal bool IsUnderWay => Target != NodeId.None;

    internal Instant Deadline { get; private set; } = Instant.Never;

    /// <summary>
    /// Once somebody was told to campaign, an election may come at any time, however late that message arrives: leases of this term are
    /// void.
    /// </summary>
    internal bool EverToldToCampaign { get; private set; }

    internal void Begin(NodeId target, Instant now)
    {
        Check.That(!IsUnderWay && target != state.Self);
        Target = target;
        Deadline = now + state.Options.ElectionTimeoutMin;
    }

    internal void Abort()
    {
        if (IsUnderWay)
        {
            AbortedProbe.Hit();
            Target = NodeId.None;
            Deadline = Instant.Never;
        }
    }

    /// <summary>Tells the target to campaign as soon as it has everything; again when it is heard from and has not yet done so.</summary>
    internal void OnHeard(PeerProgress peer)
    {
        if (peer.Node == Target && peer.Match == state.Log.LastIndex)
        {
            TellToCampaign(peer.Node);
        }
    }

    internal void TellToCampaign(NodeId node)
    {
        EverToldToCampaign = true;
        state.Send(node, RaftMessage.TimeoutNow(state.Term));
    }
}
