using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Atoll.Node.Loops;
using Atoll.Node.Requests;
using Atoll.Node.Routing;
using Atoll.StateMachines.Directory;

namespace Atoll.Node.Replicas;

/// <summary>
/// Makes a shard's replica set and leader what the directory says: the leader adds who is missing as a learner, promotes it by
/// joint consensus once it
/// has caught up, drops who is not wanted any more, and hands leadership to the preferred replica. Small steps, one at a time; each
/// may fail
/// and is tried again.
/// </summary>
internal sealed class ReplicaReconciler
{
    private static readonly Duration Interval = Duration.FromMilliseconds(200);

    // A preferred leader must have been alive for a while, or a flapping node would take the lead down with it again and again.
    private static readonly Duration PreferredAliveFor = Duration.FromSeconds(3);
    private static readonly Duration HandOverEvery = Duration.FromSeconds(5);

    private readonly ReplicaEnvironment _environment;
    private readonly ShardId _shard;
    private readonly RaftCore _raft;
    private Instant _next;
    private Instant _nextHandOver;

    public ReplicaReconciler(ReplicaEnvironment environment, ShardId shard, RaftCore raft)
    {
        _environment = environment;
        _shard = shard;
        _raft = raft;
    }

    /// <summary>
    /// This replica has begun to lead. It keeps the lead for a while: who had it before may have handed it over because it is about to
    /// stop.
    /// </summary>
    public void BeganToLead(Instant now) => _nextHandOver = now + HandOverEvery;

    /// <summary>Hands leadership to any voter that is there, because this node is about to stop.</summary>
    /// <returns>True when this replica leads (still) and somebody else could.</returns>
    public bool HandOverToAnyone(Instant now)
    {
        if (_raft.Role != Role.Leader || _raft.Membership.IsJoint)
        {
            return false;
        }

        var heir = _raft.Membership.Voters.FirstOrDefault(
            node => node != _environment.Options.Self && _environment.Liveness.IsAlive(node) && IsCaughtUp(node));
        if (heir == NodeId.None)
        {
            return false;
        }

        if (_raft.TransferTarget == NodeId.None)
        {
            NodeLog.HandingOverToStop(_environment.Logger, _shard.Value, heir.Value);
            _raft.TransferLeadership(heir, now);
        }

        return true;
    }

    /// <summary>Takes the next step, if one is due. True when the core has something new to say.</summary>
    public bool Tick(Instant now)
    {
        if (now < _next)
        {
            return false;
        }

        _next = now + Interval;
        if (_raft.Role != Role.Leader || !_raft.HasCommittedInTerm
            || _environment.Journal.State != Storage.Journals.JournalState.Ready)
        {
            return false;
        }

        if (_shard == ShardId.Directory && _environment.Directory.View.ClusterId == 0)
        {
            FoundCluster(now);
            return false;
        }

        if (!_environment.Directory.TryGetShard(_shard, out var shard))
        {
            return false;
        }

        if (_shard == ShardId.Directory)
        {
            GrowDirectory(shard!, now);
            MoveOffRetired(now);
            GrowCoordinators(now);
        }

        return ReconcileMembers(shard!, now) || HandOver(shard!, now);
    }

    private bool ReconcileMembers(ShardInfo shard, Instant now)
    {
        var current = _raft.Membership;
        if (current.IsJoint || (current.Learners.IsEmpty && AreSame(current.Voters, shard.Replicas)))
        {
            return false;
        }

        var wanted = Membership.Of(shard.Replicas);

        var missing = wanted.Voters.Where(node => !current.Contains(node)).ToArray();
        var target = missing.Length > 0
            ? Membership.Of(current.Voters, current.Learners.Concat(missing))
            : wanted;
        var outcome = _raft.ProposeMembership(target, now, out _);
        if (outcome is ProposalOutcome.Accepted or ProposalOutcome.InvalidMembership)
        {
            NodeLog.Reconciling(_environment.Logger, _shard.Value, current, target, outcome);
        }

        return outcome == ProposalOutcome.Accepted;
    }

