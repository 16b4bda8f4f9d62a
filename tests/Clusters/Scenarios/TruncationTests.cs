using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Simulation.Clusters;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>TRUNCATE of eventual tables: a row that was removed with all others stays away, whoever still has it on its way.</summary>
public sealed class TruncationTests
{
    /// <summary>
    /// A node without a replica has a hint for a replica that was away, and is away itself while the rows are removed. It hands the hint
    /// over afterwards, also to replicas that were started again meanwhile.
    /// </summary>
    [Theory]
    [InlineData(1UL, false)]
    [InlineData(2UL, true)]
    [InlineData(3UL, false)]
    [InlineData(4UL, true)]
    public void A_hint_that_comes_late_brings_no_row_back_and_what_is_written_then_is_there(ulong seed, bool isRestarted)
    {
        var scene = new EventualScene(seed, new ClusterShape { Nodes = 4 }, replicas: 3);
        var replicas = scene.Shard.Replicas.Select(static id => (int)id.Value).ToArray();
        var coordinator = Enumerable.Range(1, 4).Single(node => !replicas.Contains(node));
        var away = replicas[2];
        scene.Cluster.Node(away).Stop();
        Assert.Equal(ResponseStatus.Ok, scene.Write(coordinator, "p", "before", ConsistencyLevel.Quorum).Status);
        scene.Await(() => scene.HintsOn(coordinator) > 0, "a hint is kept");
        scene.Cluster.Node(coordinator).Stop();
        scene.Cluster.Node(away).Start();
        scene.Await(() => scene.Truncate(replicas[0]).Status == ResponseStatus.Ok, "all replicas have removed all rows");
        Assert.Equal(ResponseStatus.Ok, scene.Truncate(replicas[0]).Status); // as tables do: the first time brings the clocks together
        if (isRestarted)
        {
            foreach (var node in replicas)
            {
                scene.Cluster.Node(node).Stop();
                scene.Cluster.Run(Duration.FromSeconds(1));
                scene.Cluster.Node(node).Start();
                scene.Cluster.Run(Duration.FromSeconds(3));
            }
        }

        Assert.Equal(ResponseStatus.Ok, scene.Write(replicas[0], "q", "after", ConsistencyLevel.Quorum).Status);
        scene.Cluster.Node(coordinator).Start();
        scene.Await(() => scene.Cluster.Node(coordinator).IsReady && scene.HintsOn(coordinator) == 0, "the hint is handed over");
        scene.Cluster.Run(Duration.FromSeconds(30));

        Assert.Null(EventualScene.ValueOf(scene.Read(replicas[0], "p", ConsistencyLevel.All)));
        Assert.Equal("after", EventualScene.ValueOf(scene.Read(away, "q", ConsistencyLevel.One)));
        Assert.Equal(ResponseStatus.Ok, scene.Write(coordinator, "p", "anew", ConsistencyLevel.All).Status);
        Assert.Equal("anew", EventualScene.ValueOf(scene.Read(away, "p", ConsistencyLevel.One)));
    }

    /// <summary>Its coordinator's messages are on their way for longer than it waits, and its client writes meanwhile.</summary>
    [Theory]
    [InlineData(5UL)]
    [InlineData(6UL)]
    public void One_that_comes_late_removes_nothing_that_was_written_since(ulong seed)
    {
        var scene = new EventualScene(seed, new ClusterShape { Nodes = 3 }, replicas: 3);
        Assert.Equal(ResponseStatus.Ok, scene.Write(1, "p", "before", ConsistencyLevel.All).Status);
        scene.Cluster.Network.SlowDown(new NodeId(1), new NodeId(2), Duration.FromSeconds(10));
        scene.Cluster.Network.SlowDown(new NodeId(1), new NodeId(3), Duration.FromSeconds(10));
        Assert.Equal(ResponseStatus.OutcomeUnknown, scene.Truncate(1).Status);
        Assert.Equal(ResponseStatus.Ok, scene.Write(2, "p", "after", ConsistencyLevel.Quorum).Status);
        for (var end = scene.Cluster.Scheduler.Now + Duration.FromSeconds(20); scene.Cluster.Scheduler.Now < end;)
        {
            Assert.Equal("after", EventualScene.ValueOf(scene.Read(2, "p", ConsistencyLevel.One)));
            Assert.Equal("after", EventualScene.ValueOf(scene.Read(3, "p", ConsistencyLevel.One)));
            scene.Cluster.Run(Duration.FromMilliseconds(50));
        }
    }
}
