using Atoll.Clusters.Tests.Museum;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Simulation.Clusters;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>
/// Any node takes any request: also one that knows nobody who leads, and whose own replica or first choice is of no help.
/// </summary>
public sealed class RoutingTests
{
    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void A_node_that_a_shard_has_left_finds_its_leader_though_the_preferred_replica_has_stopped(ulong seed)
    {
        var scene = new Scene(seed, Sabotage.None, new ClusterShape { Nodes = 5 });
        var preferred = scene.Leader;
        var (stays, left) = (scene.Others(preferred)[0], scene.Others(preferred)[1]);
        var added = Enumerable.Range(1, 5).First(node => !scene.Info.Replicas.Contains(new NodeId((uint)node)));
        scene.Place(preferred, stays, added);
        scene.Await(
            () => scene.Raft(preferred) is { Membership: { IsJoint: false, Learners.Length: 0 } } raft
                && raft.Membership.Voters.Contains(new NodeId((uint)added)) && raft.MembershipIndex <= raft.CommitIndex,
            "the replicas are placed");

        scene.Cluster.Node(preferred).IsExpendable = true;
        scene.Replica(preferred)!.Fault("its disk cannot be trusted any more");
        scene.Await(() => scene.Leader == stays || scene.Leader == added, "another replica leads");
        scene.Cluster.Node(left).Restart();
        scene.Await(() => scene.Cluster.Node(left).IsReady, "the node is back, and knows no leader");

        var client = scene.Cluster.NewClient(scene.Space).Through(scene.Cluster.Node(left));
        client.Client.AttemptTimeout = Duration.FromMilliseconds(200); // shorter than the node's own patience with one attempt
        client.Put("k", "1");
        Assert.Equal("1", client.Get("k"));
    }
}
