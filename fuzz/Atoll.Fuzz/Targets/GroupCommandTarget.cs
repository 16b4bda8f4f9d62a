using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Groups.Assigned;

namespace Atoll.Fuzz.Targets;

/// <summary>Commands, queries and snapshots of groups: the input is all of them.</summary>
public sealed class GroupCommandTarget : MemoryMachineTarget<GroupsStateMachine>
{
    private static readonly MemberIdentity Member = new($"c-{1UL << 20:x16}", null);

    private static readonly JoinGroup Join = new(
        "g", new MemberIdentity("", null), false, "c", "h", 10_000, 10_000, "consumer",
        [new GroupProtocol("range", new byte[] { 0, 0, 0, 0, 0, 1, 0, 1, (byte)'t' })]);

    private static readonly ProducerTransaction Transaction = new(5, 0, 3);

    private static readonly CommitOffsets Commit =
        new("g", Member, 1, [new OffsetToCommit(new TopicPartition("t", 0), new CommittedOffset(7, 1, "m"))]);

    private static readonly TopicFacts Facts =
        new(3, [], [KeyValuePair.Create("t", new TopicShape(new Guid("0b0f4d3e-0000-4000-8000-000000000001"), 2))]);

    private static readonly ConsumerHeartbeat Beat = new("a", "m", 0)
    {
        InstanceId = "i", RackId = "r", RebalanceMilliseconds = 1_000, Names = ["t"], Assignor = "range", Owned = [], Facts = Facts,
    };

    /// <inheritdoc />
    public override string Name => "group-command";

    /// <inheritdoc />
    public override string About => "commands, queries and snapshots of groups: any bytes give a result; two replicas stay equal";

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } =
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
        Bytes(writer => GroupCommand.Write(writer, Beat)),
        Bytes(writer => GroupCommand.Write(writer, Beat with { MemberId = "n", InstanceId = null, Pattern = "t.*" })),
        Bytes(writer => GroupCommand.Write(writer, new ConsumerHeartbeat("a", "m", 1) { InstanceId = "i" })),
        Bytes(writer => GroupCommand.Write(writer, new ConsumerHeartbeat("a", "m", -2) { InstanceId = "i" })),
        Bytes(writer => GroupQuery.WriteHeartbeat(writer, Beat)),
        Bytes(writer => GroupQuery.WriteDescribeAssigned(writer, "a")),
        Bytes(writer => GroupQuery.WriteJoined(writer, "g", Member)),
        Bytes(writer => GroupQuery.WriteSynced(writer, "g", Member, 1)),
        Bytes(writer => GroupQuery.WriteHeartbeat(writer, "g", Member, 1)),
        Bytes(writer => GroupQuery.WriteOffsets(writer, "g", [new TopicPartition("t", 0)])),
        Bytes(writer => GroupQuery.WriteDescribe(writer, "g")),
        Bytes(writer => GroupQuery.WriteList(writer, "")),
        SnapshotAfter(Bytes(writer => GroupCommand.Write(writer, Join))),
        SnapshotAfter(Bytes(writer => GroupCommand.Write(writer, Beat))),
    ];

    /// <inheritdoc />
    protected override IReadOnlyList<byte[]> Before { get; } =
    [
        Bytes(writer => GroupCommand.Write(writer, Join)),
        Bytes(writer => GroupCommand.WriteExpire(writer, [new GroupExpiry("g", 1, [])])),
        Bytes(writer => GroupCommand.Write(
            writer, new SyncGroup("g", Member, 1, null, null, [new MemberAssignment(Member.MemberId, new byte[] { 1 })]))),
        Bytes(writer => GroupCommand.Write(writer, new BeginGroupTransaction("g", Transaction))),
        Bytes(writer => GroupCommand.Write(writer, new CommitInTransaction(Commit, 5, 0))),
        Bytes(writer => GroupCommand.Write(writer, Beat)),
    ];

    /// <inheritdoc />
    protected override bool IsResult(ReadOnlyMemory<byte> bytes) => GroupResult.TryRead(bytes) is not null;

    /// <inheritdoc />
    protected override bool IsAnswer(ReadOnlyMemory<byte> query, ReadOnlyMemory<byte> bytes) => !bytes.IsEmpty;

    /// <inheritdoc />
    protected override void ReadAsEverything(ReadOnlyMemory<byte> bytes)
    {
        _ = GroupResult.TryRead(bytes);
        _ = (GroupJoined.TryRead(bytes), GroupSynced.TryRead(bytes), GroupOffsets.TryRead(bytes));
        _ = (GroupDescription.TryRead(bytes), GroupsPage.TryRead(bytes), ConsumerSubscription.TryReadTopics(bytes.Span));
        _ = ConsumerAssignment.TryRead(bytes.Span);
        _ = (GroupCommand.SenderOf(bytes), GroupQuery.SenderOf(bytes), GroupCommand.Validate(bytes, 0, ulong.MaxValue));
    }

    /// <inheritdoc />
    protected override string? QueryIn(ReadOnlyMemory<byte> input, byte status) =>
        status == (byte)GroupStatus.Invalid ? null : $"{GroupQuery.KindOf(input.Span)}";

    /// <inheritdoc />
    protected override string? CommandIn(ReadOnlyMemory<byte> input, byte status) =>
        status == (byte)GroupStatus.Invalid ? null : $"{GroupCommand.KindOf(input.Span)} {(GroupStatus)status}";
}
