using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Disks;
using Atoll.Simulation.Linearizability;
using Xunit;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>Museum, rows 2, 3, 4 and 15: votes, terms and leaders.</summary>
public sealed class ElectionMuseum
{
    private const ulong Seed = 2;

    [Fact]
    public void Row_2_A_vote_is_not_told_before_it_is_on_disk_so_no_restart_votes_twice() => VoterForgets(Sabotage.None);

    [Fact]
    public void Row_2_is_caught_when_the_vote_is_told_first() =>
        Exhibit.IsCaught<SafetyViolationException>("two leaders in a term", () => VoterForgets(Sabotage.VotesBeforeDurable));

    [Fact]
    public void Row_3_An_entry_of_an_older_term_is_not_committed_by_counting() => Figure8(Sabotage.None);

    [Fact]
    public void Row_3_is_caught_when_older_terms_are_counted() =>
        Exhibit.IsCaught<SafetyViolationException>("was committed in term", () => Figure8(Sabotage.CountsOlderTerms));

    [Fact]
    public void Row_4_A_crash_with_pauses_leaves_one_leader_and_one_history() => CrashWithPauses(Sabotage.None);

    [Fact]
    public void Row_4_is_caught_when_a_quorum_lacks_one() =>
        Exhibit.IsCaught<SafetyViolationException>("two leaders in a term", () => CrashWithPauses(Sabotage.QuorumLacksOne));

    [Fact]
    public void Row_15_A_node_that_hears_nobody_does_not_disturb_the_others() => OneWayLink(Sabotage.None);

    [Fact]
    public void Row_15_is_caught_without_pre_vote_and_check_quorum() =>
        Exhibit.IsCaught<StalledException>("elections in 20 s", () => OneWayLink(Sabotage.DisturbedByAnyone));

    // The voter's disk is slow; it votes for one candidate, loses power, and is asked by another in the same term.
    private static void VoterForgets(Sabotage planted)
    {
        var scene = new Scene(Seed, planted);
        var old = scene.Leader;
        var (voter, candidate) = (scene.Others(old)[0], scene.Others(old)[1]);
        var term = scene.Raft(old)!.Term;
        scene.Cluster.Isolate(old);
        scene.Filter.Loses = (from, _, message) => RaftFilter.IsCandidacyOfOther(from, message, candidate);
        scene.Cluster.Node(voter).Disk().StallFor(Duration.FromSeconds(3));
        scene.Cluster.RunUntil(() => scene.Raft(candidate)!.Role == Role.Leader, Duration.FromSeconds(3));
        var won = scene.Raft(candidate)!.Role == Role.Leader;
        scene.Cluster.Node(voter).LosePower(PowerLossStyle.KeepNothing);
        scene.Run(3_000);
        scene.Cluster.Node(voter).Start();
        scene.Cluster.Heal();
        scene.Cluster.Isolate(candidate);
        scene.Filter.Loses = (from, _, message) => RaftFilter.IsCandidacyOfOther(from, message, old);
        scene.Await(() => scene.Raft(old)!.Role == Role.Leader && scene.Raft(old)!.Term > term, "the old leader leads again");
        scene.Run(100);
        Assert.False(won);
        scene.MustRecover();
    }

