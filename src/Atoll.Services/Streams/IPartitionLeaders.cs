using System.Collections.Frozen;
using Atoll.Foundation.Identity;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Streams;

/// <summary>Who leads a partition.</summary>
/// <param name="Node">The node; none while there is nobody, or nobody is known.</param>
/// <param name="Epoch">The leader's epoch; -1 when it is not known.</param>
public readonly record struct PartitionLeader(NodeId Node, int Epoch)
{
    /// <summary>Nobody, as far as is known.</summary>
    public static readonly PartitionLeader None = new(NodeId.None, -1);
}

/// <summary>Who leads which partition, as one node saw it at one moment. Immutable.</summary>
/// <param name="self">The node.</param>
/// <param name="leaders">The leaders of the shards that it has a replica of.</param>
/// <param name="dead">Nodes that it has not heard of for long.</param>
public sealed class LeaderView(NodeId self, FrozenDictionary<ShardId, PartitionLeader> leaders, FrozenSet<NodeId> dead)
{
    /// <summary>Nothing known.</summary>
    public static readonly LeaderView Empty = new(
        NodeId.None, FrozenDictionary<ShardId, PartitionLeader>.Empty, FrozenSet<NodeId>.Empty);

    /// <summary>The node whose view it is.</summary>
    public NodeId Self => self;

    /// <summary>Whether the node is there, as far as is known.</summary>
    public bool IsAlive(NodeId node) => !dead.Contains(node);

    /// <summary>Whether the node has a replica of a shard, so that it knows whom it follows.</summary>
    public bool Knows(ShardId shard) => leaders.ContainsKey(shard);

    /// <summary>The leader of a shard; one that is not there any more is none.</summary>
    public PartitionLeader LeaderOf(ShardId shard) =>
        leaders.TryGetValue(shard, out var leader) && IsAlive(leader.Node) ? leader : PartitionLeader.None;
}

/// <summary>Tells who leads partitions. Thread-safe.</summary>
public interface IPartitionLeaders
{
    /// <summary>What this node knew a moment ago at most. Never throws, but for being cancelled.</summary>
    ValueTask<LeaderView> ViewAsync(CancellationToken cancellationToken = default);

    /// <summary>The leaders of shards of which this node has no replica: asked of those that have one.</summary>
    ValueTask<IReadOnlyDictionary<ShardId, PartitionLeader>> AskAsync(
        IReadOnlyList<ShardInfo> shards, CancellationToken cancellationToken = default);
}
