using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;

namespace Atoll.Kernel.Paxos;

/// <summary>What an operation is for.</summary>
public enum PaxosOperationKind : byte
{
    /// <summary>A SERIAL read: what is decided, and nothing that could still be undone.</summary>
    Read = 1,

    /// <summary>A conditional write.</summary>
    CompareAndSet = 2,

    /// <summary>
    /// Finishes whatever is under way and brings the last decree to all replicas, so that they can forget it (CEP-14: Paxos repair).
    /// </summary>
    Repair = 3,
}

/// <summary>An operation to coordinate.</summary>
public readonly record struct PaxosOperation
{
    /// <summary>The coordinator's number for it, never used twice.</summary>
    public required ulong Number { get; init; }

    /// <summary>What it is for.</summary>
    public required PaxosOperationKind Kind { get; init; }

    /// <summary>The partition.</summary>
    public required ReadOnlyMemory<byte> Partition { get; init; }

    /// <summary>What the replicas read for it; opaque.</summary>
    public ReadOnlyMemory<byte> Query { get; init; }

    /// <summary>Who decides.</summary>
    public required PaxosMembership Membership { get; init; }

    /// <summary>
    /// CompareAndSet: how many replicas must confirm the decided update before the operation is complete. ANY: it is complete when it is
    /// decided; every SERIAL read sees it then, other reads may not.
    /// </summary>
    public ConsistencyLevel CommitLevel { get; init; }

    /// <summary>Those whose confirmations <see cref="CommitLevel"/> counts, with their regions; without it, all are of no region.</summary>
    public ReplicaSet? Replicas { get; init; }

    /// <summary>When its caller gives up.</summary>
    public required Instant Deadline { get; init; }
}
