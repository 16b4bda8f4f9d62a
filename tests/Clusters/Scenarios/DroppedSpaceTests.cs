using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Rows;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>What is asked of a space that is dropped at this moment.</summary>
public sealed class DroppedSpaceTests
{
    /// <summary>One replica is silent for a minute, and the others are gone before it is heard again.</summary>
    [Theory]
    [InlineData(1UL, "write")]
    [InlineData(2UL, "read")]
    [InlineData(3UL, "conditional write")]
    public void What_waits_for_a_replica_of_an_eventual_space_is_answered_when_the_space_is_dropped(ulong seed, string what)
    {
        var scene = new EventualScene(seed, new ClusterShape { Nodes = 3 }, replicas: 3);
        Assert.Equal(ResponseStatus.Ok, scene.Write(1, "p", "before", ConsistencyLevel.All).Status);
        var space = scene.Shard.Space;
        scene.Cluster.Node(3).Pause(Duration.FromSeconds(60));
        var client = scene.Cluster.NewClient();
        client.Home = scene.Cluster.Node(1);
        client.Patience = client.AttemptTimeout = Duration.FromSeconds(50);
        CallResult? answer = null;
        var request = what == "read"
            ? RowsRequests.Read(space, "p", ClusteringRange.All)
            : RowsRequests.Mutate(
                space, "p", [RowOperation.Upsert(default, [CellWrite.Put(1, RowsRequests.Bytes("v"))])],
                what == "write" ? [] : [RowCondition.Exists(default)], RowsMutation.GraceSecondsDefault);
        client.Call(
            request with { Consistency = new RequestConsistency(ConsistencyLevel.All), Timeout = Duration.FromSeconds(50) },
            result => answer = result);
        scene.Cluster.Run(Duration.FromMilliseconds(300));
        Assert.Null(answer);
        Assert.Equal(DirectoryStatus.Ok, scene.Administer(writer => DirectoryCommand.WriteDropSpace(writer, space)).Status);
        scene.Cluster.Run(Duration.FromSeconds(2));
        Assert.Equal(ResponseStatus.UnknownSpace, answer?.Response.Status);
    }
}
