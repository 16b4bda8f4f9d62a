using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Kernel.Raft;
using Atoll.StateMachines;

namespace Atoll.Node.Replicas;

/// <summary>
/// Sees what the replicas of a node do. For checkers that compare the replicas of a whole cluster; it must not change anything.
/// </summary>
public interface IReplicaObserver
{
    /// <summary>A replica changed its role, its term or its idea of the leader.</summary>
    void RoleChanged(NodeId node, ShardId shard, Role role, Term term, NodeId leader);

    /// <summary>A replica knows more entries to be committed.</summary>
    void Committed(NodeId node, ShardId shard, LogIndex commitIndex);

    /// <summary>A replica has applied an entry; the state is as it is after it.</summary>
    void Applied(NodeId node, ShardId shard, in LogEntry entry, ReplicatedState state);

    /// <summary>A replica's state was replaced by a snapshot that ends with that entry.</summary>
    void SnapshotInstalled(NodeId node, ShardId shard, LogIndex index, Term term, ReplicatedState state);

    /// <summary>A replica stopped itself.</summary>
    void Faulted(NodeId node, ShardId shard, ReplicaStop reason, string why);
}
