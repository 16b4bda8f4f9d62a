using Atoll.Foundation.Logs;

namespace Atoll.Kernel.Raft;

/// <summary>Something that the host wants in the log.</summary>
/// <param name="Kind">Empty or Command; memberships go through <see cref="RaftCore.ProposeMembership"/>.</param>
/// <param name="Payload">The bytes; immutable from now on. The core passes them through and keeps none.</param>
public readonly record struct Proposal(EntryKind Kind, ReadOnlyMemory<byte> Payload);

/// <summary>What became of a proposal.</summary>
public enum ProposalOutcome : byte
{
    /// <summary>It has an index in the current term. Whether it commits is told by what commits at that (index, term).</summary>
    Accepted = 0,

    /// <summary>This replica does not lead; nothing was appended. <see cref="RaftCore.Leader"/> may know who does.</summary>
    NotLeader = 1,

    /// <summary>Leadership is being handed over (dissertation, 3.10); nothing was appended. Retry in a moment.</summary>
    TransferInProgress = 2,

    /// <summary>Memberships only: one change is not finished, or this leader has not yet committed an entry of its term.</summary>
    ChangeInProgress = 3,

    /// <summary>Memberships only: a voter to be added is not a learner that has caught up.</summary>
    LearnerNotCaughtUp = 4,

    /// <summary>Memberships only: the target has no voters, too many replicas, outgoing voters, or equals what is in force.</summary>
    InvalidMembership = 5,
}

/// <summary>What became of a request for a read index.</summary>
public enum ReadOutcome : byte
{
    /// <summary>
    /// Exactly one <see cref="RaftEffectKind.ReadReady"/> or <see cref="RaftEffectKind.ReadFailed"/> will carry its context.
    /// </summary>
    Accepted = 0,

    /// <summary>This replica does not lead; no effect will follow.</summary>
    NotLeader = 1,
}
