using Atoll.Node.Requests;
using Atoll.StateMachines;
using Atoll.StateMachines.Directory;

namespace Atoll.Node.Replicas;

/// <summary>What differs between the kinds of shards, as far as a replica is concerned.</summary>
internal interface IShardPolicy
{
    /// <summary>An empty state machine of the shard's kind.</summary>
    IStateMachine NewMachine();

    /// <summary>Looks at a command before it is proposed; null when it may be.</summary>
    /// <param name="command">The command.</param>
    /// <param name="shard">The shard's record; null when the directory is not known here yet.</param>
    Response? Refuse(ReadOnlyMemory<byte> command, ShardInfo? shard);

    /// <summary>Whether the answer says "nothing new yet", so that a query that may linger should.</summary>
    bool IsNothingYet(ReadOnlyMemory<byte> query, ReadOnlyMemory<byte> answer);

    /// <summary>The command that removes what has expired.</summary>
    ReadOnlyMemory<byte> ExpiryCommand { get; }

    /// <summary>Records in the state, and their approximate size in bytes.</summary>
    (long Records, long Bytes) Measure(IStateMachine machine);
}
