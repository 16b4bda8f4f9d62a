using System.Text;
using Atoll.Foundation.Checks;

namespace Atoll.StateMachines.Groups;

/// <summary>The rules of committing and forgetting offsets.</summary>
internal static class GroupCommits
{
    internal static GroupOutcome Commit(ConsumerGroup? group, CommitOffsets commit, Sabotage sabotage)
    {
        var status = IsMetadataTooLarge(commit) ? GroupStatus.MetadataTooLarge : Judge(group, commit);
        if (status != GroupStatus.Ok && !(status == GroupStatus.IllegalGeneration && sabotage.Has(Sabotage.AcceptsFormerGenerations)))
        {
            return GroupOutcome.Refused(status);
        }

        group ??= new ConsumerGroup(commit.Group);
        var offsets = group.Offsets.ToBuilder();
        foreach (var (place, committed) in commit.Offsets)
        {
            offsets[place] = committed;
        }

        return offsets.Count > GroupLimits.OffsetsPerGroupMax ? GroupOutcome.Refused(GroupStatus.TooMany)
            : GroupOutcome.Done(group with { Offsets = offsets.ToImmutable() });
    }

    internal static GroupOutcome DeleteOffsets(ConsumerGroup? group, DeleteOffsets delete)
    {
        if (group is null)
        {
            return GroupOutcome.Refused(GroupStatus.UnknownGroup);
        }

        if (!group.Members.IsEmpty && group.ProtocolType != ConsumerSubscription.ProtocolType)
        {
            return GroupOutcome.Refused(GroupStatus.NotEmpty);
        }

        var subscribed = SubscribedTopics(group);
        var statuses = new List<GroupStatus>(delete.Places.Count);
        var offsets = group.Offsets.ToBuilder();
        foreach (var place in delete.Places)
        {
            var isInUse = subscribed.Contains(place.Topic);
            statuses.Add(isInUse ? GroupStatus.SubscribedToTopic : GroupStatus.Ok);
            _ = !isInUse && offsets.Remove(place);
        }

        var left = offsets.ToImmutable();
        return new GroupOutcome(
            new GroupResult(GroupStatus.Ok) { Parts = statuses },
            left.Count == group.Offsets.Count ? null : group with { Offsets = left });
    }

    /// <summary>
    /// Whether offsets may be committed in a transaction: also while the members of the generation wait for their assignments, and by a
    /// producer that does not say for which member, as only newer ones do.
    /// </summary>
    internal static GroupStatus JudgeInTransaction(ConsumerGroup? group, CommitOffsets commit)
    {
        if (IsMetadataTooLarge(commit))
        {
            return GroupStatus.MetadataTooLarge;
        }

        if (commit is { Generation: < 0, Identity: { MemberId: "", InstanceId: null } })
        {
            return GroupStatus.Ok;
        }

        var status = Judge(group, commit);
        return status == GroupStatus.RebalanceInProgress ? GroupStatus.Ok : status;
    }

    private static bool IsMetadataTooLarge(CommitOffsets commit) => commit.Offsets.Any(static offset =>
        offset.Committed.Metadata is { } words && Encoding.UTF8.GetByteCount(words) > GroupLimits.OffsetMetadataBytesMax);

    // A client that is no member may commit for a group that has none: a tool, or a consumer that assigns its partitions itself.
    private static GroupStatus Judge(ConsumerGroup? group, CommitOffsets commit)
    {
        var isByMember = commit.Generation >= 0 || commit.Identity is not { MemberId: "", InstanceId: null };
        if (group is null)
        {
            return commit.Generation < 0 ? GroupStatus.Ok : GroupStatus.IllegalGeneration;
        }

        if (commit.Generation < 0 && !group.HasMembers)
        {
            return GroupStatus.Ok;
        }

        if (!isByMember)
        {
            return GroupStatus.UnknownMember;
        }

        if (group.Assigned is { } assigned)
        {
            return !assigned.Members.TryGetValue(commit.Identity.MemberId, out var member) ? GroupStatus.UnknownMember
                : commit.Generation != member.Epoch ? GroupStatus.StaleEpoch : GroupStatus.Ok;
        }

        var status = group.Identify(commit.Identity, out _);
        return status != GroupStatus.Ok ? status
            : commit.Generation != group.Generation ? GroupStatus.IllegalGeneration
            : group.State == GroupState.CompletingRebalance ? GroupStatus.RebalanceInProgress
            : GroupStatus.Ok;
    }

    // What cannot be read says nothing.
    private static HashSet<string> SubscribedTopics(ConsumerGroup group) =>
    [
        .. group.Members.Values.SelectMany(static member => member.Protocols)
            .SelectMany(static offered => ConsumerSubscription.TryReadTopics(offered.Metadata.Span) ?? []),
        .. group.Assigned?.Members.Values.SelectMany(static member => member.Topics) ?? [],
    ];
}
