using Atoll.Clusters.Tests.Museum;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>A node that is asked to stop hands over what it leads, so that its clients do not wait for an election time-out.</summary>
public sealed class HandOverTests
{
    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void A_leader_that_is_to_stop_is_followed_by_another_well_within_an_election_timeout_and_not_given_the_lead_back(ulong seed)
    {
        var scene = new Scene(seed, Sabotage.None);
        var client = scene.Cluster.NewClient(scene.Space);
        client.Put("before", "1");
        var leader = scene.Leader;
        var begun = scene.Cluster.Scheduler.Now;

        scene.Await(() => scene.Cluster.Node(leader).HandOver() == 0 && scene.Leader != leader && scene.Leader != 0, "somebody else leads");

        Assert.True(scene.Cluster.Scheduler.Now - begun < scene.Cluster.Shape.ElectionTimeout / 2);
        client.Put("after", "2");
        scene.Run(1_000);
        Assert.NotEqual(leader, scene.Leader);
        scene.Cluster.Node(leader).Stop();
        client.Put("alone", "3");
        Assert.Equal("1", client.Get("before"));

        // The directory still prefers the node: back again, it is given the lead in time.
        scene.Cluster.Node(leader).Start();
        scene.Await(() => scene.Leader == leader, "the preferred node leads again", seconds: 30);
    }

    [Fact]
    public void The_only_replica_of_a_shard_has_nobody_to_hand_over_to()
    {
        var scene = new Scene(4, Sabotage.None, replicas: 1);
        Assert.False(scene.Replica(scene.Leader)!.HandOver(scene.Cluster.Node(scene.Leader).Clock.Now));
        scene.Run((int)Duration.FromSeconds(2).Milliseconds);
        Assert.NotEqual(0, scene.Leader);
    }
}
