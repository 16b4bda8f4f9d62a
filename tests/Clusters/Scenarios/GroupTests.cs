using Atoll.Clusters.Tests.Museum;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>Groups of consumers in a whole cluster: docs/streams.md.</summary>
public sealed class GroupTests
{
    private static readonly TopicPartition Place = new("t", 0);

    private readonly Scene _scene = new(3, Sabotage.None, new ClusterShape { SnapshotAfterLogBytes = 2_000 }, kind: SpaceKind.Groups);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Generation_and_offsets_outlive_their_coordinators(bool everywhere)
    {
        var client = _scene.Cluster.NewClient();
        var (a, b) = (Joined(client), Joined(client));
        _scene.Await(() => Status(client, a, -1) == GroupStatus.IllegalGeneration && Generation(client) == 1, "the first generation");
        Assert.Equal(GroupStatus.Ok, Sync(client, a, 1, a, b));
        Assert.Equal(GroupStatus.Ok, Sync(client, b, 1));
        for (var kill = 0; kill < 3; kill++)
        {
            for (var i = 1; i <= 15; i++)
            {
                Assert.Equal(GroupStatus.Ok, Commit(client, b, 1, (kill * 100) + i));
            }

            if (everywhere)
            {
                _scene.LosePowerEverywhere();
            }
            else
            {
                var leader = _scene.Leader;
                _scene.Cluster.Node(leader).LosePower();
                Assert.Equal((kill * 100) + 15, Committed(client));
                _scene.Cluster.Node(leader).Start();
            }

            Assert.Equal((kill * 100) + 15, Committed(client));
            Assert.Equal(GroupStatus.Ok, Status(client, a, 1));
            Assert.Equal(GroupStatus.Ok, Status(client, b, 1));
        }

        Assert.Equal(GroupStatus.IllegalGeneration, Commit(client, b, 0, 1));
        Assert.Equal(GroupStatus.UnknownMember, Commit(client, "nobody", 1, 1));
    }

    [Fact]
    public void Who_waits_is_told_when_all_have_joined_and_who_falls_silent_is_left_out()
    {
        var client = _scene.Cluster.NewClient();
        var (a, b) = (Joined(client), Joined(client));
        GroupJoined? told = null;
        client.Call(
            Read(writer => GroupQuery.WriteJoined(writer, "g", new MemberIdentity(a, null))) with
            {
                Linger = Duration.FromMilliseconds(1_800),
            },
            result => told = GroupJoined.TryRead(result.Response.Body));
        _scene.Run(100);
        Assert.Null(told);
        _scene.Await(() => told is not null, "the generation begins");
        Assert.Equal((GroupStatus.Ok, 1, a), (told!.Status, told.Generation, told.Leader));
        Assert.Equal(2, told.Members.Count);
        Assert.Equal(GroupStatus.Ok, Sync(client, a, 1, a, b));
        Assert.Equal(GroupStatus.Ok, Sync(client, b, 1));

        // It goes on for longer than any session lasts; the other has died.
        for (var second = 0; second < 12 && Status(client, a, 1) == GroupStatus.Ok; second++)
        {
            _scene.Run(1_000);
        }

        Assert.Equal(GroupStatus.RebalanceInProgress, Status(client, a, 1));
        Assert.Equal(GroupStatus.UnknownMember, Commit(client, b, 1, 5));
        Assert.Equal(a, Joined(client, a));
        Assert.Equal(2, Generation(client));
        _scene.Await(() => Describe(client).State == GroupState.Empty, "the last one has died, too", 60);
    }

    private static Request Request(Scene scene, RequestKind kind, Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        return new Request { Kind = kind, Space = scene.Space, RoutingHash = GroupCommand.HashOf("g"), Payload = writer.ToArray() };
    }

    private Request Read(Action<WireWriter> query) => Request(_scene, RequestKind.Read, query);

    private GroupResult Send(SimClient client, Action<WireWriter> command)
    {
        var call = client.CallAndWait(Request(_scene, RequestKind.Write, command));
        Assert.Equal(ResponseStatus.Ok, call.Response.Status);
        return GroupResult.TryRead(call.Response.Body)!;
    }

    private ReadOnlyMemory<byte> Ask(SimClient client, Action<WireWriter> query)
    {
        var call = client.CallAndWait(Read(query));
        Assert.Equal(ResponseStatus.Ok, call.Response.Status);
        return call.Response.Body;
    }

    private string Joined(SimClient client, string member = "")
    {
        var join = new JoinGroup(
            "g", new MemberIdentity(member, null), false, "c", "h", 6_000, 10_000, "consumer", [new GroupProtocol("range", default)]);
        var joined = Send(client, writer => GroupCommand.Write(writer, join));
        Assert.Equal(GroupStatus.Ok, joined.Status);
        return joined.MemberId;
    }

    private GroupStatus Sync(SimClient client, string member, int generation, params string[] members) =>
        Send(client, writer => GroupCommand.Write(writer, new SyncGroup(
            "g", new MemberIdentity(member, null), generation, null, null,
            [.. members.Select(static (id, i) => new MemberAssignment(id, new[] { (byte)i }))]))).Status;

    private GroupStatus Commit(SimClient client, string member, int generation, long offset) =>
        Send(client, writer => GroupCommand.Write(writer, new CommitOffsets(
            "g", new MemberIdentity(member, null), generation, [new OffsetToCommit(Place, new CommittedOffset(offset, -1, null))]))).Status;

    private GroupStatus Status(SimClient client, string member, int generation) =>
        (GroupStatus)Ask(client, writer => GroupQuery.WriteHeartbeat(writer, "g", new MemberIdentity(member, null), generation)).Span[0];

    private long Committed(SimClient client) => Assert.Single(
        GroupOffsets.TryRead(Ask(client, writer => GroupQuery.WriteOffsets(writer, "g", [Place])))!.Offsets).Committed.Offset;

    private GroupDescription Describe(SimClient client) =>
        GroupDescription.TryRead(Ask(client, writer => GroupQuery.WriteDescribe(writer, "g")))!;

    private int Generation(SimClient client) => Describe(client).Generation;
}
