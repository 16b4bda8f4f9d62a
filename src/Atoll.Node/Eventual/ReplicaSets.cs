using Atoll.Foundation.Identity;
using Atoll.Kernel.Eventual;
using Atoll.Node.Loops;
using Atoll.StateMachines.Directory;

namespace Atoll.Node.Eventual;

/// <summary>Who keeps each shard, with the plans of the consistency levels, as long as the directory does not change.</summary>
internal sealed class ReplicaSets(DirectoryFollower directory)
{
    private readonly Dictionary<ShardId, ReplicaSet> _sets = [];
    private DirectoryView? _view;

    /// <summary>The replicas of a shard.</summary>
    public ReplicaSet Of(ShardInfo shard)
    {
        if (_view != directory.View)
        {
            _view = directory.View;
            _sets.Clear();
        }

        if (!_sets.TryGetValue(shard.Id, out var set))
        {
            set = ReplicaSet.Of(shard.Generation, shard.Replicas.Select(node => new Replica(node, RegionOf(node))));
            _sets.Add(shard.Id, set);
        }

        return set;
    }

    /// <summary>One replica of a shard as if it were the only one.</summary>
    public ReplicaSet Of(ShardInfo shard, NodeId only) =>
        ReplicaSet.Of(shard.Generation, Of(shard).Members.Where(replica => replica.Node == only));

    private string RegionOf(NodeId node) => _view!.TryGetNode(node, out var info) ? info.Description.RegionName : "";
}
