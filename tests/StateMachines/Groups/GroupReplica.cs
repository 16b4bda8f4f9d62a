using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Groups;
using Xunit;

namespace Atoll.StateMachines.Tests.Groups;

/// <summary>A shard of groups with the log that feeds it.</summary>
internal sealed class GroupReplica
{
    private static readonly GroupProtocol[] Range = [new("range", new byte[] { 1 })];

    public Replica Replica { get; } = new(new GroupsStateMachine());

    public GroupsStateMachine Machine => (GroupsStateMachine)Replica.State.Machine;

    public GroupResult Join(
        string group, string member = "", string? instance = null, bool isKnown = false, IReadOnlyList<GroupProtocol>? protocols = null,
        string type = "consumer", int session = 10_000) => Send(writer => GroupCommand.Write(writer, new JoinGroup(
        group, new MemberIdentity(member, instance), isKnown, "client", "host", session, 30_000, type, protocols ?? Range)));

    /// <summary>A member that is there and has joined.</summary>
    public string NewMember(string group, string? instance = null)
    {
        var joined = Join(group, instance: instance);
        Assert.Equal(GroupStatus.Ok, joined.Status);
        return joined.MemberId;
    }

    public GroupStatus Sync(string group, string member, int generation, params (string Member, byte Assignment)[] assignments) =>
        Send(writer => GroupCommand.Write(writer, new SyncGroup(
            group, new MemberIdentity(member, null), generation, null, null,
            [.. assignments.Select(static pair => new MemberAssignment(pair.Member, new[] { pair.Assignment }))]))).Status;

    public GroupResult Leave(string group, params MemberIdentity[] members) =>
        Send(writer => GroupCommand.Write(writer, new LeaveGroup(group, members)));

    public GroupStatus Commit(string group, string member, int generation, long offset, string? instance = null, string? words = null) =>
        Send(writer => GroupCommand.Write(writer, new CommitOffsets(
            group, new MemberIdentity(member, instance), generation,
            [new OffsetToCommit(new TopicPartition("t", 0), new CommittedOffset(offset, 3, words))]))).Status;

    public GroupResult DeleteOffsets(string group, params string[] topics) => Send(writer => GroupCommand.Write(
        writer, new DeleteOffsets(group, [.. topics.Select(static topic => new TopicPartition(topic, 0))])));

    public GroupStatus Delete(string group) => Send(writer => GroupCommand.WriteDelete(writer, group)).Status;

    public void Expire(string group, long phase, params string[] members) =>
        Send(writer => GroupCommand.WriteExpire(writer, [new GroupExpiry(group, phase, members)]));

    /// <summary>The phase that the group is in has lasted long enough.</summary>
    public void EndPhase(string group) => Expire(group, Group(group).Phase);

    public ConsumerGroup Group(string group) => Machine.Find(group)!;

    public GroupJoined Joined(string group, string member, string? instance = null) =>
        GroupJoined.TryRead(Replica.Read(writer => GroupQuery.WriteJoined(writer, group, new MemberIdentity(member, instance))))!;

    public GroupSynced Synced(string group, string member, int generation) =>
        GroupSynced.TryRead(Replica.Read(writer => GroupQuery.WriteSynced(writer, group, new MemberIdentity(member, null), generation)))!;

    public GroupStatus Heartbeat(string group, string member, int generation, string? instance = null) =>
        (GroupStatus)Replica.Read(writer => GroupQuery.WriteHeartbeat(
            writer, group, new MemberIdentity(member, instance), generation))[0];

    public CommittedOffset Committed(string group, string topic = "t") => Assert.Single(GroupOffsets.TryRead(Replica.Read(writer =>
        GroupQuery.WriteOffsets(writer, group, [new TopicPartition(topic, 0)])))!.Offsets).Committed;

    /// <summary>A group with so many members, each with its own assignment: its number.</summary>
    public string[] Stable(string group, int members, Func<int, string?>? instance = null)
    {
        var ids = Enumerable.Range(0, members).Select(i => NewMember(group, instance?.Invoke(i))).ToArray();
        EndPhase(group);
        var leader = Group(group).Leader;
        var assignments = ids.Select(static (id, i) => (id, (byte)(i + 1))).ToArray();
        Assert.Equal(GroupStatus.Ok, SyncAs(group, leader, assignments));
        foreach (var id in ids.Where(id => id != leader))
        {
            Assert.Equal(GroupStatus.Ok, SyncAs(group, id));
        }

        Assert.Equal(GroupState.Stable, Group(group).State);
        return ids;
    }

    public GroupStatus SyncAs(string group, string member, params (string Member, byte Assignment)[] assignments) =>
        Send(writer => GroupCommand.Write(writer, new SyncGroup(
            group, Group(group).Members[member].Identity, Group(group).Generation, "consumer", Group(group).Protocol,
            [.. assignments.Select(static pair => new MemberAssignment(pair.Member, new[] { pair.Assignment }))]))).Status;

    /// <summary>A replica that begins with this one's snapshot.</summary>
    public GroupReplica Restored()
    {
        var restored = new GroupReplica();
        var target = restored.Replica.State.BeginRestore(Replica.State.AppliedIndex);
        var source = Replica.State.BeginSnapshot();
        var slice = new WireWriter();
        while (source.TryNext(slice))
        {
            Assert.True(target.Accept(slice.ToArray()), target.Error);
            slice.Reset();
        }

        Assert.True(target.IsFinished(), target.Error);
        Assert.Equal(Replica.State.StateHash(), restored.Replica.State.StateHash());
        restored.Replica.Stamp = Replica.Stamp;
        return restored;
    }

    public GroupResult Send(Action<WireWriter> command)
    {
        Replica.Advance(1);
        var (status, bytes) = Replica.Propose(command);
        Assert.Equal(ApplyStatus.Applied, status);
        var result = GroupResult.TryRead(bytes);
        Assert.NotNull(result);
        return result;
    }
}
