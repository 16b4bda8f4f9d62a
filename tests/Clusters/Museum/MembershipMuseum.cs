using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Xunit;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>Museum, rows 8, 9 and 14: who belongs to the group.</summary>
public sealed class MembershipMuseum
{
    private const ulong Seed = 3;

    [Fact]
    public void Row_8_A_change_of_voters_in_a_partition_never_makes_two_majorities() => ChangeDuringPartition(Sabotage.None);

    [Fact]
    public void Row_8_is_caught_when_voters_change_in_one_step() =>
        Exhibit.IsCaught<SafetyViolationException>("was committed in term", () => ChangeDuringPartition(Sabotage.ChangesVotersInOneStep));

    [Fact]
    public void Row_9_Removed_nodes_that_come_back_take_part_no_more() => ZombieMembers(Sabotage.None);

    [Fact]
    public void Row_9_is_caught_when_a_restart_forgets_the_removal() =>
        Exhibit.IsCaught<SafetyViolationException>("was committed in term", () => ZombieMembers(Sabotage.ForgetsRemoval));

    [Fact]
    public void Row_9_A_machine_whose_disk_was_replaced_is_a_new_node_and_has_no_vote() => WipedVoter(keepsItsNumber: false);

    [Fact]
    public void Row_9_is_caught_when_an_empty_disk_comes_back_under_the_old_number() =>
        Exhibit.IsCaught<SafetyViolationException>("was committed in term", () => WipedVoter(keepsItsNumber: true));

    [Fact]
    public void Row_14_A_learner_that_lacks_the_log_does_not_count_when_a_voter_crashes() => LearnerLagsBehind(Sabotage.None);

    [Fact]
    public void Row_14_is_caught_when_any_learner_is_promoted() =>
        Exhibit.IsCaught<StalledException>("no write for", () => LearnerLagsBehind(Sabotage.PromotesAnyLearner));

    // Raft's single-server change bug of 2015, nats-server#7545: old and new voters each find a majority of their own.
    private static void ChangeDuringPartition(Sabotage planted)
    {
        var scene = new Scene(Seed, planted, new ClusterShape { Nodes = 5 });
        var leader = scene.Leader;
        var others = scene.Others(leader);
        var added = Enumerable.Range(1, 5).Where(node => node != leader && !others.Contains(node)).ToArray();
        var client = scene.NewClient();
        client.Put("k", 1);
        scene.Place(leader, added[0], added[1]);
        scene.Await(
            () => scene.Raft(leader) is { Membership.Learners.Length: 2 } raft && raft.MembershipIndex <= raft.CommitIndex,
            "both newcomers learn");
        scene.Cluster.Isolate(leader, added[0], added[1]);
        var inNewPart = scene.NewClient(through: leader);
        inNewPart.Patience = Duration.FromMilliseconds(1_500);
        var put = inNewPart.BeginPut("k", 2);
        var inOldPart = scene.NewClient(through: others[0]);
        inOldPart.Patience = Duration.FromSeconds(10);
        inOldPart.Put("k", 3);
        inOldPart.Get("k");
        scene.NewClient(through: added[0]).Get("k");
        inNewPart.Wait(put);
        scene.MustRecover(30);
        client.Get("k");
        scene.CheckHistory();
    }

    // etcd 3.5: members removed long ago start again with what they remember.
    private static void ZombieMembers(Sabotage planted)
    {
        var scene = new Scene(Seed, planted, new ClusterShape { Nodes = 5 });
        var stays = scene.Leader;
        var removed = scene.Others(stays);
        var added = Enumerable.Range(1, 5).Where(node => node != stays && !removed.Contains(node)).ToArray();
        var client = scene.NewClient();
        client.Put("k", 1);
        scene.Place(stays, added[0], added[1]);
        scene.Await(
            () => scene.Raft(stays)!.Membership is { IsJoint: false } membership
                && !membership.Voters.Any(voter => removed.Contains((int)voter.Value)),
            "the change is done");
        scene.Run(500);
        scene.Cluster.Isolate(removed);
        client.Client.Home = scene.Cluster.Node(added[0]);
        Assert.Equal(OperationOutcome.Ok, client.Put("k", 2));
        foreach (var node in removed)
        {
            scene.Cluster.Node(node).Restart();
        }

        scene.Run(5_000);
        var zombie = scene.NewClient(through: removed[0]);
        zombie.Patience = Duration.FromSeconds(3);
        zombie.Get("k");
        scene.MustRecover();
        client.Get("k");
        scene.CheckHistory();
    }

    // A voter forgets everything: it would vote for one who lacks what it had acknowledged. That is why an empty data folder is another
    // node: it gets a number of its own, and has no vote until it was made a replica.
    private static void WipedVoter(bool keepsItsNumber)
    {
        var scene = new Scene(Seed, Sabotage.None, new ClusterShape { Nodes = 5 });
        var leader = scene.Leader;
        var behind = scene.Others(leader)[0];
        var wiped = Enumerable.Range(4, 2).First(node => node != leader && node != behind);
        scene.Place(leader, behind, wiped);
        scene.Await(
            () => scene.Raft(leader) is { } raft && raft.Membership is { IsJoint: false, Learners.Length: 0 }
                && raft.Membership.Voters.Contains(new NodeId((uint)wiped)) && raft.MembershipIndex <= raft.CommitIndex,
            "the replicas are placed");
        scene.Run(500);
        scene.Cluster.Cut(behind, leader);
        scene.Cluster.Cut(behind, wiped);
        Assert.Equal(OperationOutcome.Ok, scene.NewClient(through: leader).Put("k", 1));
        var machine = scene.Cluster.Node(wiped);
        machine.Stop();
        if (keepsItsNumber)
        {
            // The leader dies before it can bring the empty log up to date.
            Wipe(scene, machine);
            scene.Cluster.Cut(wiped, leader);
            machine.Start();
            scene.Run(200);
        }
        else
        {
            scene.Cluster.AddNode();
        }

        scene.Cluster.Node(leader).LosePower();
        scene.Cluster.Heal();
        scene.Run(6_000);
        Assert.NotEqual(Role.Leader, scene.Raft(behind)!.Role);
        scene.Cluster.Node(leader).Start();
        scene.MustTakeWrites();
        Assert.Equal(1, scene.NewClient().Get("k")!.Value.Value);
        scene.CheckHistory();
    }

    private static void Wipe(Scene scene, SimNode machine)
    {
        var disk = machine.Disk().Mount();
        foreach (var name in machine.Disk().FileNames)
        {
            disk.Delete(name, _ => { });
        }

        scene.Run(100);
        machine.Disk().Crash(powerLoss: false);
    }

    private static void LearnerLagsBehind(Sabotage planted)
    {
        var scene = new Scene(Seed, planted, new ClusterShape { Nodes = 4 });
        var leader = scene.Leader;
        var others = scene.Others(leader);
        var newcomer = Enumerable.Range(1, 4).Single(node => node != leader && !others.Contains(node));
        scene.NewClient().Put("k", 1);
        scene.Cluster.Isolate(newcomer);
        scene.Place(leader, others[0], newcomer);
        scene.Run(5_000);
        scene.Cluster.Node(others[0]).LosePower();
        scene.MustTakeWrites(10);
        scene.MustRecover();
        Assert.Equal(1, scene.NewClient().Get("k")!.Value.Value);
    }
}
