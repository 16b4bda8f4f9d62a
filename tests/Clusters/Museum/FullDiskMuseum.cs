using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Xunit;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>Museum, rows 37 and 40: disks that are nearly full, and quite full.</summary>
public sealed class FullDiskMuseum
{
    private const ulong Seed = 11;
    private const int Mebibyte = 1024 * 1024;

    [Fact]
    public void Row_37_A_publisher_is_told_that_the_disk_is_nearly_full() => DiskNearlyFull(Sabotage.None);

    [Fact]
    public void Row_37_is_caught_when_publishers_wait_for_room() =>
        Exhibit.IsCaught<StalledException>("was not told that the disk is full", () => DiskNearlyFull(Sabotage.WaitsForRoom));

    [Fact]
    public void Row_40_When_all_disks_were_full_writes_go_on_by_themselves() => AllDisksFull(Sabotage.None);

    [Fact]
    public void Row_40_is_caught_when_nobody_looks_whether_there_is_room_again() =>
        Exhibit.IsCaught<StalledException>("no write for", () => AllDisksFull(Sabotage.StaysFull));

    // rabbitmq-server#2225: the broker takes nothing because little room is left, and the publisher stands in its call, without an answer.
    private static void DiskNearlyFull(Sabotage planted)
    {
        var scene = new Scene(Seed, planted);
        var publisher = scene.NewClient();
        for (var value = 1; value <= 20; value++)
        {
            Assert.Equal(OperationOutcome.Ok, publisher.Put($"k{value % 5}", value));
        }

        Assert.Equal(ResponseStatus.Ok, Ask(scene, RecordsRequests.Put(scene.Space, "spare", "x"u8)).Status);
        Leave(scene, 2 * Mebibyte); // less than a segment of the journal, a merge and a reserve
        publisher.Patience = publisher.Client.AttemptTimeout = Duration.FromSeconds(5);
        var taken = 20;
        while (publisher.Put($"k{taken % 5}", taken + 1) == OperationOutcome.Ok)
        {
            Assert.InRange(++taken, 21, 200);
        }

        var answer = publisher.LastAnswer;
        if (answer.Status != ResponseStatus.DiskFull || answer.Detail?.Contains("is full", StringComparison.Ordinal) != true)
        {
            throw new StalledException($"the publisher was not told that the disk is full, but: {answer.Status}, {answer.Detail}");
        }

        Assert.Contains(scene.Cluster.Log.Lines, static line => line.Contains("disk is nearly full", StringComparison.Ordinal));

        // What is there is served, and what frees room is taken.
        Assert.NotNull(publisher.Get($"k{taken % 5}"));
        Assert.Equal(ResponseStatus.Ok, Ask(scene, RecordsRequests.Delete(scene.Space, "spare")).Status);
        Leave(scene, 100 * Mebibyte);
        scene.MustTakeWrites(seconds: 5);
        scene.CheckHistory();
    }

    // etcd#9992 and older ones, rabbitmq-server#12141: something fills the disks while writes are under way. Nodes that are started again
    // on full disks must come up; and room must be all that is needed for writes to go on.
    private static void AllDisksFull(Sabotage planted)
    {
        var scene = new Scene(Seed, planted);
        var client = scene.NewClient();
        client.Digits = 20_000;
        Assert.Equal(OperationOutcome.Ok, client.Put("k0", 1));
        Leave(scene, 0);
        client.Patience = Duration.FromSeconds(4);
        var puts = Enumerable.Range(2, 80).Select(value => client.BeginPut($"k{value % 20}", value)).ToList();
        scene.Await(
            () => scene.Cluster.Log.Lines.Count(static line => line.Contains("journal is Full", StringComparison.Ordinal)) >= 2,
            "the journals are full");
        puts.ForEach(client.Wait);
        Assert.Contains(puts, static put => put.Operation.Outcome != OperationOutcome.Ok);
        Assert.NotNull(client.Get("k0"));

        var restarted = scene.Others(scene.Leader)[0];
        scene.Cluster.Node(restarted).LosePower();
        scene.Run(500);
        scene.Cluster.Node(restarted).Start();
        scene.Await(() => scene.Cluster.Node(restarted).IsReady, "a node comes up on a full disk");
        scene.Run(3_000);
        Assert.NotNull(client.Get("k0"));

        Leave(scene, 100 * Mebibyte);
        scene.MustTakeWrites(seconds: 5);
        for (var key = 0; key < 20; key++)
        {
            Assert.NotNull(client.Get($"k{key}"));
        }

        scene.CheckHistory();
        scene.Await(() => scene.Cluster.Nodes.All(node => scene.Replica((int)node.Id.Value)?.FaultReason is null), "all work again");
    }

    private static void Leave(Scene scene, long bytes)
    {
        foreach (var node in scene.Cluster.Nodes)
        {
            node.Disk().Faults.CapacityBytes = node.Disk().UsedBytes + bytes;
        }
    }

    private static Response Ask(Scene scene, Request request) => scene.Cluster.NewClient().CallAndWait(request).Response;
}
