using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>Who leads a shard that was made a moment ago.</summary>
public sealed class FirstLeaderTests
{
    /// <summary>A client that has found the leader of a new shard must not have to look for another one five seconds later.</summary>
    [Fact]
    public void A_new_shard_is_led_at_once_by_the_replica_that_is_to_lead_it()
    {
        for (var seed = 1UL; seed <= 20; seed++)
        {
            var cluster = new SimCluster(seed, new ClusterShape());
            cluster.Start();
            var space = cluster.CreateSpace("s", 3, shards: 6);
            var shards = cluster.Directory.Shards.Where(shard => shard.Space == space).ToList();
            Assert.Equal(6, shards.Count);
            Assert.True(
                cluster.RunUntil(
                    () => shards.All(shard => Preferred(cluster, shard) is { Role: Role.Leader, HasCommittedInTerm: true }),
                    cluster.Shape.ElectionTimeout),
                $"seed {seed}");
            cluster.Run(Duration.FromSeconds(10));
            Assert.All(shards, shard => Assert.Equal(
                (Role.Leader, 1UL), (Preferred(cluster, shard)!.Role, Preferred(cluster, shard)!.Term.Value)));
        }
    }

    [Fact]
    public void Where_that_one_is_not_there_another_one_leads_as_soon_as_after_any_leaders_death()
    {
        var cluster = new SimCluster(1, new ClusterShape());
        cluster.Start();
        cluster.Node(1).Stop();
        var space = cluster.CreateSpace("s", 3, shards: 6);
        var shards = cluster.Directory.Shards.Where(shard => shard.Space == space && shard.PreferredLeader.Value == 1).ToList();
        Assert.NotEmpty(shards);
        Assert.True(cluster.RunUntil(
            () => shards.All(shard => cluster.Nodes.Any(node => Raft(node, shard) is { Role: Role.Leader, HasCommittedInTerm: true })),
            cluster.Shape.ElectionTimeout * 4));
    }

    private static RaftCore? Preferred(SimCluster cluster, ShardInfo shard) =>
        Raft(cluster.Node((int)shard.PreferredLeader.Value), shard);

    private static RaftCore? Raft(SimNode node, ShardInfo shard) => node.Loop()?.Replicas.GetValueOrDefault(shard.Id)?.Raft;
}