    // Neither holds anybody twice.
    private static bool AreSame(ImmutableArray<NodeId> voters, ImmutableArray<NodeId> wanted)
    {
        if (voters.Length != wanted.Length)
        {
            return false;
        }

        foreach (var node in wanted)
        {
            if (!voters.Contains(node))
            {
                return false;
            }
        }

        return true;
    }

    private bool HandOver(ShardInfo shard, Instant now)
    {
        var preferred = shard.PreferredLeader;
        if (preferred == _environment.Options.Self || now < _nextHandOver || !_raft.Membership.Voters.Contains(preferred)
            || _raft.Membership.IsJoint || _raft.TransferTarget != NodeId.None
            || _environment.Liveness.AliveFor(preferred, now) < PreferredAliveFor || !IsCaughtUp(preferred))
        {
            return false;
        }

        _nextHandOver = now + HandOverEvery;
        NodeLog.HandingOver(_environment.Logger, _shard.Value, preferred.Value);
        return _raft.TransferLeadership(preferred, now);
    }

    private bool IsCaughtUp(NodeId node) => _raft.DescribePeers().Any(peer =>
        peer.Node == node && peer.State == ProgressState.Replicate && peer.Match >= _raft.CommitIndex);

    // A cluster that began with one node must not stay dependent on it: the directory takes in nodes as they join.
    private void GrowDirectory(ShardInfo shard, Instant now)
    {
        var view = _environment.Directory.View;
        var members = view.Nodes.Count(static node => node.Standing == NodeStanding.Member);
        var wanted = Math.Min(_environment.Options.DirectoryReplicas, members - 1 + (members % 2));
        if (shard.Replicas.Length >= wanted || _raft.Membership.IsJoint)
        {
            return;
        }

        var added = view.Nodes
            .Where(static node => node.Standing == NodeStanding.Member)
            .Select(node => node.Id)
            .Where(node => !shard.Replicas.Contains(node) && _environment.Liveness.IsAlive(node))
            .Take(wanted - shard.Replicas.Length)
            .ToArray();
        if (shard.Replicas.Length + added.Length < wanted)
        {
            return;
        }

        SetReplicas(shard, [.. shard.Replicas, .. added], now);
    }

    // One shard after the other, as others can take them.
    private void MoveOffRetired(Instant now)
    {
        if (!_raft.Membership.IsJoint && NodeRetirement.Next(_environment.Directory.View) is { } next)
        {
            SetReplicas(next.Shard, next.Replicas, now);
        }
    }

    private void GrowCoordinators(Instant now)
    {
        var self = _environment.Options.Self;
        if (CoordinatorGrowth.Next(_environment.Directory.View, node => node == self || _environment.Liveness.IsAlive(node)) is { } next)
        {
            SetReplicas(next.Shard, next.Replicas, now);
        }
    }

    // The first leader of the directory's first replicas writes down who they are. Twice is harmless: the second finds a cluster.
    private void FoundCluster(Instant now)
    {
        var members = _environment.Options.Members;
        if (_environment.Options.IsFounder)
        {
            var command = new WireWriter(256);
            DirectoryCommand.WriteInitCluster(command, _environment.Options.ClusterId, members, [.. members.Select(member => member.Id)]);
            Submit(command, now);
        }
    }

    private void SetReplicas(ShardInfo shard, ImmutableArray<NodeId> replicas, Instant now)
    {
        var command = new WireWriter(64);
        DirectoryCommand.WriteSetReplicas(command, shard.Id, replicas, shard.Generation);
        Submit(command, now);
    }

    private void Submit(WireWriter command, Instant now) =>
        _environment.Router.Submit(
            new Request
            {
                Kind = RequestKind.Write,
                Shard = ShardId.Directory,
                Payload = command.ToArray(),
                Timeout = Duration.FromSeconds(1),
            },
            IgnoredAnswer.Instance,
            now);
}
