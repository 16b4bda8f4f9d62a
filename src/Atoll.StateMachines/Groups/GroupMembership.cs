using System.Globalization;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Groups.Assigned;

namespace Atoll.StateMachines.Groups;

/// <summary>Who comes and goes: the rules of joining, asking for an assignment, leaving and being too late.</summary>
internal static class GroupMembership
{
    internal static GroupOutcome Join(ConsumerGroup? group, JoinGroup join, HybridTime now)
    {
        if (join.SessionMilliseconds is < GroupLimits.SessionMillisecondsMin or > GroupLimits.SessionMillisecondsMax)
        {
            return GroupOutcome.Refused(GroupStatus.InvalidSessionTimeout);
        }

        var isNew = join.Identity.MemberId.Length == 0;
        if (group is null && !isNew)
        {
            return GroupOutcome.Refused(GroupStatus.UnknownMember);
        }

        if (group?.Assigned is { Members.IsEmpty: false })
        {
            return GroupOutcome.Refused(GroupStatus.InconsistentProtocol);
        }

        group = group is null ? new ConsumerGroup(join.Group) : group with { Assigned = null };
        return !TakesProtocols(group, join) ? GroupOutcome.Refused(GroupStatus.InconsistentProtocol)
            : isNew ? JoinNew(group, join, now)
            : JoinAgain(group, join);
    }

    internal static GroupOutcome Sync(ConsumerGroup? group, SyncGroup sync)
    {
        if (group is null)
        {
            return GroupOutcome.Refused(GroupStatus.UnknownMember);
        }

        var status = group.Identify(sync.Identity, out var member);
        if (status != GroupStatus.Ok)
        {
            return GroupOutcome.Refused(status);
        }

        if (sync.Generation != group.Generation)
        {
            return GroupOutcome.Refused(GroupStatus.IllegalGeneration);
        }

        if (group.State == GroupState.PreparingRebalance)
        {
            return GroupOutcome.Refused(GroupStatus.RebalanceInProgress);
        }

        if ((sync.ProtocolType is { } type && type != group.ProtocolType) || (sync.Protocol is { } name && name != group.Protocol))
        {
            return GroupOutcome.Refused(GroupStatus.InconsistentProtocol);
        }

        var changed = member!.HasSynced ? group : group.With(member with { HasSynced = true });
        if (group.State == GroupState.CompletingRebalance && member.Id == group.Leader)
        {
            changed = GroupRebalance.Assign(changed, sync.Assignments);
        }

        return new GroupOutcome(new GroupResult(GroupStatus.Ok), ReferenceEquals(changed, group) ? null : changed);
    }

    internal static GroupOutcome Leave(ConsumerGroup? group, LeaveGroup leave)
    {
        var statuses = new List<GroupStatus>(leave.Members.Count);
        var changed = group;
        foreach (var identity in leave.Members)
        {
            statuses.Add(changed is null ? GroupStatus.UnknownMember : Leave(ref changed, identity));
        }

        if (changed is not null && !ReferenceEquals(changed, group))
        {
            changed = GroupRebalance.MembersWent(group!, changed);
        }

        return new GroupOutcome(
            new GroupResult(GroupStatus.Ok) { Parts = statuses }, ReferenceEquals(changed, group) ? null : changed);
    }

    /// <summary>Members were silent, or too late for a phase. Who has come back, or whose phase is over, stays.</summary>
    internal static GroupOutcome Expire(ConsumerGroup? group, GroupExpiry expiry)
    {
        if (group is null)
        {
            return GroupOutcome.Refused(GroupStatus.UnknownGroup);
        }

        var changed = group;
        foreach (var member in expiry.Members)
        {
            changed = Without(changed, member);
        }

        changed = ReferenceEquals(changed, group) ? group : GroupRebalance.MembersWent(group, changed);
        changed = AssignedMembership.Without(changed, expiry.Members);
        if (expiry.Phase == changed.Phase && changed.Assigned is { IsRevoking: true } assigned)
        {
            // Each of them was told before the phase began, or when it did.
            changed = AssignedMembership.Without(
                changed, [.. assigned.Members.Values.Where(static member => !member.Revoking.IsEmpty).Select(static member => member.Id)]);
        }
        else if (expiry.Phase == changed.Phase && changed.IsPhaseTimed)
        {
            changed = GroupRebalance.EndPhase(changed);
        }

        return new GroupOutcome(new GroupResult(GroupStatus.Ok), ReferenceEquals(changed, group) ? null : changed);
    }

    private static GroupStatus Leave(ref ConsumerGroup group, in MemberIdentity identity)
    {
        var memberId = identity.MemberId;
        if (identity.InstanceId is { } instance)
        {
            if (group.FindInstance(instance) is not { } member)
            {
                return GroupStatus.UnknownMember;
            }

            if (memberId.Length > 0 && memberId != member.Id)
            {
                return GroupStatus.FencedInstance;
            }

            memberId = member.Id;
        }

        var without = Without(group, memberId);
        var isKnown = !ReferenceEquals(without, group);
        group = without;
        return isKnown ? GroupStatus.Ok : GroupStatus.UnknownMember;
    }

