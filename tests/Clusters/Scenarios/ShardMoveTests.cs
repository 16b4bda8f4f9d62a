using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>Replicas of shards without a leader go to other nodes while they are used (docs/eventual.md).</summary>
public sealed class ShardMoveTests
{
    private const int Rows = 40;

    [Fact]
    public void A_replica_moves_with_everything_and_what_was_deleted_stays_deleted()
    {
        var scene = new EventualScene(1, new ClusterShape { Nodes = 4 }, 3);
        Fill(scene, 1);
        var from = scene.Shard.Replicas[0];
        var to = Outside(scene);
        Assert.Equal(ResponseStatus.Ok, scene.Delete(1, "row 0", ConsistencyLevel.Quorum).Status);
        scene.Administer(w => DirectoryCommand.WriteSetReplicas(w, scene.Shard.Id, scene.Shard.Replicas.SetItem(0, to)));
        Assert.NotNull(scene.Shard.Move);
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(ResponseStatus.Ok, scene.Write(1 + (i % 4), $"meanwhile {i}", "1", ConsistencyLevel.Quorum).Status);
            Assert.Equal(ResponseStatus.Ok, scene.Read(1 + (i % 4), "row 1", ConsistencyLevel.Quorum).Status);
            scene.Cluster.Run(Duration.FromSeconds(1));
        }

        scene.Await(() => scene.Shard is { Move: null } shard && shard.Replicas.Contains(to), "the replica has moved");
        Assert.DoesNotContain(from, scene.Shard.Replicas);
        scene.Await(() => !Holds(scene, from), "the old replica is gone", 30);
        CheckAlone(scene, to, 20);
    }

    [Fact]
    public void A_node_that_is_dead_for_good_is_replaced_and_waited_for_no_more()
    {
        var scene = new EventualScene(2, new ClusterShape { Nodes = 4 }, 3);
        Fill(scene, 1);
        var dead = scene.Shard.Replicas.First(static node => node.Value != 1);
        var survivor = (int)scene.Shard.Replicas.First(node => node != dead).Value;
        var to = Outside(scene);
        scene.Cluster.Node((int)dead.Value).LosePower();
        scene.Cluster.Run(Duration.FromSeconds(5));
        Assert.Equal(ResponseStatus.Ok, scene.Delete(survivor, "row 0", ConsistencyLevel.Quorum).Status);
        scene.Administer(w => DirectoryCommand.WriteRetireNode(w, dead, isGone: true));
        scene.Await(() => scene.Shard is { Move: null } shard && !shard.Replicas.Contains(dead), "somebody else has its place");
        Assert.Contains(to, scene.Shard.Replicas);
        scene.Await(
            () => !scene.Cluster.Directory.Shards.Any(shard => shard.Keepers.Contains(dead)), "it holds nothing any more", 60);
        scene.Administer(w => DirectoryCommand.WriteRemoveNode(w, dead));
        CheckAlone(scene, to, 0);
        Assert.Equal(ResponseStatus.Ok, scene.Write(survivor, "after", "1", ConsistencyLevel.All).Status);
        Assert.Equal(0, scene.HintsOn(survivor));
    }

    [Fact]
    public void A_move_waits_for_an_old_replica_that_is_away_and_may_be_taken_back()
    {
        var scene = new EventualScene(3, new ClusterShape { Nodes = 4 }, 3);
        Fill(scene, 1);
        var (before, to) = (scene.Shard.Replicas, Outside(scene));
        var away = before.First(static node => node.Value != 1);
        scene.Cluster.Node((int)away.Value).LosePower();
        var moved = before.IndexOf(before.First(node => node != away));
        scene.Administer(w => DirectoryCommand.WriteSetReplicas(w, scene.Shard.Id, before.SetItem(moved, to)));
        scene.Cluster.Run(Duration.FromSeconds(60));
        Assert.Equal(MovePhase.Filling, scene.Shard.Move!.Phase);
        scene.Administer(w => DirectoryCommand.WriteSetReplicas(w, scene.Shard.Id, before));
        Assert.Null(scene.Shard.Move);
        scene.Await(() => !Holds(scene, to), "what the new replica had is gone", 30);

        scene.Administer(w => DirectoryCommand.WriteSetReplicas(w, scene.Shard.Id, before.SetItem(moved, to)));
        scene.Cluster.Node((int)away.Value).Start();
        scene.Await(() => scene.Shard is { Move: null } shard && shard.Replicas.Contains(to), "with everybody there it moves");
        CheckAlone(scene, to, 0, isFirstDeleted: false);
    }

    [Fact]
    public void A_replica_moves_although_a_clock_was_far_ahead()
    {
        var scene = new EventualScene(4, new ClusterShape { Nodes = 4 }, 3);
        var hours = Duration.FromSeconds(7_200);
        var to = Outside(scene);
        scene.Cluster.Node(1).Clock.JumpWall(hours);
        Assert.Equal(ResponseStatus.Ok, scene.Write(1, "row 0", "1", ConsistencyLevel.All).Status);
        scene.Cluster.Node(1).Clock.JumpWall(Duration.Zero - hours);
        scene.Administer(w => DirectoryCommand.WriteSetReplicas(w, scene.Shard.Id, scene.Shard.Replicas.SetItem(0, to)));
        Assert.NotNull(scene.Shard.Move);
        scene.Await(() => scene.Shard is { Move: null } shard && shard.Replicas.Contains(to), "the replica has moved", 60);
        Assert.Equal(ResponseStatus.Ok, scene.Read(2, "row 0", ConsistencyLevel.All).Status);
    }

    private static void Fill(EventualScene scene, int through)
    {
        for (var i = 0; i < Rows; i++)
        {
            Assert.Equal(ResponseStatus.Ok, scene.Write(through, $"row {i}", "1", ConsistencyLevel.Quorum).Status);
        }
    }

    private static NodeId Outside(EventualScene scene) =>
        scene.Cluster.Directory.Nodes.Select(static node => node.Id).First(node => !scene.Shard.Replicas.Contains(node));

    private static bool Holds(EventualScene scene, NodeId node) =>
        scene.Cluster.Node((int)node.Value).Loop()!.Describe().Replicas.Any(replica => replica.Shard == scene.Shard.Id);

    private static void CheckAlone(EventualScene scene, NodeId node, int meanwhile, bool isFirstDeleted = true)
    {
        var number = (int)node.Value;
        scene.Cluster.Isolate(number);
        scene.Cluster.Run(Duration.FromSeconds(10));
        Assert.Equal(!isFirstDeleted, scene.ShowsAlone(number, "row 0"));
        Assert.All(Enumerable.Range(1, Rows - 1), i => Assert.True(scene.ShowsAlone(number, $"row {i}"), $"row {i}"));
        Assert.All(Enumerable.Range(0, meanwhile), i => Assert.True(scene.ShowsAlone(number, $"meanwhile {i}"), $"meanwhile {i}"));
        scene.Cluster.Heal();
        scene.Cluster.Run(Duration.FromSeconds(5));
    }
}
