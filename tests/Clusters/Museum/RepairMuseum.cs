using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Linearizability;
using Xunit;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>
/// Museum, rows 5 and 6: damage in a log is not taken for a torn tail, and a replica that lost what it acknowledged elects nobody
/// (Alagappan et al., FAST '18, section 2.3: "truncate", "rebuild").
/// </summary>
public sealed class RepairMuseum
{
    private const ulong Seed = 9;

    [Fact]
    public void Row_6_A_replica_that_lost_its_log_elects_nobody_before_it_has_it_back() => LogRots(Sabotage.None);

    [Fact]
    public void Row_6_is_caught_when_it_votes_at_once() =>
        Exhibit.IsCaught<SafetyViolationException>("was committed in term", () => LogRots(Sabotage.RebuildingVotes));

    // Two of three have what is acknowledged. The log of one of them rots, and the other one goes before it could give it back.
    private static void LogRots(Sabotage planted)
    {
        var scene = new Scene(Seed, planted);
        var leader = scene.Leader;
        var (rotten, absent) = (scene.Others(leader)[0], scene.Others(leader)[1]);
        scene.Cluster.Node(rotten).IsExpendable = true;
        var client = scene.NewClient();
        Assert.Equal(OperationOutcome.Ok, client.Put("k", 1));
        scene.Cluster.Isolate(absent);
        Assert.Equal(OperationOutcome.Ok, client.Put("k", 2));
        scene.Run(1_000);

        scene.Cluster.Node(rotten).Stop();
        var (name, offset) = JournalFiles.BatchesOf(scene.Cluster.Node(rotten).Disk())[^3];
        scene.Cluster.Node(rotten).Disk().Rot(name, offset + 70);
        scene.Filter.Loses = (from, to, message) =>
            to == rotten && message.Kind is RaftMessageKind.Append or RaftMessageKind.SnapshotChunk;
        scene.Cluster.Node(rotten).Start();
        scene.Await(() => scene.Raft(rotten) is { IsRebuilding: true }, "the rotten replica begins anew");
        scene.Run(500);
        scene.Cluster.Node(leader).Stop();
        scene.Filter.Loses = null;
        scene.Cluster.Heal();
        scene.Run(10_000);
        Assert.Equal(0, scene.Leader); // nobody knows that the two have everything
        Assert.True(scene.Raft(rotten)!.IsRebuilding);

        scene.Cluster.Node(leader).Start();
        scene.Await(() => scene.Raft(rotten) is { IsRebuilding: false }, "it is repaired");
        Assert.Equal(2, client.Get("k")!.Value.Value);

        // Its vote is worth something again.
        scene.Cluster.Node(absent).Stop();
        scene.MustTakeWrites();
        scene.CheckHistory();
    }
}
