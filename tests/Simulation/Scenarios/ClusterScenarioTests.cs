using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Clusters;
using Xunit;

namespace Atoll.Simulation.Tests.Scenarios;

public sealed class ClusterScenarioTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 1)]
    [InlineData(3, 2)]
    [InlineData(5, 1)]
    public void What_is_written_through_one_node_is_read_through_another(int nodes, int loops)
    {
        var cluster = Started(nodes, loops);
        var space = cluster.CreateSpace("s", replicas: Math.Min(3, nodes), shards: 4);
        var client = cluster.NewClient(space);
        for (var i = 0; i < 20; i++)
        {
            client.Through(cluster.Node(1)).Put($"k{i}", $"v{i}");
            Assert.Equal($"v{i}", client.Through(cluster.Node(nodes)).Get($"k{i}"));
        }
    }

    [Fact]
    public void A_dead_leader_is_replaced_and_nothing_acknowledged_is_lost()
    {
        var cluster = Started(3, 1);
        var space = cluster.CreateSpace("s");
        var client = cluster.NewClient(space);
        for (var round = 0; round < 6; round++)
        {
            client.Put("k", $"v{round}");
            var node = cluster.Node((round % 3) + 1);
            node.LosePower();
            Assert.Equal($"v{round}", client.Get("k"));
            node.Start();
            cluster.Run(Duration.FromSeconds(3));
        }
    }

    [Fact]
    public void All_nodes_lose_power_and_come_back_with_what_they_acknowledged()
    {
        var cluster = Started(3, 2);
        var space = cluster.CreateSpace("s", shards: 3);
        var client = cluster.NewClient(space);
        for (var i = 0; i < 30; i++)
        {
            client.Put($"k{i}", $"v{i}");
        }

        foreach (var node in cluster.Nodes)
        {
            node.LosePower();
        }

        cluster.Run(Duration.FromSeconds(1));
        foreach (var node in cluster.Nodes)
        {
            node.Start();
        }

        for (var i = 0; i < 30; i++)
        {
            Assert.Equal($"v{i}", client.Get($"k{i}"));
        }
    }

    [Fact]
    public void A_minority_refuses_and_the_majority_goes_on()
    {
        var cluster = Started(3, 1);
        var space = cluster.CreateSpace("s");
        var client = cluster.NewClient(space);
        client.Put("k", "before");
        cluster.Isolate(1);
        cluster.Run(Duration.FromSeconds(3));
        client.Through(cluster.Node(2)).Put("k", "after");
        client.Through(cluster.Node(1));
        var stale = client.Client.CallAndWait(Clients.RecordsRequests.Get(space, "k"));
        Assert.Equal(ResponseStatus.Unavailable, stale.Response.Status);
        cluster.Heal();
        Assert.Equal("after", client.Get("k"));
    }

    [Fact]
    public void A_new_node_joins_and_serves()
    {
        var cluster = Started(3, 1);
        var space = cluster.CreateSpace("s");
        var client = cluster.NewClient(space);
        client.Put("k", "v");
        var joined = cluster.AddNode();
        Assert.Equal("v", client.Through(joined).Get("k"));
    }

    private static SimCluster Started(int nodes, int loops)
    {
        var cluster = new SimCluster(
            (ulong)((nodes * 10) + loops),
            new ClusterShape
            {
                Nodes = nodes,
                LoopsPerNode = loops,
                Founders = Math.Min(3, nodes),
                DirectoryReplicas = Math.Min(3, nodes),
            });
        cluster.Start();
        return cluster;
    }
}
