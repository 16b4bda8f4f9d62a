using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>The founders of a shard alone can elect its first leader, however late they hear of it.</summary>
public sealed class LateFounderTests
{
    [Fact]
    public void A_shard_that_was_moved_before_its_only_founder_heard_of_it_is_led_first_and_then_moved()
    {
        var cluster = new SimCluster(1, new ClusterShape { Nodes = 5 });
        cluster.Start();
        cluster.Isolate(5);
        var founder = new NodeId(5);
        var (space, shard) = Enumerable.Range(0, 10)
            .Select(i => cluster.CreateSpace($"s{i}", replicas: 1))
            .Select(id => (id, cluster.Directory.Shards.Single(candidate => candidate.Space == id)))
            .First(pair => pair.Item2.Replicas.SequenceEqual([founder]));
        var move = new WireWriter();
        DirectoryCommand.WriteSetReplicas(move, shard.Id, [new NodeId(1)]);
        cluster.Administer(cluster.NewClient(), move);
        cluster.Heal();

        var client = cluster.NewClient(space);
        client.Put("k", "v");
        Assert.Equal("v", client.Get("k"));
    }
}
