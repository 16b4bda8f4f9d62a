using Atoll.Clusters.Tests.Museum;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Disks;
using Atoll.Simulation.Linearizability;
using Atoll.Storage.Lsm;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>
/// A whole node, with its journal and its store, loses power after each disk operation of a short workload, one after the other: not one of
/// them is a moment at which something acknowledged is lost, doubled or half done (museum, rows 7 and 12).
/// </summary>
public sealed class CrashEnumerationTests
{
    private const int Puts = 20;
    private const int Keys = 6;

    [Theory]
    [InlineData(PowerLossStyle.KeepNothing)]
    [InlineData(PowerLossStyle.TornSectors)]
    public void Power_may_go_after_any_disk_operation(PowerLossStyle style)
    {
        var operations = Play(long.MaxValue, style);
        Assert.True(operations > 2 * Puts, $"{operations} operations: the store had no part in it");
        for (var after = 1L; after <= operations; after++)
        {
            Play(after, style);
        }
    }

    private static long Play(long crashAfter, PowerLossStyle style)
    {
        // So small that the workload makes flushes, merges and files that go.
        var store = new LsmOptions
        {
            MemtableBytes = 1024, BlockBytes = 128, FileBytes = 1024, LevelZeroFiles = 2, LevelOneBytes = 2048, TransferBytes = 1024,
            PendingWriteBytesMax = 64 * 1024, CacheBytes = 0,
        };
        var scene = new Scene(
            7, Sabotage.None, new ClusterShape { Nodes = 1, Founders = 1, DirectoryReplicas = 1, Store = store, LogEntriesKept = 2 },
            replicas: 1);
        var node = scene.Cluster.Node(1);
        var disk = node.Disks[0];
        var before = disk.Operations;
        var client = scene.NewClient();
        var isTime = () => disk.Operations - before >= crashAfter;
        Witness.Call? last = null;
        for (var value = 1; value <= Puts && !isTime(); value++)
        {
            var put = client.BeginPut($"k{value % Keys}", value);
            scene.Cluster.RunUntil(() => put.IsOver || isTime(), Duration.FromSeconds(5));
            last = put;
        }

        scene.Cluster.RunUntil(isTime, Duration.FromMilliseconds(300));
        var operations = disk.Operations - before;
        node.LosePower(style);
        scene.Run(10);
        node.Start();
        client.Wait(last!);
        for (var key = 0; key < Keys; key++)
        {
            Assert.NotNull(client.Get($"k{key}"));
        }

        Assert.Equal(OperationOutcome.Ok, client.Put("k0", Puts + 1));
        scene.CheckHistory();
        return operations;
    }
}
