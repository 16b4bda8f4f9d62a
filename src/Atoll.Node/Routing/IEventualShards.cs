using Atoll.StateMachines.Directory;

namespace Atoll.Node.Routing;

/// <summary>Where requests to shards without a leader go: any loop of any node coordinates them.</summary>
internal interface IEventualShards
{
    /// <summary>Takes a request: it is answered now or later, or not at all; then the router answers it at its deadline.</summary>
    void Take(PendingRequest pending, ShardInfo shard);
}
