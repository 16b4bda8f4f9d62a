using System.Collections.Immutable;
using Atoll.Foundation.Checks;
using Atoll.StateMachines.Groups.Assigned;

namespace Atoll.StateMachines.Groups;

/// <summary>
/// A group: who its members are, which generation they are in, and how far they have come. Immutable; a step makes a new one. It knows no
/// time: who waited too long is told by its coordinator.
/// </summary>
/// <param name="Id">Its name.</param>
public sealed record ConsumerGroup(string Id) : INamedState
{
    private static readonly ImmutableSortedDictionary<string, GroupMember> NoMembers =
        ImmutableSortedDictionary.Create<string, GroupMember>(StringComparer.Ordinal);

    private static readonly ImmutableSortedDictionary<string, int> NonePending =
        ImmutableSortedDictionary.Create<string, int>(StringComparer.Ordinal);

    /// <summary>Where it is between two generations.</summary>
    public GroupState State { get; init; }

    /// <summary>Counts the generations of members; each has one assignment at most.</summary>
    public int Generation { get; init; }

    /// <summary>Counts what members may be too late for: joining a generation, and asking for its assignment.</summary>
    public long Phase { get; init; }

    /// <summary>Whether the first members are being gathered: the generation begins when their coordinator says so.</summary>
    public bool IsGathering { get; init; }

    /// <summary>What kind of members it has, or had last: "consumer", say; empty when it never had any.</summary>
    public string ProtocolType { get; init; } = "";

    /// <summary>The protocol of this generation, which every member offers; empty when there is none.</summary>
    public string Protocol { get; init; } = "";

    /// <summary>The member that makes the assignment; empty when there is none.</summary>
    public string Leader { get; init; } = "";

    /// <summary>The members, by id.</summary>
    public ImmutableSortedDictionary<string, GroupMember> Members { get; init; } = NoMembers;

    /// <summary>Ids that were given to clients that have not joined with them yet, and their sessions in milliseconds.</summary>
    public ImmutableSortedDictionary<string, int> Pending { get; init; } = NonePending;

    /// <summary>
    /// Its members if the coordinator shares out the partitions (KIP-848), beside whom it has no others; null of a group whose members do
    /// so themselves.
    /// </summary>
    public AssignedGroup? Assigned { get; init; }

    /// <summary>How far it has come.</summary>
    public ImmutableSortedDictionary<TopicPartition, CommittedOffset> Offsets { get; init; } =
        ImmutableSortedDictionary<TopicPartition, CommittedOffset>.Empty;

    /// <summary>Producers that commit its offsets in transactions, by their numbers.</summary>
    public ImmutableSortedDictionary<long, GroupTransaction> Transactions { get; init; } =
        ImmutableSortedDictionary<long, GroupTransaction>.Empty;

    /// <summary>When something changed last, in milliseconds since 1970 of the state's time.</summary>
    public long LastChange { get; init; }

    /// <summary>Whether somebody may be too late for something.</summary>
    public bool IsActive => HasMembers || !Pending.IsEmpty;

    /// <summary>Whether it has members of any kind.</summary>
    public bool HasMembers => !Members.IsEmpty || Assigned is { Members.IsEmpty: false };

    /// <summary>Members, and ids that were not joined with: who may be silent for too long.</summary>
    public int SessionCount => Members.Count + Pending.Count + (Assigned?.Members.Count ?? 0);

    /// <summary>Who may be silent for how long, in milliseconds.</summary>
    public IEnumerable<(string Member, int Milliseconds)> Sessions
    {
        get
        {
            foreach (var (id, member) in Members)
            {
                yield return (id, member.SessionMilliseconds);
            }

            foreach (var (id, session) in Pending)
            {
                yield return (id, session);
            }

            foreach (var id in Assigned?.Members.Keys ?? [])
            {
                yield return (id, GroupLimits.AssignedSessionMilliseconds);
            }
        }
    }

    /// <summary>When it may be forgotten, in milliseconds since 1970; null while somebody uses it.</summary>
    public long? DueAt => IsActive ? null
        : LastChange + (Offsets.IsEmpty && Transactions.IsEmpty
            ? GroupLimits.EmptyGroupMilliseconds : GroupLimits.OffsetRetentionMilliseconds);

