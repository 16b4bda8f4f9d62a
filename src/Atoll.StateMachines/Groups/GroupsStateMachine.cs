using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Groups.Assigned;
using Atoll.StateMachines.Snapshots;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Groups;

/// <summary>
/// The groups of one shard: members, generations, assignments and committed offsets (docs/streams.md). It knows no time but for how long
/// nobody has used a group.
/// </summary>
public sealed class GroupsStateMachine : MemoryStateMachine<ConsumerGroup>
{
    private static readonly Probe Forgotten = Probe.Define("groups: one that nobody used was forgotten");

    /// <summary>Committed offsets over all groups.</summary>
    public long OffsetCount { get; private set; }

    /// <summary>The groups in which somebody may be too late for something, by id.</summary>
    public IEnumerable<ConsumerGroup> Active => Busy;

    /// <inheritdoc />
    protected override int ExpiredPerCommandMax => GroupLimits.GroupsPerCommandMax;

    /// <inheritdoc />
    protected override byte SnapshotFormat => GroupsSnapshot.FormatVersion;

    /// <inheritdoc />
    protected override byte SnapshotEnd => GroupsSnapshot.EndRecord;

    /// <inheritdoc />
    public override void Apply(in CommandContext context, ReadOnlyMemory<byte> command, WireWriter result)
    {
        var answer = GroupCommand.KindOf(command.Span) switch
        {
            GroupCommandKind.Expire => Expire(command, context.Now),
            GroupCommandKind.Forget => Forget(command, context.Now),
            _ => ApplyToOne(command, context.Now),
        };
        answer.Write(result);
    }

    /// <inheritdoc />
    public override IMachineTarget BeginRestore(HybridTime now, IStateLoad? load) => new GroupsSnapshotTarget(now, restored => Restore(
        Sabotage.Has(Sabotage.ForgetsOffsets)
            ? restored.SetItems(restored.Select(static pair => KeyValuePair.Create(
                pair.Key, pair.Value with { Offsets = ImmutableSortedDictionary<TopicPartition, CommittedOffset>.Empty })))
            : restored));

    /// <inheritdoc />
    protected override void Answer(ReadOnlyMemory<byte> query, WireWriter result) => GroupReader.Answer(All, query, result);

    /// <inheritdoc />
    protected override void WriteExpired(WireWriter writer, IReadOnlyCollection<string> ids) => GroupCommand.WriteForget(writer, ids);

    /// <inheritdoc />
    protected override IEnumerable<byte> Records(ConsumerGroup thing, WireWriter writer) => GroupsSnapshot.Records(thing, writer);

    /// <inheritdoc />
    protected override void Follow(ConsumerGroup thing, bool isThere) =>
        OffsetCount += isThere ? thing.Offsets.Count : -thing.Offsets.Count;

    private GroupResult ApplyToOne(ReadOnlyMemory<byte> command, HybridTime now)
    {
        if (GroupCommandReader.TryRead(command) is not { } read)
        {
            return new GroupResult(GroupStatus.Invalid);
        }

        var group = Find(read.Group);
        var outcome = read.Body switch
        {
            JoinGroup join => GroupMembership.Join(group, join, now),
            SyncGroup sync => GroupMembership.Sync(group, sync),
            LeaveGroup leave => GroupMembership.Leave(group, leave),
            ConsumerHeartbeat beat => AssignedMembership.Heartbeat(group, beat, now),
            CommitOffsets commit => GroupCommits.Commit(group, commit, Sabotage),
            DeleteOffsets delete => GroupCommits.DeleteOffsets(group, delete),
            BeginGroupTransaction begin => GroupTransactions.Begin(group, begin, now.UnixMilliseconds),
            CommitInTransaction commit => GroupTransactions.Commit(group, commit, now.UnixMilliseconds),
            EndGroupTransaction end => GroupTransactions.End(group, end, now.UnixMilliseconds, Sabotage),
            _ => Delete(group),
        };
        if (outcome.Changed is { } changed)
        {
            if (group is null && Count >= GroupLimits.GroupsPerShardMax)
            {
                return new GroupResult(GroupStatus.TooMany);
            }

            Replace(group, changed, now);
        }

        return outcome.Result;
    }

    private GroupOutcome Delete(ConsumerGroup? group)
    {
        if (group is null)
        {
            return GroupOutcome.Refused(GroupStatus.UnknownGroup);
        }

        if (group.HasMembers)
        {
            return GroupOutcome.Refused(GroupStatus.NotEmpty);
        }

        Remove(group);
        return new GroupOutcome(new GroupResult(GroupStatus.Ok), null);
    }

    private GroupResult Expire(ReadOnlyMemory<byte> command, HybridTime now)
    {
        if (GroupCommandReader.TryReadExpire(command) is not { } expiries)
        {
            return new GroupResult(GroupStatus.Invalid);
        }

        foreach (var expiry in expiries)
        {
            var group = Find(expiry.Group);
            if (GroupMembership.Expire(group, expiry).Changed is { } changed)
            {
                Replace(group, changed, now);
            }
        }

        return new GroupResult(GroupStatus.Ok);
    }

    private GroupResult Forget(ReadOnlyMemory<byte> command, HybridTime now)
    {
        if (GroupCommandReader.TryReadForget(command) is not { } groups)
        {
            return new GroupResult(GroupStatus.Invalid);
        }

        foreach (var id in groups)
        {
            if (Find(id) is { DueAt: { } at } group && at <= now.UnixMilliseconds)
            {
                Forgotten.Hit();
                Remove(group);
            }
        }

        return new GroupResult(GroupStatus.Ok);
    }

    private void Replace(ConsumerGroup? before, ConsumerGroup after, HybridTime now)
    {
        after = after with { LastChange = now.UnixMilliseconds };
        if (!ReferenceEquals(before?.Members, after.Members) || !ReferenceEquals(before?.Assigned, after.Assigned))
        {
            after.CheckInvariants();
        }

        Check.That(before is null || after.Phase >= before.Phase);
        Replace(before, after);
    }
}
