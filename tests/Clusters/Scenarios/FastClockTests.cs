using System.Text;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Simulation.Clusters;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>A node whose clock is hours ahead writes, and everybody loses power as soon as that is acknowledged.</summary>
public sealed class FastClockTests
{
    // Nobody but the node with the fast clock has had time to note how far the clock has come; the data would say so only to its readers.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void What_is_written_after_the_power_cut_is_not_hidden_behind_it(ulong seed)
    {
        var scene = new EventualScene(seed, new ClusterShape(), 3);
        scene.Cluster.Run(Duration.FromMilliseconds(70 * (long)seed));
        scene.Cluster.Node(1).Clock.JumpWall(Duration.FromSeconds(3 * 3600));
        scene.Await(() => scene.Write(1, "a", "ahead", ConsistencyLevel.Quorum).Status == ResponseStatus.Ok, "a write is acknowledged");
        foreach (var node in scene.Cluster.Nodes)
        {
            node.LosePower();
        }

        scene.Cluster.Node(2).Start();
        scene.Cluster.Node(3).Start();
        scene.Await(() => scene.Write(2, "a", "later", ConsistencyLevel.Quorum).Status == ResponseStatus.Ok, "two of three go on");
        Assert.Equal("later", EventualScene.ValueOf(scene.Read(3, "a", ConsistencyLevel.Quorum)));
    }

    // As every node is that starts again: it goes on above all times that it may have told. The others have to save that before they take
    // anything of such a time; the writes wait for it.
    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void No_write_fails_while_the_others_save_how_far_the_time_has_come(ulong seed)
    {
        var scene = new EventualScene(seed, new ClusterShape(), 3);
        for (var i = 0; i < 10; i++)
        {
            scene.Cluster.Node(1).Clock.JumpWall(Duration.FromSeconds(60));
            var answer = scene.Write(1, "a", $"{i}", ConsistencyLevel.All);
            Assert.True(answer.Status == ResponseStatus.Ok, $"{answer.Status}: {answer.Detail} {answer.Shortfall}");
            Assert.Equal(1, scene.LastAttempts);
            Assert.Equal($"{i}", EventualScene.ValueOf(scene.Read(3, "a", ConsistencyLevel.One)));
        }
    }
}
