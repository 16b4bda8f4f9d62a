using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines;
using Atoll.StateMachines.Groups;

namespace Atoll.Fuzz.Targets;

/// <summary>Commands, queries and snapshots of groups: the input is all of them.</summary>
public sealed class GroupCommandTarget : IFuzzTarget
{
    private static readonly MemberIdentity Member = new($"c-{1UL << 20:x16}", null);

    private static readonly JoinGroup Join = new(
        "g", new MemberIdentity("", null), false, "c", "h", 10_000, 10_000, "consumer",
        [new GroupProtocol("range", new byte[] { 0, 0, 0, 0, 0, 1, 0, 1, (byte)'t' })]);

    private static readonly ProducerTransaction Transaction = new(5, 0, 3);

    private static readonly CommitOffsets Commit =
        new("g", Member, 1, [new OffsetToCommit(new TopicPartition("t", 0), new CommittedOffset(7, 1, "m"))]);

    private readonly List<byte[]> _setUp =
    [
        Bytes(writer => GroupCommand.Write(writer, Join)),
        Bytes(writer => GroupCommand.WriteExpire(writer, [new GroupExpiry("g", 1, [])])),
        Bytes(writer => GroupCommand.Write(
            writer, new SyncGroup("g", Member, 1, null, null, [new MemberAssignment(Member.MemberId, new byte[] { 1 })]))),
        Bytes(writer => GroupCommand.Write(writer, new BeginGroupTransaction("g", Transaction))),
        Bytes(writer => GroupCommand.Write(writer, new CommitInTransaction(Commit, 5, 0))),
    ];

    /// <inheritdoc />
    public string Name => "group-command";

    /// <inheritdoc />
    public string About => "commands, queries and snapshots of groups: any bytes give a result; two replicas stay equal, one restored";

    /// <inheritdoc />
    public AllocationBound Allocation => AllocationBound.Usual;

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        Bytes(writer => GroupCommand.Write(writer, Join)),
        Bytes(writer => GroupCommand.Write(writer, Join with { Identity = new MemberIdentity("", "i") })),
        Bytes(writer => GroupCommand.Write(writer, Join with { Identity = Member })),
        Bytes(writer => GroupCommand.Write(writer, new SyncGroup("g", Member, 1, "consumer", "range", []))),
        Bytes(writer => GroupCommand.Write(writer, new LeaveGroup("g", [Member, new MemberIdentity("", "i")]))),
        Bytes(writer => GroupCommand.Write(writer, Commit)),
        Bytes(writer => GroupCommand.Write(writer, new BeginGroupTransaction("g", Transaction with { Number = 4 }))),
        Bytes(writer => GroupCommand.Write(writer, new CommitInTransaction(Commit, 5, 0))),
        Bytes(writer => GroupCommand.Write(writer, new EndGroupTransaction("g", Transaction, true))),
        Bytes(writer => GroupCommand.Write(writer, new DeleteOffsets("g", [new TopicPartition("t", 0)]))),
        Bytes(writer => GroupCommand.WriteDelete(writer, "g")),
        Bytes(writer => GroupCommand.WriteExpire(writer, [new GroupExpiry("g", 2, [Member.MemberId])])),
        Bytes(writer => GroupCommand.WriteForget(writer, ["g"])),
        Bytes(writer => GroupQuery.WriteJoined(writer, "g", Member)),
        Bytes(writer => GroupQuery.WriteSynced(writer, "g", Member, 1)),
        Bytes(writer => GroupQuery.WriteHeartbeat(writer, "g", Member, 1)),
        Bytes(writer => GroupQuery.WriteOffsets(writer, "g", [new TopicPartition("t", 0)])),
        Bytes(writer => GroupQuery.WriteDescribe(writer, "g")),
        Bytes(writer => GroupQuery.WriteList(writer, "")),
        Snapshot(),
    ];

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        var machine = SetUp();
        var restored = new GroupsStateMachine();
        var target = restored.BeginRestore(new HybridTime(9UL << 20), null);
        BrokenPromiseException.Unless(target.Accept(SnapshotOf(machine)) && target.Complete(), "a snapshot is taken over");
        target.Install();

        var index = (ulong)_setUp.Count + 1;
        var result = Apply(machine, index, input);
        BrokenPromiseException.Unless(result.SequenceEqual(Apply(restored, index, input)), "replicas give the same result");
        BrokenPromiseException.Unless(machine.StateHash() == restored.StateHash(), "replicas stay equal");
        BrokenPromiseException.Unless(GroupResult.TryRead(result) is not null, "a command has a result");
        _ = GroupResult.TryRead(input);
        _ = (GroupJoined.TryRead(input), GroupSynced.TryRead(input), GroupOffsets.TryRead(input));
        _ = (GroupDescription.TryRead(input), GroupsPage.TryRead(input), ConsumerSubscription.TryReadTopics(input.Span));
        _ = ConsumerAssignment.TryRead(input.Span);
        _ = (GroupCommand.SenderOf(input), GroupQuery.SenderOf(input), GroupCommand.Validate(input, 0, ulong.MaxValue));

        var answer = new WireWriter();
        BrokenPromiseException.Unless(machine.TryRead(input, new HybridTime(index << 20), answer), "every query is answered");
        var garbled = new GroupsStateMachine().BeginRestore(new HybridTime(9UL << 20), null);
        var isSnapshot = garbled.Accept(input) && garbled.Complete();
        return isSnapshot ? Verdict.Accepted("snapshot")
            : answer.Written[0] != (byte)GroupStatus.Invalid ? Verdict.Accepted($"{GroupQuery.KindOf(input.Span)}")
            : result[0] == (byte)GroupStatus.Invalid ? Verdict.Refused("Invalid")
            : Verdict.Accepted($"{GroupCommand.KindOf(input.Span)} {(GroupStatus)result[0]}");
    }

    private static GroupsStateMachine SetUp(List<byte[]> commands)
    {
        var machine = new GroupsStateMachine();
        for (var i = 0; i < commands.Count; i++)
        {
            Apply(machine, (ulong)i + 1, commands[i]);
        }

        return machine;
    }

    private static byte[] Snapshot() => SnapshotOf(SetUp([Bytes(writer => GroupCommand.Write(writer, Join))]));

    private static byte[] SnapshotOf(GroupsStateMachine machine)
    {
        var writer = new WireWriter();
        using var source = machine.BeginSnapshot();
        while (source.TryNext(writer))
        {
            // All of it is small.
        }

        return writer.ToArray();
    }

    private static byte[] Apply(GroupsStateMachine machine, ulong index, ReadOnlyMemory<byte> command)
    {
        var writer = new WireWriter();
        machine.Apply(new CommandContext(new HybridTime(index << 20), new LogIndex(index), new Term(1)), command, writer);
        return writer.ToArray();
    }

    private static byte[] Bytes(Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        return writer.ToArray();
    }

    private GroupsStateMachine SetUp() => SetUp(_setUp);
}
