using Atoll.Foundation.Identity;
using Atoll.Gateways.Kafka.Topology;
using Atoll.Services.Streams;
using Atoll.StateMachines.Directory;

namespace Atoll.Gateways.Kafka.Fetches;

/// <summary>
/// The replicas that are where a client is (KIP-392). A leader sends it to one of them; that one serves what is committed there, while it
/// knows of a leader: who is cut off would have no news for ever, and sends it back.
/// </summary>
internal sealed class NearReplicas
{
    private readonly HashSet<NodeId> _nodes;
    private readonly NodeId _self;

    /// <param name="rack">Where the client is.</param>
    /// <param name="self">This node.</param>
    /// <param name="view">The nodes.</param>
    /// <param name="leaders">Which of them are there.</param>
    public NearReplicas(string rack, KafkaSelf self, DirectoryView view, LeaderView leaders)
    {
        _self = self.Id;
        _nodes =
        [
            .. self.BrokersOf(view).Where(broker => string.Equals(broker.Rack, rack, StringComparison.Ordinal))
                .Select(static broker => broker.Id).Where(leaders.IsAlive),
        ];
    }

    /// <summary>Whether this node is one of them.</summary>
    public bool IsHere(ShardInfo shard) => _nodes.Contains(_self) && shard.Replicas.Contains(_self);

    /// <summary>A replica for the client to read from; null when there is none, or this node is one.</summary>
    /// <param name="shard">The partition.</param>
    /// <param name="partition">Its number: where there are several such replicas, partitions are spread over them.</param>
    public NodeId? Of(ShardInfo shard, int partition)
    {
        var near = shard.Replicas.Where(_nodes.Contains).Order().ToList();
        return near.Count == 0 || near.Contains(_self) ? null : near[partition % near.Count];
    }
}
