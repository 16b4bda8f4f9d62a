using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Directory;

/// <summary>The commands about the cluster and its nodes.</summary>
internal static class ClusterCommands
{
    // Far from where numbers end, so that the next one always exists.
    private const uint FirstNodeIdMax = 1_000_000_000;

    internal static DirectoryOutcome InitCluster(DirectoryState state, ref WireReader reader, HybridTime now)
    {
        var clusterId = reader.ReadUInt64();
        var nodes = ImmutableArray.CreateBuilder<NodeInfo>();
        for (var left = reader.ReadCount(Limits.NodesMax); left > 0 && reader.Ok; left--)
        {
            nodes.Add(DirectoryCodec.ReadNode(ref reader));
        }

        var replicas = DirectoryCodec.ReadNodeIds(ref reader);
        if (!reader.OkAtEnd)
        {
            return DirectoryOutcome.Garbled;
        }

        if (state.View.ClusterId != 0)
        {
            return state.View.ClusterId == clusterId
                ? DirectoryOutcome.Unchanged(clusterId, "the cluster was initialised before")
                : DirectoryOutcome.Refused(DirectoryStatus.AlreadyExists, "this is another cluster, which is initialised already");
        }

        nodes.Sort(static (a, b) => a.Id.CompareTo(b.Id));
        if (FaultOf(clusterId, nodes, replicas) is { } fault)
        {
            return DirectoryOutcome.Refused(DirectoryStatus.Invalid, fault);
        }

        var directory = new ShardInfo(ShardId.Directory, SpaceId.None, 0, ulong.MaxValue, replicas, 1);
        var view = DirectoryView.Create(clusterId, now, nodes.ToImmutable(), directory);
        return DirectoryOutcome.Done(clusterId, state with { View = view, NextNode = new NodeId(nodes[^1].Id.Value + 1) });
    }

    internal static DirectoryOutcome RegisterNode(DirectoryState state, ref WireReader reader, HybridTime now)
    {
        var description = DirectoryCodec.ReadNodeDescription(ref reader);
        if (!reader.OkAtEnd)
        {
            return DirectoryOutcome.Garbled;
        }

        if (DirectoryRules.FaultOf(description) is { } fault)
        {
            return DirectoryOutcome.Refused(DirectoryStatus.Invalid, fault);
        }

        var view = state.View;
        if (view.Nodes.FirstOrDefault(n => n.Description.Incarnation == description.Incarnation) is { } known)
        {
            return Describe(state, known.Id, description, now);
        }

        if (NodeNamed(view, description.Name) is { } other)
        {
            return DirectoryOutcome.Refused(
                DirectoryStatus.AlreadyExists,
                $"node {other.Id} is called '{description.Name}' and has another data folder; remove it first, or choose another name",
                other.Id.Value);
        }

        if (view.Nodes.Length == Limits.NodesMax)
        {
            return DirectoryOutcome.Refused(DirectoryStatus.LimitReached, $"a cluster has at most {Limits.NodesMax} nodes");
        }

        var node = new NodeInfo(state.NextNode, description);
        var changed = view.With(now, nodes: view.Nodes.Add(node));
        return DirectoryOutcome.Done(node.Id.Value, state with { View = changed, NextNode = new NodeId(checked(node.Id.Value + 1)) });
    }

    internal static DirectoryOutcome UpdateNode(DirectoryState state, ref WireReader reader, HybridTime now)
    {
        var node = DirectoryCodec.ReadNode(ref reader);
        if (!reader.OkAtEnd)
        {
            return DirectoryOutcome.Garbled;
        }

        if (!state.View.TryGetNode(node.Id, out var known))
        {
            return DirectoryOutcome.Refused(DirectoryStatus.NotFound, $"there is no node {node.Id}", node.Id.Value);
        }

        if (known.Description.Incarnation != node.Description.Incarnation)
        {
            return DirectoryOutcome.Refused(
                DirectoryStatus.AlreadyExists, $"node {node.Id} has another data folder than the one that asks", node.Id.Value);
        }

        return DirectoryRules.FaultOf(node.Description) is { } fault
            ? DirectoryOutcome.Refused(DirectoryStatus.Invalid, fault, node.Id.Value)
            : Describe(state, node.Id, node.Description, now);
    }

