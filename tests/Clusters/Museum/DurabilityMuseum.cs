using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Xunit;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>Museum, rows 1, 7 and 13: acknowledged before it was durable, or after a sync that failed; and a disk that lies.</summary>
public sealed class DurabilityMuseum
{
    private const ulong Seed = 1;

    [Fact]
    public void Row_1_All_machines_lose_power_while_no_disk_syncs_and_nothing_acknowledged_is_lost() =>
        PowerFailsWhileDisksStall(nodes: 3, Sabotage.None);

    [Fact]
    public void Row_1_is_caught_when_followers_acknowledge_before_their_disks() =>
        Exhibit.IsCaught<SafetyViolationException>(
            "was committed in term", () => PowerFailsWhileDisksStall(nodes: 3, Sabotage.AcknowledgesBeforeDurable));

    [Fact]
    public void Row_13_A_node_alone_loses_power_before_its_sync_and_had_not_acknowledged() =>
        PowerFailsWhileDisksStall(nodes: 1, Sabotage.None);

    [Fact]
    public void Row_13_is_caught_when_a_node_alone_counts_itself_before_its_disk() =>
        Exhibit.IsCaught<SafetyViolationException>(
            "was committed in term", () => PowerFailsWhileDisksStall(nodes: 1, Sabotage.CountsItselfBeforeDurable));

    [Fact]
    public void Row_7_A_sync_that_failed_is_not_tried_again_and_what_it_was_for_not_acknowledged() =>
        SyncsFailAndThenPower(isDenied: false);

    [Fact]
    public void Row_7_is_caught_when_the_failed_sync_passes_for_one_that_succeeded() =>
        Exhibit.IsCaught<SafetyViolationException>("was committed in term", () => SyncsFailAndThenPower(isDenied: true));

    [Fact]
    public void A_power_loss_everywhere_loses_nothing_when_disks_tell_the_truth() => PowerFailsWith(lyingDisks: false);

    [Fact]
    public void Disks_that_lie_about_sync_are_caught() =>
        Exhibit.IsCaught<SafetyViolationException>("was committed in term", () => PowerFailsWith(lyingDisks: true));

    // Row 1 (nats-server#7564): the log is synced now and then; then all machines lose power at once. Row 13 (etcd#14370): one node.
    private static void PowerFailsWhileDisksStall(int nodes, Sabotage planted)
    {
        var scene = new Scene(Seed, planted, new ClusterShape { Nodes = nodes, DirectoryReplicas = nodes }, replicas: nodes);
        var client = scene.NewClient();
        Assert.Equal(OperationOutcome.Ok, client.Put("k", 1));
        foreach (var node in scene.Cluster.Nodes)
        {
            node.Disk().StallFor(Duration.FromSeconds(2));
        }

        client.Patience = Duration.FromMilliseconds(800);
        var put = client.BeginPut("k", 2);
        scene.Run(1_000);
        scene.LosePowerEverywhere(darkMilliseconds: 2_000);
        client.Patience = Duration.FromSeconds(15);
        Assert.NotNull(client.Get("k"));
        scene.CheckHistory();
        Assert.NotEqual(OperationOutcome.Ok, put.Operation.Outcome);
        scene.MustTakeWrites();
    }

    // Row 7 (PostgreSQL, 2018): the system drops the pages of a sync that failed, and the next sync says yes. Whoever tries again takes
    // them for durable.
    private static void SyncsFailAndThenPower(bool isDenied)
    {
        var scene = new Scene(Seed, Sabotage.None);
        var client = scene.NewClient();
        Assert.Equal(OperationOutcome.Ok, client.Put("k", 1));
        foreach (var node in scene.Cluster.Nodes)
        {
            node.IsExpendable = true;
            node.Disk().Faults.LiesAboutSync = isDenied;
            node.Disk().Faults.SyncFailsPartsPerMillion = isDenied ? 0 : 1_000_000;
        }

        client.Patience = Duration.FromMilliseconds(800);
        var put = client.BeginPut("k", 2);
        scene.Run(1_000);
        foreach (var node in scene.Cluster.Nodes)
        {
            node.Disk().Faults.LiesAboutSync = false;
            node.Disk().Faults.SyncFailsPartsPerMillion = 0;
        }

        scene.Run(1_000); // the disks are well again, and nothing goes on as if nothing had been
        scene.LosePowerEverywhere();
        client.Patience = Duration.FromSeconds(15);
        Assert.NotNull(client.Get("k"));
        scene.CheckHistory();
        Assert.NotEqual(OperationOutcome.Ok, put.Operation.Outcome);
        scene.MustTakeWrites();
    }

    private static void PowerFailsWith(bool lyingDisks)
    {
        var scene = new Scene(Seed, Sabotage.None);
        foreach (var node in scene.Cluster.Nodes)
        {
            node.Disk().Faults.LiesAboutSync = lyingDisks;
        }

        var client = scene.NewClient();
        for (var value = 1; value <= 20; value++)
        {
            Assert.Equal(OperationOutcome.Ok, client.Put($"k{value % 3}", value));
        }

        scene.LosePowerEverywhere();
        for (var key = 0; key < 3; key++)
        {
            Assert.NotNull(client.Get($"k{key}"));
        }

        scene.CheckHistory();
    }
}