    /// <summary>How long its members may take to join or to ask for assignments, in milliseconds.</summary>
    public int RebalanceMilliseconds
    {
        get
        {
            var longest = 0;
            foreach (var (_, member) in Members)
            {
                longest = Math.Max(longest, member.RebalanceMilliseconds);
            }

            foreach (var member in Assigned?.Members.Values ?? [])
            {
                longest = member.Revoking.IsEmpty ? longest : Math.Max(longest, member.RebalanceMilliseconds);
            }

            return longest;
        }
    }

    /// <summary>Whether a phase is under way that ends by time when it does not end by itself.</summary>
    public bool IsPhaseTimed => State switch
    {
        GroupState.Empty => Assigned is { IsRevoking: true },
        GroupState.PreparingRebalance => true,
        _ => Members.Values.Any(static member => !member.HasSynced),
    };

    /// <summary>The member with a static id; null for none.</summary>
    public GroupMember? FindInstance(string instance)
    {
        foreach (var (_, member) in Members)
        {
            if (member.Identity.InstanceId == instance)
            {
                return member;
            }
        }

        return null;
    }

    /// <summary>Whether somebody has, or was given, this id.</summary>
    public bool Knows(string member) =>
        Members.ContainsKey(member) || Pending.ContainsKey(member) || Assigned?.Members.ContainsKey(member) == true;

    /// <summary>Whether it is a member who says so.</summary>
    /// <param name="identity">How it names itself.</param>
    /// <param name="member">The member, when the answer is Ok.</param>
    public GroupStatus Identify(in MemberIdentity identity, out GroupMember? member)
    {
        if (identity.InstanceId is { } instance)
        {
            member = FindInstance(instance);
            return member is null ? GroupStatus.UnknownMember
                : member.Id == identity.MemberId ? GroupStatus.Ok : GroupStatus.FencedInstance;
        }

        return Members.TryGetValue(identity.MemberId, out member) ? GroupStatus.Ok : GroupStatus.UnknownMember;
    }

    /// <summary>With a member in place of the one of the same id, if there was one.</summary>
    internal ConsumerGroup With(GroupMember member) => this with { Members = Members.SetItem(member.Id, member) };

    /// <summary>With a change to every member.</summary>
    internal ConsumerGroup WithAll(Func<GroupMember, GroupMember> change) => this with
    {
        Members = Members.ToImmutableSortedDictionary(static pair => pair.Key, pair => change(pair.Value), StringComparer.Ordinal),
    };

    /// <summary>Whether it is one that the rules can have made.</summary>
    internal bool IsConsistent() =>
        Id.Length > 0 && Generation >= 0 && Phase >= 0 && LastChange >= 0
        && Members.IsEmpty == (State == GroupState.Empty)
        && (Members.IsEmpty ? Leader.Length == 0 && Protocol.Length == 0 : Members.ContainsKey(Leader) && ProtocolType.Length > 0)
        && (Assigned is null || (Members.IsEmpty && Pending.IsEmpty && Assigned.IsConsistent()))
        && (!IsGathering || State == GroupState.PreparingRebalance)
        && Members.All(pair => IsConsistent(pair.Key, pair.Value))
        && Transactions.All(static pair => pair.Key >= 0 && pair.Value.IsConsistent())
        && Pending.All(pair => pair.Key.Length > 0 && pair.Value > 0 && !Members.ContainsKey(pair.Key))
        && Members.Values.Select(static member => member.Identity.InstanceId).OfType<string>().GroupBy(static id => id)
            .All(static same => same.Count() == 1);

    /// <summary>Asserts <see cref="IsConsistent()"/>.</summary>
    internal void CheckInvariants() => Check.That(IsConsistent());

    // An assignment is of this generation, and of no other: who has one has it beside all others of the same leader's.
    private bool IsConsistent(string id, GroupMember member) =>
        id.Length > 0 && id == member.Id && !member.Protocols.IsEmpty
        && member is { SessionMilliseconds: > 0, RebalanceMilliseconds: >= 0, Identity.InstanceId: not "" }
        && (State == GroupState.PreparingRebalance || !member.IsJoining)
        && (State == GroupState.Stable || member.Assignment.IsEmpty)
        && (State == GroupState.PreparingRebalance ? !member.HasSynced : member.Offers(Protocol));
}