    internal static DirectoryOutcome RemoveNode(DirectoryState state, ref WireReader reader, HybridTime now)
    {
        var id = new NodeId(reader.ReadUInt32());
        if (!reader.OkAtEnd)
        {
            return DirectoryOutcome.Garbled;
        }

        var view = state.View;
        if (!view.TryGetNode(id, out var node))
        {
            return DirectoryOutcome.Refused(DirectoryStatus.NotFound, $"there is no node {id}", id.Value);
        }

        var holding = view.Shards.Count(shard => shard.Keepers.Contains(id));
        if (holding > 0)
        {
            return DirectoryOutcome.Refused(
                DirectoryStatus.InUse, $"node {id} holds replicas of {holding} shards; move them first", id.Value);
        }

        var changed = view.With(now, nodes: view.Nodes.Remove(node));
        return DirectoryOutcome.Done(id.Value, state with { View = changed });
    }

    private static DirectoryOutcome Describe(DirectoryState state, NodeId id, NodeDescription description, HybridTime now)
    {
        var view = state.View;
        if (NodeNamed(view, description.Name) is { } other && other.Id != id)
        {
            return DirectoryOutcome.Refused(
                DirectoryStatus.AlreadyExists, $"node {other.Id} is called '{description.Name}' already", other.Id.Value);
        }

        var position = 0;
        while (view.Nodes[position].Id != id)
        {
            position++;
        }

        if (view.Nodes[position].Description == description)
        {
            return DirectoryOutcome.Unchanged(id.Value);
        }

        var moved = description.RegionName == view.Nodes[position].Description.RegionName ? null
            : view.Shards.FirstOrDefault(shard => shard.Keepers.Contains(id)
                && view.TryGetSpace(shard.Space, out var space) && !space.Options.Allows(description.RegionName));
        if (moved is not null)
        {
            return DirectoryOutcome.Refused(
                DirectoryStatus.InUse,
                $"node {id} holds a replica of shard {moved.Id}, which may not be in region '{description.RegionName}'", id.Value);
        }

        var nodes = view.Nodes.SetItem(position, view.Nodes[position] with { Description = description });
        var changed = view.With(now, nodes: nodes);
        return DirectoryOutcome.Done(id.Value, state with { View = changed });
    }

    private static string? FaultOf(ulong clusterId, ImmutableArray<NodeInfo>.Builder nodes, ImmutableArray<NodeId> replicas)
    {
        if (clusterId == 0 || nodes.Count == 0)
        {
            return "a cluster needs a number other than 0, and a node";
        }

        for (var i = 0; i < nodes.Count; i++)
        {
            var node = nodes[i];
            if (node.Id.Value is 0 or > FirstNodeIdMax || (i > 0 && node.Id == nodes[i - 1].Id))
            {
                return $"the number {node.Id} of a node is out of range or given twice";
            }

            if (DirectoryRules.FaultOf(node.Description) is { } fault)
            {
                return fault;
            }

            for (var j = 0; j < i; j++)
            {
                if (string.Equals(nodes[j].Name, node.Name, StringComparison.Ordinal)
                    || nodes[j].Description.Incarnation == node.Description.Incarnation)
                {
                    return $"nodes {nodes[j].Id} and {node.Id} have the same name or incarnation";
                }
            }
        }

        return ReplicaRules.FaultOf(replicas, id => nodes.Any(n => n.Id == id));
    }

    private static NodeInfo? NodeNamed(DirectoryView view, string name) =>
        view.Nodes.FirstOrDefault(n => string.Equals(n.Name, name, StringComparison.Ordinal));
}
