using System.Collections.Immutable;
using System.Globalization;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Groups.Assigned;

/// <summary>
/// What heartbeats do to a group whose coordinator shares out the partitions: who comes and goes, and what everyone reads.
/// </summary>
internal static class AssignedMembership
{
    private static readonly Probe Returned = Probe.Define("groups: a static member came back and got its partitions");
    private static readonly Probe Repeated = Probe.Define("groups: a member had not heard the answer to its heartbeat");

    internal static GroupOutcome Heartbeat(ConsumerGroup? group, ConsumerHeartbeat beat, HybridTime now)
    {
        if (group is { Members.IsEmpty: false } or { Pending.IsEmpty: false })
        {
            return Refused(GroupStatus.InconsistentProtocol);
        }

        if (beat.Assignor is { Length: > 0 } assignor && !AssignorNames.IsKnown(assignor))
        {
            return Refused(GroupStatus.UnsupportedAssignor);
        }

        return beat.Epoch switch
        {
            HeartbeatEpochs.Join => Join(group ?? new ConsumerGroup(beat.Group), beat, now),
            HeartbeatEpochs.Leave or HeartbeatEpochs.LeaveForNow => Leave(group, beat),
            _ => GoOn(group, beat),
        };
    }

    /// <summary>Members were silent, or did not let go of partitions in time.</summary>
    internal static ConsumerGroup Without(ConsumerGroup group, IReadOnlyCollection<string> members)
    {
        if (group.Assigned is not { } assigned || !members.Any(assigned.Members.ContainsKey))
        {
            return group;
        }

        var left = assigned with { Members = assigned.Members.RemoveRange(members) };
        return group with { Assigned = AssignedTargets.Renew(WithTopicsThatAreRead(left)) };
    }

    private static GroupOutcome Join(ConsumerGroup group, ConsumerHeartbeat beat, HybridTime now)
    {
        var assigned = group.Assigned ?? AssignedGroup.Empty;
        if (beat.Names is null && beat.Pattern is null)
        {
            return Refused(GroupStatus.Invalid);
        }

        var id = beat.MemberId.Length > 0 ? beat.MemberId : string.Create(CultureInfo.InvariantCulture, $"{beat.ClientId}-{now.Value:x16}");
        var former = beat.InstanceId is { } instance ? assigned.FindInstance(instance) : null;
        var member = assigned.Members.GetValueOrDefault(id);
        if (former is not null && former.Id != id)
        {
            if (!former.IsAway)
            {
                return Refused(GroupStatus.UnreleasedInstance);
            }

            if (member is not null)
            {
                return Refused(GroupStatus.FencedInstance);
            }

            Returned.Hit();
            assigned = assigned with { Members = assigned.Members.Remove(former.Id) };
            member = former with { Id = id };
        }

        if (member is null && assigned.Members.Count >= GroupLimits.MembersMax)
        {
            return Refused(GroupStatus.GroupFull);
        }

        // Who joins reads nothing: what it was to let go of is free.
        member = (member ?? NewMember(beat, id)) with
        {
            InstanceId = beat.InstanceId, IsAway = false, Revoking = [], Names = [], Pattern = "",
        };
        return Take(group, assigned, member, beat with { MemberId = id });
    }

    private static GroupOutcome GoOn(ConsumerGroup? group, ConsumerHeartbeat beat)
    {
        var status = Identify(group, beat, out var member);
        if (status != GroupStatus.Ok)
        {
            return Refused(status);
        }

        if (beat.Epoch != member!.Epoch)
        {
            // It did not hear which epoch it has come to. What it reads tells whether that can be.
            if (beat.Epoch != member.PreviousEpoch || beat.Owned is null || !beat.Owned.All(member.Assigned.Contains))
            {
                return Refused(GroupStatus.FencedEpoch);
            }

            Repeated.Hit();
        }

        return Take(group!, group!.Assigned!, member, beat);
    }

    private static GroupOutcome Leave(ConsumerGroup? group, ConsumerHeartbeat beat)
    {
        var status = Identify(group, beat, out var member);
        if (status != GroupStatus.Ok)
        {
            return Refused(status);
        }

        var left = beat.Epoch == HeartbeatEpochs.LeaveForNow && member!.InstanceId is not null
            ? group! with { Assigned = group.Assigned!.With(member with { IsAway = true }) }
            : Without(group!, [member!.Id]);
        return new GroupOutcome(
            new GroupResult(GroupStatus.Ok)
            {
                View = new AssignedView(GroupStatus.Ok, member.Id, beat.Epoch, null) { ChangesSomething = true },
            },
            left);
    }

    private static GroupStatus Identify(ConsumerGroup? group, ConsumerHeartbeat beat, out AssignedMember? member)
    {
        member = null;
        if (group?.Assigned is not { } assigned)
        {
            return GroupStatus.UnknownMember;
        }

        if (beat.InstanceId is { } instance)
        {
            member = assigned.FindInstance(instance);
            return member is null ? GroupStatus.UnknownMember
                : member.Id != beat.MemberId ? GroupStatus.FencedInstance
                : member.IsAway ? GroupStatus.FencedEpoch : GroupStatus.Ok;
        }

        return assigned.Members.TryGetValue(beat.MemberId, out member) ? GroupStatus.Ok : GroupStatus.UnknownMember;
    }

