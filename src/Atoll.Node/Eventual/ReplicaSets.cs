using System.Collections.Immutable;
using Atoll.Foundation.Identity;
using Atoll.Kernel.Eventual;
using Atoll.Node.Loops;
using Atoll.StateMachines.Directory;

namespace Atoll.Node.Eventual;

/// <summary>Who keeps each shard, with the plans of the consistency levels, as long as the directory does not change.</summary>
internal sealed class ReplicaSets(DirectoryFollower directory)
{
    private readonly Dictionary<ShardId, Sets> _sets = [];
    private DirectoryView? _view;

    /// <summary>Who takes writes of a shard: its replicas, and those that are receiving it.</summary>
    public ReplicaSet OfWrites(ShardInfo shard) => SetsOf(shard).Writes;

    /// <summary>
    /// Who answers reads of a shard. While its replicas move, what a majority or all have shown must be seen by a majority, all, or any of
    /// those that are asked later (docs/eventual.md).
    /// </summary>
    public ReplicaSet OfReads(ShardInfo shard, ConsistencyLevel level) => level switch
    {
        ConsistencyLevel.Quorum or ConsistencyLevel.LocalQuorum or ConsistencyLevel.EachQuorum => SetsOf(shard).Majorities,
        ConsistencyLevel.All => SetsOf(shard).All,
        _ => SetsOf(shard).Some,
    };

    private Sets SetsOf(ShardInfo shard)
    {
        if (_view != directory.View)
        {
            _view = directory.View;
            _sets.Clear();
        }

        if (!_sets.TryGetValue(shard.Id, out var sets))
        {
            // A request may have been routed by an older view: what counts is who keeps the shard now.
            var now = _view!.TryGetShard(shard.Id, out var known) ? known : shard;
            var writes = new ReplicaSet(now.Generation, Replicas(now.Replicas), Replicas(now.Pending));
            sets = now.Move is not { } move || move.Phase == MovePhase.Filling
                ? new Sets(writes, writes, writes, writes)
                : new Sets(
                    writes,
                    Of(now, move.Phase == MovePhase.Joint ? now.Replicas : move.Target),
                    Of(now, move.Phase == MovePhase.Joint ? now.Keepers : move.Target),
                    Of(now, now.Keepers));
            _sets.Add(shard.Id, sets);
        }

        return sets;
    }

    /// <summary>One of those that answer reads of a shard as if it were the only one.</summary>
    public ReplicaSet OfReads(ShardInfo shard, ConsistencyLevel level, NodeId only) =>
        ReplicaSet.Of(shard.Generation, OfReads(shard, level).Members.Where(replica => replica.Node == only));

    private ReplicaSet Of(ShardInfo shard, ImmutableArray<NodeId> nodes) => new(shard.Generation, Replicas(nodes), []);

    private ImmutableArray<Replica> Replicas(ImmutableArray<NodeId> nodes) =>
        [.. nodes.Select(node => new Replica(node, RegionOf(node)))];

    private string RegionOf(NodeId node) => _view!.TryGetNode(node, out var info) ? info.Description.RegionName : "";

    private sealed record Sets(ReplicaSet Writes, ReplicaSet Some, ReplicaSet Majorities, ReplicaSet All);
}
