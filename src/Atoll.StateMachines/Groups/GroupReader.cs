using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Groups.Assigned;

namespace Atoll.StateMachines.Groups;

/// <summary>Answers queries of groups.</summary>
internal static class GroupReader
{
    /// <summary>Writes the answer to a query; to garbage, one byte that says so.</summary>
    internal static void Answer(ImmutableSortedDictionary<string, ConsumerGroup> groups, ReadOnlyMemory<byte> query, WireWriter result)
    {
        var kind = GroupQuery.KindOf(query.Span);
        var reader = new WireReader(query.IsEmpty ? query : query[1..]);
        var id = reader.ReadString();
        var group = groups.GetValueOrDefault(id);
        switch (kind)
        {
            case GroupQueryKind.Joined or GroupQueryKind.Synced or GroupQueryKind.Heartbeat:
                var identity = GroupWire.ReadIdentity(ref reader);
                var generation = GroupWire.ReadInt32(ref reader);
                if (reader.OkAtEnd)
                {
                    AnswerMember(kind, group, identity, generation, result);
                    return;
                }

                break;
            case GroupQueryKind.Offsets:
                var all = reader.ReadBool();
                var places = GroupWire.ReadPlaces(ref reader);
                if (reader.OkAtEnd)
                {
                    Offsets(group, all ? null : places).Write(result);
                    return;
                }

                break;
            case GroupQueryKind.AssignedHeartbeat:
                var beat = AssignedWire.ReadHeartbeat(ref reader, id);
                if (reader.OkAtEnd)
                {
                    // Tried out: what it would change is forgotten.
                    AssignedMembership.Heartbeat(group, beat, HybridTime.Zero).Result.View!.Write(result);
                    return;
                }

                break;
            case GroupQueryKind.DescribeAssigned when reader.OkAtEnd:
                AssignedDescription.Of(group).Write(result);
                return;
            case GroupQueryKind.Describe when reader.OkAtEnd:
                Describe(group).Write(result);
                return;
            case GroupQueryKind.List when reader.OkAtEnd:
                List(groups, id).Write(result);
                return;
        }

        result.WriteByte((byte)GroupStatus.Invalid);
    }

    private static void AnswerMember(
        GroupQueryKind kind, ConsumerGroup? group, in MemberIdentity identity, int generation, WireWriter result)
    {
        switch (kind)
        {
            case GroupQueryKind.Joined:
                Joined(group, identity).Write(result);
                break;
            case GroupQueryKind.Synced:
                Synced(group, identity, generation).Write(result);
                break;
            default:
                result.WriteByte((byte)Heartbeat(group, identity, generation));
                break;
        }
    }

    private static GroupJoined Joined(ConsumerGroup? group, in MemberIdentity identity)
    {
        if (group is null)
        {
            return GroupJoined.Refused(GroupStatus.UnknownMember);
        }

        var status = group.Identify(identity, out var member);
        if (status != GroupStatus.Ok || member!.IsJoining)
        {
            return GroupJoined.Refused(status == GroupStatus.Ok ? GroupStatus.Waiting : status);
        }

        // Of the generation that it had joined, though the next be in preparation: asking for its assignment will tell it.
        return new GroupJoined(
            GroupStatus.Ok, group.Generation, group.ProtocolType, group.Protocol, group.Leader,
            group.Leader != member.Id ? []
                : [.. group.Members.Values.Select(other => new JoinedMember(other.Identity, other.MetadataOf(group.Protocol)))]);
    }

    private static GroupSynced Synced(ConsumerGroup? group, in MemberIdentity identity, int generation)
    {
        if (group is null)
        {
            return GroupSynced.Refused(GroupStatus.UnknownMember);
        }

        var status = group.Identify(identity, out var member);
        if (status != GroupStatus.Ok)
        {
            return GroupSynced.Refused(status);
        }

        // It waited, and the group went on without waiting for it.
        if (generation != group.Generation || group.State == GroupState.PreparingRebalance)
        {
            return GroupSynced.Refused(GroupStatus.RebalanceInProgress);
        }

        return group.State == GroupState.CompletingRebalance
            ? GroupSynced.Refused(GroupStatus.Waiting)
            : new GroupSynced(GroupStatus.Ok, group.ProtocolType, group.Protocol, member!.Assignment);
    }

    private static GroupStatus Heartbeat(ConsumerGroup? group, in MemberIdentity identity, int generation)
    {
        if (group is null)
        {
            return GroupStatus.UnknownMember;
        }

        var status = group.Identify(identity, out _);
        return status != GroupStatus.Ok ? status
            : generation != group.Generation ? GroupStatus.IllegalGeneration
            : group.State == GroupState.PreparingRebalance ? GroupStatus.RebalanceInProgress
            : GroupStatus.Ok;
    }

    private static GroupOffsets Offsets(ConsumerGroup? group, List<TopicPartition>? places)
    {
        var offsets = group?.Offsets ?? ImmutableSortedDictionary<TopicPartition, CommittedOffset>.Empty;
        var pending = new SortedSet<TopicPartition>(group?.Transactions.Values.SelectMany(static open => open.Offsets.Keys) ?? []);
        return places is null
            ? new GroupOffsets(
                GroupStatus.Ok, [.. offsets.Select(static pair => new OffsetToCommit(pair.Key, pair.Value))], [.. pending])
            : new GroupOffsets(
                GroupStatus.Ok,
                [.. places.Select(place => new OffsetToCommit(place, offsets.GetValueOrDefault(place, CommittedOffset.None)))],
                [.. places.Where(pending.Contains)]);
    }

    private static GroupDescription Describe(ConsumerGroup? group) => group is null
        ? new GroupDescription(GroupStatus.UnknownGroup, GroupState.Empty, 0, "", "", "", [])
        : group.Assigned is { } assigned ? AssignedDescription.AsOthers(assigned)
        : new GroupDescription(
            GroupStatus.Ok, group.State, group.Generation, group.ProtocolType, group.Protocol, group.Leader,
            [
                .. group.Members.Values.Select(member => new DescribedMember(
                    member.Identity, member.ClientId, member.ClientHost, member.MetadataOf(group.Protocol), member.Assignment)),
            ]);

    private static GroupsPage List(ImmutableSortedDictionary<string, ConsumerGroup> groups, string after)
    {
        // An immutable map cannot be entered in the middle; who asks this is a person, or a tool.
        var page = groups.Values.SkipWhile(group => string.CompareOrdinal(group.Id, after) <= 0)
            .Take(GroupLimits.GroupsPerCommandMax + 1)
            .Select(static group => group.Assigned is { } assigned
                ? new ListedGroup(group.Id, AssignedDescription.StateOf(assigned), ConsumerSubscription.ProtocolType, IsAssigned: true)
                : new ListedGroup(group.Id, group.State, group.ProtocolType, IsAssigned: false)).ToList();
        var more = page.Count > GroupLimits.GroupsPerCommandMax;
        return new GroupsPage(GroupStatus.Ok, more ? page[..GroupLimits.GroupsPerCommandMax] : page, more);
    }
}
