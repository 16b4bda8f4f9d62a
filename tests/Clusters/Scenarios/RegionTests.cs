using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>Consistency levels by region, and data that keep to theirs (museum, row 28).</summary>
public sealed class RegionTests
{
    [Fact]
    public void With_a_region_cut_off_each_goes_on_with_its_own_quorum_and_both_together_are_unavailable_with_numbers()
    {
        var shape = new ClusterShape { Nodes = 5, Regions = ["eu", "us"] };
        var scene = new EventualScene(1, shape, 5, SpaceRegions.Of([new("eu", 3), new("us", 2)], []));
        Assert.Equal(ResponseStatus.Ok, scene.Write(1, "before", "1", ConsistencyLevel.EachQuorum).Status);
        scene.Cluster.Isolate(2, 4);
        scene.Await(
            () => scene.Write(1, "x", "0", ConsistencyLevel.EachQuorum).Status == ResponseStatus.Unavailable, "the cut is noticed", 30);

        Assert.Equal(ResponseStatus.Ok, scene.Write(1, "of eu", "1", ConsistencyLevel.LocalQuorum).Status);
        Assert.Equal(ResponseStatus.Ok, scene.Write(2, "of us", "1", ConsistencyLevel.LocalQuorum).Status);
        Assert.Equal(ResponseStatus.Ok, scene.Read(4, "before", ConsistencyLevel.LocalQuorum).Status);
        Assert.Equal(ResponseStatus.Ok, scene.Read(5, "before", ConsistencyLevel.LocalQuorum).Status);
        Assert.Equal((EventualOutcome.Unavailable, 0, 2), Lacks(scene.Write(3, "x", "1", ConsistencyLevel.EachQuorum)));
        Assert.Equal((EventualOutcome.Unavailable, 0, 2), Lacks(scene.Write(2, "x", "1", ConsistencyLevel.EachQuorum)));
        Assert.Equal((EventualOutcome.Unavailable, 2, 3), Lacks(scene.Read(2, "before", ConsistencyLevel.Quorum)));
        Assert.Equal((EventualOutcome.Unavailable, 3, 5), Lacks(scene.Read(1, "before", ConsistencyLevel.All)));

        scene.Cluster.Heal();
        scene.Await(() => scene.Write(1, "after", "1", ConsistencyLevel.EachQuorum).Status == ResponseStatus.Ok, "both are back", 60);
        scene.Await(() => scene.ShowsAlone(1, "of us") && scene.ShowsAlone(2, "of eu"), "each side has the other's");
    }

    [Fact]
    public void A_node_in_a_region_that_is_not_allowed_coordinates_and_keeps_nothing()
    {
        var shape = new ClusterShape { Nodes = 4, Regions = ["eu", "us", "eu", "eu"] };
        var scene = new EventualScene(2, shape, 3, SpaceRegions.Of([], ["eu"]));
        Assert.Equal([1U, 3U, 4U], scene.Shard.Replicas.Select(static node => node.Value).Order());
        scene.Cluster.Node(4).Stop();
        scene.Await(
            () => scene.Write(1, "kept", "1", ConsistencyLevel.All).Status == ResponseStatus.Unavailable, "the stop is noticed", 30);

        Assert.Equal(ResponseStatus.Ok, scene.Write(2, "foreign", "1", ConsistencyLevel.Quorum).Status);
        Assert.Equal(ResponseStatus.Ok, scene.Write(2, "any", "1", ConsistencyLevel.Any).Status);
        Assert.Equal(ResponseStatus.Ok, scene.Write(1, "own", "1", ConsistencyLevel.Quorum).Status);
        scene.Await(() => scene.HintsOn(1) > 0, "a node of the region keeps a hint", 10);
        Assert.Equal(0, scene.HintsOn(2));
        Assert.DoesNotContain(scene.Cluster.Node(2).Loop()!.Describe().Replicas, replica => replica.Shard == scene.Shard.Id);

        // What was not kept comes by an exchange.
        scene.Cluster.Node(4).Start();
        scene.Await(() => scene.Cluster.Node(4).IsReady, "it is back", 30);
        scene.Await(
            () => new[] { "foreign", "any", "own" }.All(partition => scene.ShowsAlone(4, partition)), "it has all that it missed");
    }

    private static (EventualOutcome Outcome, int Received, int Required) Lacks(Response response) =>
        response.Shortfall is { } shortfall ? (shortfall.Outcome, shortfall.Received, shortfall.Required) : default;
}
