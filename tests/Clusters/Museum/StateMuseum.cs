using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.Storage.Lsm;
using Xunit;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>Museum, rows 12, 16 and 44: log and state stay in step, on one replica and on all.</summary>
public sealed class StateMuseum
{
    private const ulong Seed = 5;

    [Fact]
    public void Row_12_No_crash_sets_applied_index_and_state_apart() => CrashesBetweenSnapshots(Sabotage.None);

    [Fact]
    public void Row_12_is_caught_when_the_applied_index_is_restored_behind_the_state() =>
        Exhibit.IsCaught<SafetyViolationException>("the replicas diverge", () => CrashesBetweenSnapshots(Sabotage.AppliedIndexApart));

    [Fact]
    public void Row_16_Late_and_doubled_appends_cut_nothing_that_is_committed() => LateAppends(Sabotage.None);

    [Fact]
    public void Row_16_is_caught_when_any_append_may_cut() =>
        Exhibit.IsCaught<CheckFailedException>("first > CommitIndex", () => LateAppends(Sabotage.CutsAtAnyAppend));

    [Fact]
    public void Row_44_Replicas_with_clocks_hours_apart_hold_the_same_state() => ClocksApart(Sabotage.None);

    [Fact]
    public void Row_44_is_caught_when_the_state_reads_the_clock() =>
        Exhibit.IsCaught<SafetyViolationException>("the replicas diverge", () => ClocksApart(Sabotage.StateReadsClock));

    // etcd#13766.
    private static void CrashesBetweenSnapshots(Sabotage planted)
    {
        var scene = new Scene(Seed, planted, new ClusterShape { Store = new LsmOptions { MemtableBytes = 1024 }, LogEntriesKept = 4 });
        scene.Cluster.Checker.StateHashInterval = 1;
        var client = scene.NewClient();
        for (var value = 1; value <= 60; value++)
        {
            Assert.Equal(OperationOutcome.Ok, client.Put($"k{value % 5}", value));
            if (value % 10 == 0)
            {
                var node = scene.Cluster.Node((value / 10 % 3) + 1);
                node.LosePower();
                scene.Run(200);
                node.Start();
                scene.Run(1_500);
            }
        }

        for (var key = 0; key < 5; key++)
        {
            Assert.NotNull(client.Get($"k{key}"));
        }

        scene.CheckHistory();
    }

    private static void LateAppends(Sabotage planted)
    {
        var scene = new Scene(Seed, planted);
        scene.Cluster.Network.Faults.DuplicatePartsPerMillion = 300_000;
        scene.Cluster.Network.Faults.ReorderPartsPerMillion = 300_000;
        scene.Cluster.Network.Faults.LatencyMax = Duration.FromMilliseconds(30);
        var client = scene.NewClient();
        var puts = new List<Witness.Call>();
        for (var value = 1; value <= 200; value++)
        {
            puts.Add(client.BeginPut($"k{value % 20}", value));
            scene.Run(5);
        }

        puts.ForEach(client.Wait);
        Assert.All(puts, put => Assert.Equal(OperationOutcome.Ok, put.Operation.Outcome));
        for (var key = 0; key < 20; key++)
        {
            Assert.NotNull(client.Get($"k{key}"));
        }

        scene.CheckHistory();
    }

    // cosmos-sdk#13404.
    private static void ClocksApart(Sabotage planted)
    {
        var scene = new Scene(Seed, planted);
        scene.Cluster.Checker.StateHashInterval = 1;
        for (var i = 0; i < 3; i++)
        {
            scene.Cluster.Nodes[i].Clock.JumpWall(Duration.FromSeconds((i * 7_200) + 1));
        }

        var client = scene.NewClient();
        for (var value = 1; value <= 30; value++)
        {
            Assert.Equal(OperationOutcome.Ok, client.Put($"k{value % 5}", value));
        }

        Assert.NotNull(client.Get("k0"));
        scene.Run(1_000);
        scene.CheckHistory();
    }
}