    private static ConsumerGroup Without(ConsumerGroup group, string memberId) =>
        group.Pending.ContainsKey(memberId) ? group with { Pending = group.Pending.Remove(memberId) }
        : group.Members.ContainsKey(memberId) ? group with { Members = group.Members.Remove(memberId) }
        : group;

    // Who is alone may change its mind; else there must be a way that all can go.
    private static bool TakesProtocols(ConsumerGroup group, JoinGroup join)
    {
        if (join.ProtocolType.Length == 0 || join.Protocols.Count == 0)
        {
            return false;
        }

        if (group.Members.IsEmpty)
        {
            return true;
        }

        // A static member that starts anew stands for its own former self.
        var self = join.Identity.InstanceId is { } instance ? group.FindInstance(instance)?.Id : null;
        return join.ProtocolType == group.ProtocolType && join.Protocols.Any(protocol => group.Members.Values.All(
            member => member.Id == join.Identity.MemberId || member.Id == self || member.Offers(protocol.Name)));
    }

    private static GroupOutcome JoinNew(ConsumerGroup group, JoinGroup join, HybridTime now)
    {
        var stem = join.Identity.InstanceId ?? join.ClientId;
        var id = string.Create(CultureInfo.InvariantCulture, $"{stem}-{now.Value:x16}");
        if (join.Identity.InstanceId is { } instance && group.FindInstance(instance) is { } former)
        {
            return TakeOver(group, former, MemberOf(join, id));
        }

        if (group.Members.Count + group.Pending.Count >= GroupLimits.MembersMax)
        {
            return GroupOutcome.Refused(GroupStatus.GroupFull);
        }

        if (join.RequiresKnownMember && join.Identity.InstanceId is null)
        {
            return new GroupOutcome(
                new GroupResult(GroupStatus.MemberIdRequired, id),
                group with { Pending = group.Pending.Add(id, join.SessionMilliseconds) });
        }

        return GroupOutcome.Done(GroupRebalance.MemberCame(group, MemberOf(join, id), join.ProtocolType), id);
    }

    private static GroupOutcome JoinAgain(ConsumerGroup group, JoinGroup join)
    {
        var id = join.Identity.MemberId;
        if (group.Pending.ContainsKey(id))
        {
            if (join.Identity.InstanceId is not null)
            {
                return GroupOutcome.Refused(GroupStatus.UnknownMember);
            }

            var known = group with { Pending = group.Pending.Remove(id) };
            return GroupOutcome.Done(GroupRebalance.MemberCame(known, MemberOf(join, id), join.ProtocolType), id);
        }

        var status = group.Identify(join.Identity, out var member);
        if (status != GroupStatus.Ok)
        {
            return GroupOutcome.Refused(status);
        }

        // Nothing new: of a follower, or of a member whose answer was lost.
        var isSettled = group.State == GroupState.CompletingRebalance
            || (group.State == GroupState.Stable && group.Leader != id);
        if (isSettled && member!.OffersJust(join.Protocols))
        {
            return new GroupOutcome(new GroupResult(GroupStatus.Ok, id), null);
        }

        return GroupOutcome.Done(GroupRebalance.MemberCame(group, MemberOf(join, id), group.ProtocolType), id);
    }

    // A static member has started anew: it goes on where it was, unless the others are to join as well.
    private static GroupOutcome TakeOver(ConsumerGroup group, GroupMember former, GroupMember member)
    {
        var isLeader = group.Leader == former.Id;
        var changed = group with
        {
            Members = group.Members.Remove(former.Id).Add(
                member.Id, member with { HasSynced = former.HasSynced, Assignment = former.Assignment, IsJoining = false }),
            Leader = isLeader ? member.Id : group.Leader,
        };
        if (group.State == GroupState.Stable && GroupRebalance.ChooseProtocol(changed) == group.Protocol)
        {
            return GroupOutcome.Done(changed, member.Id, isLeader);
        }

        return GroupOutcome.Done(GroupRebalance.MemberCame(changed, member, group.ProtocolType), member.Id);
    }

    private static GroupMember MemberOf(JoinGroup join, string id) => new()
    {
        Identity = join.Identity with { MemberId = id },
        ClientId = join.ClientId,
        ClientHost = join.ClientHost,
        SessionMilliseconds = join.SessionMilliseconds,
        RebalanceMilliseconds = join.RebalanceMilliseconds,
        Protocols = [.. join.Protocols.Select(static offered => offered with { Metadata = Stores.KeptBytes.Of(offered.Metadata) })],
    };
}
