using Atoll.Foundation.Time;
using Atoll.Node.Routing;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Rows;

namespace Atoll.Node.Eventual;

/// <summary>Takes what only Paxos can answer.</summary>
internal interface IConditionalRequests
{
    /// <summary>A conditional write.</summary>
    void Take(PendingRequest pending, ShardInfo shard, RowsMutation mutation, Instant now);

    /// <summary>A SERIAL read.</summary>
    void TakeRead(PendingRequest pending, ShardInfo shard, Instant now);
}

/// <summary>Takes increments of counters.</summary>
internal interface ICounterRequests
{
    /// <summary>A write with increments.</summary>
    void Take(PendingRequest pending, ShardInfo shard, RowsMutation mutation, HybridTime stamp, Instant now);
}