    // What it says of itself and of its topics, then who is to have what, then its own next step.
    private static GroupOutcome Take(ConsumerGroup group, AssignedGroup assigned, AssignedMember member, ConsumerHeartbeat beat)
    {
        var said = member with
        {
            RackId = beat.RackId ?? member.RackId,
            ClientId = beat.ClientId,
            ClientHost = beat.ClientHost,
            RebalanceMilliseconds = beat.RebalanceMilliseconds > 0 ? beat.RebalanceMilliseconds : member.RebalanceMilliseconds,
            Names = beat.Names is null ? member.Names : [.. beat.Names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)],
            Pattern = beat.Pattern ?? member.Pattern,
            Assignor = beat.Assignor ?? member.Assignor,
        };
        if (beat.Facts is { } facts)
        {
            said = said with { Matches = said.Pattern.Length == 0 ? [] : [.. facts.Matches] };
        }

        // Nearly all heartbeats say nothing new: those of thousands of members must cost no more than their own.
        var before = assigned.Members.GetValueOrDefault(said.Id);
        var readsAsBefore = before is not null && before.ReadsAs(said);
        var next = assigned.With(said);
        if (!readsAsBefore || beat.Facts is not null)
        {
            next = WithTopicsThatAreRead(beat.Facts is null ? next : WithFacts(next, said, beat.Facts));
            if (next.Topics.Count > GroupLimits.TopicsPerGroupMax)
            {
                return Refused(GroupStatus.TooMany);
            }

            next = readsAsBefore && next.Topics.SequenceEqual(assigned.Topics) ? next : AssignedTargets.Renew(next);
        }

        var stepped = AssignedReconciliation.Step(next, next.Members[said.Id], beat.Owned, group.Phase + 1);
        next = next.With(stepped);
        var isChanged = group.Assigned is null || !IsSame(group.Assigned, next, before, stepped);
        var changed = !isChanged ? null
            : group with { Assigned = next, Phase = stepped.RevokingSince > group.Phase ? stepped.RevokingSince : group.Phase };
        var isToldAll = beat.Epoch == HeartbeatEpochs.Join || beat.IsFull || beat.Epoch != stepped.Epoch
            || before is null || !before.Assigned.SetEquals(stepped.Assigned);
        return new GroupOutcome(
            new GroupResult(GroupStatus.Ok, stepped.Id)
            {
                View = new AssignedView(GroupStatus.Ok, stepped.Id, stepped.Epoch, isToldAll ? [.. stepped.Assigned] : null)
                {
                    ChangesSomething = changed is not null,
                    Names = stepped.Names,
                    Pattern = stepped.Pattern,
                    Known = Known(next, stepped),
                },
            },
            changed);
    }

    private static bool IsSame(AssignedGroup before, AssignedGroup after, AssignedMember? member, AssignedMember stepped) =>
        before.Epoch == after.Epoch && before.TopicsVersion == after.TopicsVersion && before.Members.Count == after.Members.Count
        && member is not null && member.ReadsAs(stepped) && member.Epoch == stepped.Epoch
        && member.RackId == stepped.RackId && member.ClientId == stepped.ClientId && member.ClientHost == stepped.ClientHost
        && member.RebalanceMilliseconds == stepped.RebalanceMilliseconds && member.IsAway == stepped.IsAway
        && member.InstanceId == stepped.InstanceId
        && member.Assigned.SetEquals(stepped.Assigned) && member.Revoking.SetEquals(stepped.Revoking);

    private static TopicFacts Known(AssignedGroup group, AssignedMember member) => new(
        group.TopicsVersion, member.Matches,
        [
            .. member.Topics.Order(StringComparer.Ordinal).Where(group.Topics.ContainsKey)
                .Select(name => KeyValuePair.Create(name, group.Topics[name])),
        ]);

    // Of what an older version of the directory says only what was not known at all is taken.
    private static AssignedGroup WithFacts(AssignedGroup group, AssignedMember member, TopicFacts facts)
    {
        var topics = group.Topics.ToBuilder();
        var isNewer = facts.Version >= group.TopicsVersion;
        foreach (var (name, shape) in facts.Topics)
        {
            topics[name] = isNewer || !topics.TryGetValue(name, out var known) ? shape : known;
        }

        // One topic has one name: which of two holders a partition had would depend on which name is asked.
        var ids = facts.Topics.ToDictionary(static pair => pair.Value.Id, static pair => pair.Key);
        topics.RemoveRange(topics.Where(pair => ids.TryGetValue(pair.Value.Id, out var name) && name != pair.Key)
            .Select(static pair => pair.Key).ToArray());
        if (isNewer)
        {
            var there = facts.Topics.Select(static pair => pair.Key).ToHashSet(StringComparer.Ordinal);
            topics.RemoveRange(member.Topics.Where(name => !there.Contains(name)));
        }

        var changed = topics.ToImmutable();
        return group with
        {
            Topics = changed,
            TopicsVersion = changed.SequenceEqual(group.Topics) ? group.TopicsVersion : Math.Max(facts.Version, group.TopicsVersion),
        };
    }

    private static AssignedGroup WithTopicsThatAreRead(AssignedGroup group)
    {
        var read = group.Members.Values.SelectMany(static member => member.Topics).ToHashSet(StringComparer.Ordinal);
        return group.Topics.Keys.All(read.Contains) ? group
            : group with { Topics = group.Topics.RemoveRange(group.Topics.Keys.Where(name => !read.Contains(name)).ToArray()) };
    }

    private static AssignedMember NewMember(ConsumerHeartbeat beat, string id) => new()
    {
        Id = id, ClientId = beat.ClientId, ClientHost = beat.ClientHost, RebalanceMilliseconds = GroupLimits.AssignedRebalanceMilliseconds,
    };

    private static GroupOutcome Refused(GroupStatus status) =>
        new(new GroupResult(status) { View = AssignedView.Refused(status) }, null);
}