    // Raft paper, figure 8, letter by letter; S1 to S5 are the leader and the others in order.
    private static void Figure8(Sabotage planted)
    {
        var scene = new Scene(
            Seed, planted, new ClusterShape { Nodes = 5, QuiesceAfter = Duration.FromSeconds(3600) }, replicas: 5);
        var s1 = scene.Leader;
        var (s2, s3, s5) = (scene.Others(s1)[0], scene.Others(s1)[1], scene.Others(s1)[3]);
        scene.NewClient().Put("k", 1);
        scene.Run(300);
        var term = scene.Raft(s1)!.Term;

        // (a) S1 leads, and its entry reaches S2 only.
        scene.Filter.Loses = (from, _, message) => RaftFilter.IsCandidacyOfOther(from, message, s5);
        scene.Filter.CutsFrom = (from, to, _, _) => from == s1 && to != s2;
        var writer = scene.NewClient(through: s1);
        writer.Patience = Duration.FromMilliseconds(100);
        writer.BeginPut("k", 2);
        var index = scene.Raft(s1)!.LastIndex.Next;
        scene.Await(() => scene.Raft(s2)!.LastIndex == index && scene.Raft(s2)!.DurableIndex == index, "(a)");
        scene.Cluster.Node(s1).Stop();

        // (b) S5 is elected by S3, S4 and itself; its entry reaches nobody.
        scene.Filter.CutsFrom = (from, _, _, _) => from == s5;
        scene.Await(() => scene.Leader == s5 && scene.Raft(s5)!.DurableIndex == index, "(b)");
        scene.Cluster.Node(s5).Stop();

        // (c) S1 is elected again, and replicates its old entry, but nothing of its new term, to S3: a majority has the entry.
        scene.Filter.Loses = (from, _, message) => RaftFilter.IsCandidacyOfOther(from, message, s1);
        scene.Filter.CutsFrom = (from, to, _, entry) => from == s1 && (to != s3 || entry.Term > term);
        scene.Cluster.Node(s1).Start();
        scene.Await(() => scene.Leader == s1 && scene.Raft(s3)!.DurableIndex == index, "(c)");
        scene.Run(200);
        var isCommitted = scene.Raft(s1)!.CommitIndex >= index;
        scene.Cluster.Node(s1).Stop();

        // (d) S5 is elected by S3 and S4, and overwrites the entry.
        scene.Filter.CutsFrom = null;
        scene.Filter.Loses = (from, _, message) => RaftFilter.IsCandidacyOfOther(from, message, s5);
        scene.Cluster.Node(s5).Start();
        scene.Await(() => scene.Leader == s5 && scene.Raft(s5)!.HasCommittedInTerm, "(d)");
        Assert.False(isCommitted);
        scene.MustRecover();
        scene.NewClient().Get("k");
        scene.CheckHistory();
    }

    // nats-server#7567: one node crashes, the others pause and wake in turn, and afterwards several go on leading for good.
    private static void CrashWithPauses(Sabotage planted)
    {
        var scene = new Scene(Seed, planted);
        var client = scene.NewClient();
        client.Patience = Duration.FromSeconds(5);
        long value = 0;
        for (var round = 0; round < 6; round++)
        {
            client.Put("k", ++value);
            var leader = scene.Leader == 0 ? 1 : scene.Leader;
            var others = scene.Others(leader);
            scene.Cluster.Node(leader).Pause(Duration.FromSeconds(3));
            scene.Run(400);
            scene.Cluster.Node(others[round % 2]).LosePower();
            scene.Run(1_000);
            client.Put("k", ++value);
            scene.Cluster.Node(others[round % 2]).Start();
            scene.Cluster.Node(others[(round + 1) % 2]).Pause(Duration.FromSeconds(2));
            scene.Run(3_000);
            client.Get("k");
        }

        scene.MustRecover();
        scene.Run(2_000);
        Assert.Single(scene.Cluster.Nodes, node => scene.Raft((int)node.Id.Value)!.Role == Role.Leader);
        scene.CheckHistory();
    }

    // Cloudflare 2020: one node's words get out, but nothing gets in; it seeks election for ever, and everybody listens.
    private static void OneWayLink(Sabotage planted)
    {
        var scene = new Scene(Seed, planted);
        var leader = scene.Leader;
        var deaf = scene.Others(leader)[0];
        foreach (var node in scene.Cluster.Nodes.Where(node => node.Id.Value != (uint)deaf))
        {
            scene.Cluster.CutOneWay((int)node.Id.Value, deaf);
        }

        var term = scene.Raft(leader)!.Term.Value;
        var client = scene.NewClient();
        for (var second = 1; second <= 20; second++)
        {
            Assert.Equal(OperationOutcome.Ok, client.Put("k", second));
            scene.Run(1_000);
        }

        var terms = scene.Raft(scene.Others(deaf)[0])!.Term.Value - term;
        if (terms > 2)
        {
            throw new StalledException($"{terms} elections in 20 s although a quorum was healthy all the time");
        }

        scene.MustRecover();
        scene.CheckHistory();
    }
}
