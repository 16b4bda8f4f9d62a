using Atoll.Clusters.Tests.Museum;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Node.Loops;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.Storage.Lsm;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>Museum, rows 5 to 7: bits rot in the files of one of three nodes; each flip is harmless, or found and repaired.</summary>
public sealed class RepairTests
{
    private const int Records = 60;

    [Theory]
    [InlineData("journal/", 48)]
    [InlineData("store/", 32)]
    public void Every_flipped_bit_at_rest_is_harmless_or_repaired(string folder, int flips)
    {
        var repaired = 0;
        for (var flip = 0; flip < flips; flip++)
        {
            repaired += FlipAtRest(folder, flip, flips) ? 1 : 0;
        }

        Assert.True(repaired > flips / 8, $"only {repaired} of {flips} flips were noticed: most are supposed to hit something");
    }

    [Fact]
    public void The_only_replica_keeps_what_it_has_and_says_what_it_lost()
    {
        var scene = new Scene(77, Sabotage.None, replicas: 1);
        var only = scene.Leader;
        var node = scene.Cluster.Node(only);
        node.IsExpendable = true;
        var client = scene.NewClient();
        Assert.Equal(OperationOutcome.Ok, client.Put("k", 987654321));
        scene.Run(1_000);
        node.Stop();
        var name = node.Disk().FileNames.First(file => file.StartsWith("journal/", StringComparison.Ordinal));
        var place = node.Disk().Content(name).AsSpan().IndexOf("987654321"u8);
        var offset = place / 4096 * 4096;
        node.Disk().Rot(name, place);
        var before = node.Disk().Content(name)![offset..(offset + 4096)];
        node.Start();
        scene.Run(20_000);

        var status = StatusOf(node, scene);
        Assert.Equal(ReplicaRole.Repairing, status.Role);
        Assert.Contains($"{name} at byte {offset}", status.Detail, StringComparison.Ordinal);
        Assert.Contains("entries from", status.Detail, StringComparison.Ordinal);
        Assert.Equal(before, node.Disk().Content(name)![offset..(offset + 4096)]);
        client.Patience = Duration.FromSeconds(2);
        Assert.NotEqual(OperationOutcome.Ok, client.Put("k", 2));

        // The directory's replica on the same loop, and in the same journal, goes on.
        Assert.Equal(3, scene.Cluster.Node(only).Loop()!.Directory.Nodes.Length);
    }

    // Whether anything was noticed.
    private static bool FlipAtRest(string folder, int flip, int flips)
    {
        var scene = NewScene();
        var number = scene.Others(scene.Leader)[flip % 2];
        var node = scene.Cluster.Node(number);
        node.IsExpendable = true;
        var client = scene.NewClient();
        for (var i = 0; i < Records; i++)
        {
            Assert.Equal(OperationOutcome.Ok, client.Put($"k{i % 20}", 1 + i));
        }

        scene.Run(1_500);
        node.Stop();
        var (name, offset) = JournalFiles.UsedPlaces(node.Disk(), folder, flips)[flip];
        node.Disk().Rot(name, offset);
        var lines = scene.Cluster.Log.Lines.Count;
        node.Start();
        scene.Run(3_000);
        scene.Await(
            () => scene.Replica(number) is { FaultReason: null, Raft.IsRebuilding: false } replica
                && replica.State.AppliedIndex == scene.Replica(scene.Leader)?.State.AppliedIndex,
            $"the replica is as good as new after a flip in {name} at {offset}");
        Assert.Equal(scene.Replica(scene.Leader)!.State.StateHash(), scene.Replica(number)!.State.StateHash());

        // Its vote and its data are worth something again: without the leader it makes a majority.
        scene.Cluster.Node(scene.Leader).Stop();
        scene.MustTakeWrites();
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(Records - 19 + i, client.Get($"k{i}")!.Value.Value);
        }

        scene.CheckHistory();
        return scene.Cluster.Log.Lines.Skip(lines).Any(line => line.Contains("damaged", StringComparison.Ordinal));
    }

    private static Scene NewScene() =>
        new(77, Sabotage.None, new ClusterShape { Store = new LsmOptions { MemtableBytes = 1024 }, LogEntriesKept = 30 });

    private static ReplicaStatus StatusOf(SimNode node, Scene scene) =>
        node.Loop()!.Describe().Replicas.Single(replica => replica.Shard == scene.Shard);
}
