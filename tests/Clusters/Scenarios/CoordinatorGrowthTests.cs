using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>Offsets of a cluster that began with one node outlive that node's machine once two more have joined.</summary>
public sealed class CoordinatorGrowthTests
{
    private const int Groups = 8;

    private static readonly TopicPartition Place = new("t", 0);

    [Fact]
    public void Offsets_that_one_node_had_alone_are_there_when_it_is_gone_for_good()
    {
        var cluster = new SimCluster(7, new ClusterShape { Nodes = 1, Founders = 1, DirectoryReplicas = 3 });
        cluster.Start();
        var space = cluster.CreateSpace("groups", replicas: 1, shards: 4, kind: SpaceKind.Groups);
        var client = cluster.NewClient();
        for (var i = 0; i < Groups; i++)
        {
            var commit = new CommitOffsets(
                $"g{i}", new MemberIdentity("", null), -1, [new OffsetToCommit(Place, new CommittedOffset(i, -1, null))]);
            var call = client.CallAndWait(Request(space, i, RequestKind.Write, writer => GroupCommand.Write(writer, commit)));
            Assert.Equal(ResponseStatus.Ok, call.Response.Status);
            Assert.Equal(GroupStatus.Ok, GroupResult.TryRead(call.Response.Body)!.Status);
        }

        cluster.AddNode();
        cluster.Run(Duration.FromSeconds(5));
        Assert.All(Placed(cluster, space), static shard => Assert.Single(shard.Replicas));
        cluster.AddNode();
        Assert.True(cluster.RunUntil(
            () => Placed(cluster, space).All(static shard => shard.Replicas.Length == 3), Duration.FromSeconds(30)));
        cluster.Run(Duration.FromSeconds(10)); // the new replicas catch up and vote
        cluster.Node(1).LosePower();
        for (var i = 0; i < Groups; i++)
        {
            var call = client.CallAndWait(
                Request(space, i, RequestKind.Read, writer => GroupQuery.WriteOffsets(writer, $"g{i}", [Place])));
            Assert.Equal(ResponseStatus.Ok, call.Response.Status);
            Assert.Equal(i, Assert.Single(GroupOffsets.TryRead(call.Response.Body)!.Offsets).Committed.Offset);
        }
    }

    private static ShardInfo[] Placed(SimCluster cluster, SpaceId space) => cluster.Directory.ShardsOf(space).ToArray();

    private static Request Request(SpaceId space, int group, RequestKind kind, Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        return new Request { Kind = kind, Space = space, RoutingHash = GroupCommand.HashOf($"g{group}"), Payload = writer.ToArray() };
    }
}
