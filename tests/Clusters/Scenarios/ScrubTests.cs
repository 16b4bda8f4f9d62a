using Atoll.Clusters.Tests.Museum;
using Atoll.Foundation.Checks;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.Storage.Lsm;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>What rots while nobody reads it is found by reading everything over and over, and is repaired like any other damage.</summary>
public sealed class ScrubTests
{
    // In the journal they mostly hit entries that the log has let go of, and what fills the blocks up.
    private const int Flips = 48;

    [Theory]
    [InlineData("journal/")]
    [InlineData("store/")]
    public void What_rots_under_a_node_that_runs_and_reads_nothing_is_found_and_repaired(string folder)
    {
        var found = 0;
        for (var flip = 0; flip < Flips; flip++)
        {
            found += FlipLive(folder, flip, Flips) ? 1 : 0;
        }

        Assert.True(found >= Flips / 4, $"only {found} of {Flips} flips were noticed: more are supposed to hit something");
    }

    [Fact]
    public void The_status_says_how_often_everything_was_read()
    {
        var scene = NewScene();
        var client = scene.NewClient();
        for (var i = 0; i < 60; i++)
        {
            Assert.Equal(OperationOutcome.Ok, client.Put($"k{i}", 1 + i));
        }

        scene.Run(10_000);
        var store = scene.Cluster.Node(scene.Leader).Loop()!.DescribeStore();
        Assert.True(store.Scrub.Passes >= 2, $"{store.Scrub}");
        Assert.InRange(store.Scrub.LastPassMilliseconds, 0, 5_000);
        Assert.Equal((0, 0), (store.FaultsFound, store.Scrub.Damaged));
        Assert.True(store.Flushes > 0 && store.DiskBytes > 0 && store.BytesWritten > 0 && store.Damages.IsEmpty);
    }

    // Whether anything was noticed.
    private static bool FlipLive(string folder, int flip, int flips)
    {
        var scene = NewScene();
        var number = scene.Others(scene.Leader)[flip % 2];
        var node = scene.Cluster.Node(number);
        node.IsExpendable = true;
        var client = scene.NewClient();
        for (var i = 0; i < 60; i++)
        {
            Assert.Equal(OperationOutcome.Ok, client.Put($"k{i % 20}", 1 + i));
        }

        scene.Run(1_500);
        var (name, offset) = JournalFiles.UsedPlaces(node.Disk(), folder, flips)[flip];
        node.Disk().Rot(name, offset);
        var lines = scene.Cluster.Log.Lines.Count;
        scene.Run(5_000);
        scene.Await(
            () => scene.Replica(number) is { FaultReason: null, Raft.IsRebuilding: false } replica
                && replica.State.AppliedIndex == scene.Replica(scene.Leader)?.State.AppliedIndex,
            $"the replica is as good as new after a flip in {name} at {offset}");
        Assert.Equal(scene.Replica(scene.Leader)!.State.StateHash(), scene.Replica(number)!.State.StateHash());
        scene.MustTakeWrites();
        scene.CheckHistory();
        return scene.Cluster.Log.Lines.Skip(lines).Any(line => line.Contains("damaged", StringComparison.Ordinal));
    }

    private static Scene NewScene() =>
        new(77, Sabotage.None, new ClusterShape { Store = new LsmOptions { MemtableBytes = 1024 }, LogEntriesKept = 100 });
}
