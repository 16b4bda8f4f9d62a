using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clusters;
using Xunit;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>Museum, rows 10, 11 and 22: who may answer a read.</summary>
public sealed class ReadMuseum
{
    private const ulong Seed = 4;

    [Fact]
    public void Row_10_A_leader_deposed_while_it_stood_still_answers_no_read() =>
        ReadThroughDeposedLeader(Sabotage.None, leases: false, pauseMs: 700);

    [Fact]
    public void Row_10_is_caught_when_reads_are_not_confirmed() =>
        Exhibit.IsCaught<SafetyViolationException>(
            "not linearizable", () => ReadThroughDeposedLeader(Sabotage.ReadsUnconfirmed, leases: false, pauseMs: 700));

    [Fact]
    public void Row_11_A_lease_has_run_out_on_a_slow_clock_before_another_leads() =>
        ReadThroughDeposedLeader(Sabotage.None, leases: true, pauseMs: 0);

    [Fact]
    public void Row_11_is_caught_when_a_lease_is_longer_than_the_others_keep_still() =>
        Exhibit.IsCaught<SafetyViolationException>(
            "not linearizable", () => ReadThroughDeposedLeader(Sabotage.LeaseTooLong, leases: true, pauseMs: 0));

    [Fact]
    public void Row_22_Clocks_that_are_far_out_of_any_bound_neither_make_reads_stale_nor_end_nodes() => ClocksOutOfBounds(leases: false);

    [Fact]
    public void Row_22_is_caught_when_reads_rely_on_a_bound_that_clocks_do_not_keep() =>
        Exhibit.IsCaught<SafetyViolationException>("not linearizable", () => ClocksOutOfBounds(leases: true));

    // CockroachDB. The leader's clock is two hours ahead and runs at a third of the speed of the others; it is cut off from them.
    private static void ClocksOutOfBounds(bool leases)
    {
        var scene = new Scene(Seed, Sabotage.None, new ClusterShape { LeaseReads = leases });
        var leader = scene.Leader;
        scene.Cluster.Node(leader).Clock.JumpWall(Duration.FromSeconds(7_200));
        scene.Cluster.Node(leader).Clock.SetDrift(-700_000);
        scene.Run(2_000);
        Assert.Equal(leader, scene.Leader);
        var writer = scene.NewClient(through: scene.Others(leader)[0]);
        var reader = scene.NewClient(through: leader);
        writer.Put("k", 1);
        scene.Cluster.Isolate(leader);
        var put = writer.BeginPut("k", 2);
        reader.Patience = Duration.FromMilliseconds(40);
        for (var i = 0; i < 80; i++)
        {
            reader.Get("k");
            scene.Run(25);
        }

        writer.Wait(put);
        scene.MustRecover();
        reader.Patience = Duration.FromSeconds(10);
        Assert.Equal(2, reader.Get("k")!.Value.Value);
        scene.CheckHistory();
        Assert.All(scene.Cluster.Nodes, static node => Assert.True(node.IsReady && node.FaultReason is null));
    }

    // etcd#20418: the leader wakes among requests that waited for it, and has not heard yet that somebody else leads. With leases its
    // clock also runs slow by a tenth, which is within the bound: 60 ms in an election timeout.
    private static void ReadThroughDeposedLeader(Sabotage planted, bool leases, int pauseMs)
    {
        var scene = new Scene(Seed, planted, new ClusterShape { LeaseReads = leases });
        var leader = scene.Leader;
        if (leases)
        {
            scene.Cluster.Node(leader).Clock.SetDrift(-100_000);
            scene.Run(1_000);
        }

        var writer = scene.NewClient(through: scene.Others(leader)[0]);
        writer.Put("k", 1);
        var reader = scene.NewClient(through: leader);
        Assert.Equal(1, reader.Get("k")!.Value.Value);
        scene.Cluster.Isolate(leader);
        if (pauseMs > 0)
        {
            scene.Cluster.Node(leader).Pause(Duration.FromMilliseconds(pauseMs));
        }

        var put = writer.BeginPut("k", 2);
        scene.Run(pauseMs);
        reader.Patience = Duration.FromMilliseconds(40);
        for (var i = 0; i < 30; i++)
        {
            reader.Get("k");
        }

        writer.Wait(put);
        scene.MustRecover();
        reader.Patience = Duration.FromSeconds(10);
        var last = reader.Get("k");
        scene.CheckHistory();
        Assert.Equal(2, last!.Value.Value);
    }
}
