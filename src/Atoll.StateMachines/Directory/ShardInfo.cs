using System.Collections.Immutable;
using Atoll.Foundation.Identity;

namespace Atoll.StateMachines.Directory;

/// <summary>A shard: which keys it holds, and where.</summary>
/// <param name="Id">Its number; never given twice.</param>
/// <param name="Space">Its space; none for the directory's own shard.</param>
/// <param name="HashLow">The lowest key hash that it holds.</param>
/// <param name="HashHigh">The highest key hash that it holds, included.</param>
/// <param name="Replicas">The nodes that shall hold it; the first is the one that should lead it.</param>
/// <param name="Generation">Counts the changes of its bounds and of its set of replicas, from 1.</param>
public sealed record ShardInfo(
    ShardId Id, SpaceId Space, ulong HashLow, ulong HashHigh, ImmutableArray<NodeId> Replicas, ulong Generation)
{
    /// <summary>
    /// The replicas that the shard was created with: the membership at index 0 of its log, the same for every replica whenever it comes
    /// into being, also after the replica set has changed.
    /// </summary>
    public ImmutableArray<NodeId> Founders { get; init; } = Replicas;

    /// <summary>The change of replicas that is under way; null for none. Only of shards without a leader.</summary>
    public ShardMove? Move { get; init; }

    /// <summary>Nodes that are receiving the shard.</summary>
    public ImmutableArray<NodeId> Pending => Move is null ? [] : Move.Target.RemoveAll(node => Replicas.Contains(node));

    /// <summary>All that keep data of the shard: the replicas, and those that are receiving it.</summary>
    public ImmutableArray<NodeId> Keepers => Move is null ? Replicas : Replicas.AddRange(Pending);

    /// <summary>The node that should lead.</summary>
    public NodeId PreferredLeader => Replicas[0];

    /// <summary>True when a key with that hash belongs here.</summary>
    public bool Holds(ulong hash) => hash >= HashLow && hash <= HashHigh;

    /// <summary>Equal contents, the replicas compared one by one.</summary>
    public bool Equals(ShardInfo? other) =>
        other is not null && Id == other.Id && Space == other.Space && HashLow == other.HashLow && HashHigh == other.HashHigh
        && Generation == other.Generation && Founders.AsSpan().SequenceEqual(other.Founders.AsSpan())
        && Replicas.AsSpan().SequenceEqual(other.Replicas.AsSpan()) && Equals(Move, other.Move);

    /// <inheritdoc />
    public override int GetHashCode() => (int)(Id.Value ^ (Id.Value >> 32));
}
