using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Directory;

/// <summary>Nodes that leave, and where what they hold shall go.</summary>
public static class NodeRetirement
{
    // Each move reads and writes a whole replica.
    private const int MovesMax = 2;

    /// <summary>
    /// The next shard that should be moved off nodes that leave or are gone, and the nodes that shall hold it; null when there is none, or
    /// nobody could take it.
    /// </summary>
    public static (ShardInfo Shard, ImmutableArray<NodeId> Replicas)? Next(DirectoryView view)
    {
        if (view.Nodes.All(static node => node.Standing == NodeStanding.Member))
        {
            return null;
        }

        var under = view.Shards.Count(static shard => shard.Move is not null);
        foreach (var shard in view.Shards)
        {
            if (shard.Move is null && shard.Replicas.Any(node => IsRetired(view, node))
                && (!IsEventual(view, shard) || under < MovesMax)
                && Placement.WithoutRetired(view, shard) is { } replicas)
            {
                return (shard, replicas);
            }
        }

        return null;
    }

    internal static bool IsRetired(DirectoryView view, NodeId id) =>
        !view.TryGetNode(id, out var node) || node.Standing != NodeStanding.Member;

    internal static DirectoryOutcome Retire(DirectoryState state, ref WireReader reader, HybridTime now)
    {
        var id = new NodeId(reader.ReadUInt32());
        var isGone = reader.ReadBool();
        if (!reader.OkAtEnd)
        {
            return DirectoryOutcome.Garbled;
        }

        var view = state.View;
        if (!view.TryGetNode(id, out var node))
        {
            return DirectoryOutcome.Refused(DirectoryStatus.NotFound, $"there is no node {id}", id.Value);
        }

        var standing = isGone ? NodeStanding.Gone : NodeStanding.Leaving;
        if (node.Standing >= standing)
        {
            return DirectoryOutcome.Unchanged(id.Value);
        }

        var retired = view.With(now, nodes: view.Nodes.Replace(node, node with { Standing = standing }));
        if (!isGone && retired.Shards.FirstOrDefault(shard =>
                shard.Replicas.Contains(id) && Placement.WithoutRetired(retired, shard) is null) is { } stuck)
        {
            var space = view.TryGetSpace(stuck.Space, out var found) ? $"space '{found.Name}'" : "the directory";
            return DirectoryOutcome.Refused(
                DirectoryStatus.NotEnoughNodes,
                $"node {id} holds a replica of shard {stuck.Id} of {space}, and there is no other node that could take it: add one first",
                id.Value);
        }

        return DirectoryOutcome.Done(
            id.Value,
            state with
            {
                View = isGone ? retired.With(now, shards: [.. retired.Shards.Select(shard => Without(view, shard, id))]) : retired,
            });
    }

    // Who is waited for has changed: the shard's replicas must agree on when. A move to a node that is gone is over, unless all have
    // arrived already.
    private static ShardInfo Without(DirectoryView view, ShardInfo shard, NodeId gone)
    {
        if (!IsEventual(view, shard) || !shard.Keepers.Contains(gone))
        {
            return shard;
        }

        var isPointless = shard.Move is { Phase: MovePhase.Filling } move && move.Target.Contains(gone);
        return shard with { Move = isPointless ? null : shard.Move, Generation = shard.Generation + 1 };
    }

    private static bool IsEventual(DirectoryView view, ShardInfo shard) =>
        view.TryGetSpace(shard.Space, out var space) && space.Options.FaultModel == FaultModel.Eventual;
}
