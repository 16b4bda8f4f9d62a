namespace Atoll.StateMachines.Groups;

/// <summary>Joins the next generation of a group.</summary>
/// <param name="Group">The group.</param>
/// <param name="Identity">How the member names itself.</param>
/// <param name="RequiresKnownMember">Whether who comes without an id gets one to come back with, so that nobody is there twice.</param>
/// <param name="ClientId">What its client calls itself.</param>
/// <param name="ClientHost">Where its client is.</param>
/// <param name="SessionMilliseconds">How long it may be silent.</param>
/// <param name="RebalanceMilliseconds">How long it may take to join the next generation.</param>
/// <param name="ProtocolType">What kind of members these are; "consumer", say.</param>
/// <param name="Protocols">What it offers, the best first.</param>
public sealed record JoinGroup(
    string Group, MemberIdentity Identity, bool RequiresKnownMember, string ClientId, string ClientHost, int SessionMilliseconds,
    int RebalanceMilliseconds, string ProtocolType, IReadOnlyList<GroupProtocol> Protocols);

/// <summary>What the leader of a group gives to a member.</summary>
/// <param name="MemberId">The member.</param>
/// <param name="Assignment">Bytes that members understand.</param>
public readonly record struct MemberAssignment(string MemberId, ReadOnlyMemory<byte> Assignment);

/// <summary>Asks for a member's assignment; the leader's brings those of all.</summary>
/// <param name="Group">The group.</param>
/// <param name="Identity">The member.</param>
/// <param name="Generation">The generation that it has joined.</param>
/// <param name="ProtocolType">What it takes the group's kind to be; null: not said.</param>
/// <param name="Protocol">What it takes the chosen protocol to be; null: not said.</param>
/// <param name="Assignments">Who gets what; of the leader only.</param>
public sealed record SyncGroup(
    string Group, MemberIdentity Identity, int Generation, string? ProtocolType, string? Protocol,
    IReadOnlyList<MemberAssignment> Assignments);

/// <summary>Takes members out of a group; of a static one, the id alone does.</summary>
/// <param name="Group">The group.</param>
/// <param name="Members">The members.</param>
public sealed record LeaveGroup(string Group, IReadOnlyList<MemberIdentity> Members);

/// <summary>An offset to be committed.</summary>
/// <param name="Place">Of which partition.</param>
/// <param name="Committed">The offset.</param>
public readonly record struct OffsetToCommit(TopicPartition Place, CommittedOffset Committed);

/// <summary>Commits offsets.</summary>
/// <param name="Group">The group.</param>
/// <param name="Identity">The member; an empty id of a client that is none.</param>
/// <param name="Generation">Its generation; -1 of a client that is no member, which the group must not have then.</param>
/// <param name="Offsets">The offsets.</param>
public sealed record CommitOffsets(string Group, MemberIdentity Identity, int Generation, IReadOnlyList<OffsetToCommit> Offsets);

/// <summary>A producer's transaction, as far as a group is concerned.</summary>
/// <param name="ProducerId">The producer.</param>
/// <param name="Epoch">Its epoch: older ones are fenced off.</param>
/// <param name="Number">Which transaction of it.</param>
public readonly record struct ProducerTransaction(long ProducerId, short Epoch, int Number);

/// <summary>Lets a producer commit offsets in a transaction.</summary>
/// <param name="Group">The group.</param>
/// <param name="Transaction">The transaction.</param>
public sealed record BeginGroupTransaction(string Group, ProducerTransaction Transaction);

/// <summary>Ends a transaction: its offsets are committed, or were never there.</summary>
/// <param name="Group">The group.</param>
/// <param name="Transaction">The transaction.</param>
/// <param name="IsCommit">Whether it takes effect.</param>
public sealed record EndGroupTransaction(string Group, ProducerTransaction Transaction, bool IsCommit);

/// <summary>Commits offsets in the open transaction of a producer.</summary>
/// <param name="Commit">The offsets, and for whom.</param>
/// <param name="ProducerId">The producer.</param>
/// <param name="Epoch">Its epoch.</param>
public sealed record CommitInTransaction(CommitOffsets Commit, long ProducerId, short Epoch);

/// <summary>Forgets offsets, of topics that no member is subscribed to.</summary>
/// <param name="Group">The group.</param>
/// <param name="Places">The partitions.</param>
public sealed record DeleteOffsets(string Group, IReadOnlyList<TopicPartition> Places);

/// <summary>Who was too late in a group.</summary>
/// <param name="Group">The group.</param>
/// <param name="Phase">The phase that has lasted long enough; 0 for none.</param>
/// <param name="Members">Members, or ids not joined with, that were silent for longer than their sessions.</param>
public sealed record GroupExpiry(string Group, long Phase, IReadOnlyList<string> Members);
