using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Node.Loops;
using Atoll.Node.Replicas;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;

namespace Atoll.Simulation.Checkers;

/// <summary>
/// When nothing goes wrong any more, all replicas of a shard come to the same state, and the replica sets are what the directory says.
/// What rotted on expendable nodes must be repaired; only what says of itself that it cannot be is excused.
/// </summary>
internal static class ConvergenceChecker
{
    /// <summary>What is still missing, in words; null when everything has converged.</summary>
    public static string? Missing(SimCluster cluster)
    {
        var view = cluster.Directory;

        // Who registers a machine starts it when the answer comes: until then replicas may be planned where there is nobody yet.
        if (view.Nodes.Length > cluster.Nodes.Count)
        {
            return $"n{cluster.Nodes.Count + 1} is about to join";
        }

        foreach (var node in cluster.Nodes.Where(node => !node.IsExpendable))
        {
            if (!node.IsReady)
            {
                return $"n{node.Id} is not ready";
            }

            for (var loop = 0; loop < cluster.Shape.LoopsPerNode; loop++)
            {
                if (node.Loop(loop)!.Directory.Version != view.Version)
                {
                    return $"n{node.Id}/{loop} has an old view of the directory";
                }
            }
        }

        foreach (var shard in view.Shards)
        {
            var isEventual = view.TryGetSpace(shard.Space, out var space) && space.Options.FaultModel == FaultModel.Eventual;
            if ((isEventual ? MissingOfEventual(cluster, shard) : MissingOf(cluster, shard)) is { } missing)
            {
                return $"shard {shard.Id}: {missing}";
            }
        }

        return null;
    }

    /// <summary>What every loop says of its eventual shards, when something is missing; empty without such shards.</summary>
    public static string Explain(SimCluster cluster)
    {
        if (!cluster.Directory.Spaces.Any(space => space.Options.FaultModel == FaultModel.Eventual))
        {
            return "";
        }

        var loops = cluster.Nodes.SelectMany(node => Enumerable.Range(0, node.Disks.Count).Select(loop => (node, loop)));
        return string.Concat(loops.Select(of => $"\nn{of.node.Id}/{of.loop}: {of.node.Loop(of.loop)?.Eventual?.Explain() ?? "is down"}"));
    }

    private static string? MissingOf(SimCluster cluster, ShardInfo shard)
    {
        var leaders = 0;
        LogIndex? applied = null;
        ulong? state = null;

        // Who lost its data for good can't be brought up to date, and so never becomes the voter that the directory wants.
        var isWithinReach = shard.Replicas.All(id => !IsLost(cluster.Node((int)id.Value), shard.Id));
        foreach (var id in shard.Replicas)
        {
            var node = cluster.Node((int)id.Value);
            if (IsLost(node, shard.Id))
            {
                continue;
            }

            if (ReplicaOn(node, shard.Id) is not { FaultReason: null, Raft.IsRebuilding: false } replica)
            {
                return $"n{id} has no working replica";
            }

            if (replica.Raft.Role == Kernel.Raft.Role.Leader)
            {
                leaders++;
                if (replica.Raft.Membership.IsJoint
                    || (isWithinReach && !replica.Raft.Membership.Voters.SequenceEqual(shard.Replicas.Order())))
                {
                    return $"its membership is {replica.Raft.Membership}, not {string.Join(' ', shard.Replicas)}; "
                        + $"last entry {replica.Raft.LastIndex}, {string.Join(", ", replica.Raft.DescribePeers())}";
                }
            }

            if (applied is { } other && other != replica.State.AppliedIndex)
            {
                return $"n{id} has applied {replica.State.AppliedIndex}, another {other}";
            }

            applied = replica.State.AppliedIndex;
            var hash = replica.State.StateHash();
            if (state is { } same && same != hash)
            {
                throw new SafetyViolationException(
                    $"shard {shard.Id}: replicas with the same applied index {applied} have different states");
            }

            state = hash;
        }

        return leaders == 1 ? null : $"it has {leaders} leaders";
    }

    // All have the same records, whose hashes the roots of their trees are, and have dropped what nobody needs any more.
    private static string? MissingOfEventual(SimCluster cluster, ShardInfo shard)
    {
        if (shard.Move is { } move)
        {
            return $"it moves from {string.Join(' ', shard.Replicas)} to {string.Join(' ', move.Target)}"
                + $", {move.Phase}; ready: {string.Join(' ', move.Ready)}; "
                + string.Join("; ", shard.Keepers.Select(id => DescribeHorizon(cluster.Node((int)id.Value), shard.Id)));
        }

        UInt128? root = null;
        foreach (var id in shard.Replicas)
        {
            var node = cluster.Node((int)id.Value);
            if (IsLost(node, shard.Id))
            {
                continue;
            }

            if (ReplicaOn(node, shard.Id) is not { FaultReason: null, Raft.IsRebuilding: false } replica
                || replica.State.Machine is not EventualRowsStateMachine machine)
            {
                return $"n{id} has no working replica";
            }

            if (root is { } other && other != machine.Hashes.Root)
            {
                return $"n{id} has other records than another";
            }

            root = machine.Hashes.Root;
            // A node that is gone for good may hold writes that nobody else has: what they would collide with is kept.
            if (machine.Horizon < cluster.MendedAt && cluster.Nodes.All(other => other.IsReady && other.FaultReason is null))
            {
                return $"n{id} keeps deletions since {machine.Horizon}, not {cluster.MendedAt}: {DescribeHorizon(node, shard.Id)}";
            }
        }

        return null;
    }

    private static string DescribeHorizon(SimNode node, ShardId shard)
    {
        foreach (var loop in Enumerable.Range(0, node.Disks.Count))
        {
            if (node.Loop(loop)?.Eventual is { } eventual && eventual.Replicas.TryGetValue(shard, out var replica))
            {
                return replica.Horizon is { } horizon
                    ? $"closed {horizon.Closed}, complete through {horizon.CompleteThrough}, {replica.Report}" : "not ready";
            }
        }

        return "takes no part";
    }

    // A loop that cannot read what its files are, and a replica whose term and vote are not proven, stay as they are.
    private static bool IsLost(SimNode node, ShardId shard) =>
        node.IsExpendable && (!node.IsReady || node.FaultReason is not null || Enumerable.Range(0, node.Disks.Count).Any(loop =>
            node.Loop(loop)!.Describe().Replicas.Any(replica => replica.Shard == shard && replica.Role == ReplicaRole.Faulted)));

    private static ShardReplica? ReplicaOn(SimNode node, ShardId shard)
    {
        foreach (var loop in Enumerable.Range(0, node.Disks.Count))
        {
            if (node.Loop(loop)?.Replicas.TryGetValue(shard, out var replica) == true)
            {
                return replica;
            }
        }

        return null;
    }
}
