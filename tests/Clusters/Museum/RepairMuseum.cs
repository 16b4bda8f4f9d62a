using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Atoll.Node.Replicas;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.StateMachines.Directory;
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

    [Fact]
    public void Row_5_A_minority_whose_snapshots_rot_neither_leads_nor_drops_anything_before_it_is_repaired() =>
        DirectorySnapshotsRot(Sabotage.None);

    [Fact]
    public void Row_5_is_caught_when_the_log_passes_for_the_whole_state() =>
        Exhibit.IsCaught<SafetyViolationException>("the replicas diverge", () => DirectorySnapshotsRot(Sabotage.OverlooksLostState));

    [Fact]
    public void Row_5_is_caught_when_that_minority_leads() =>
        Exhibit.IsCaught<SafetyViolationException>(
            "does not know", () => DirectorySnapshotsRot(Sabotage.OverlooksLostState, comparesStates: false));

    // nats-server#7556 (and #7549): two of five nodes crash, and a bit is wrong in their snapshots of what the cluster consists of. They go
    // on with what was logged since, know of no stream any more, and delete the data of all as orphaned.
    private static void DirectorySnapshotsRot(Sabotage planted, bool comparesStates = true)
    {
        var shape = new ClusterShape { Nodes = 5, Founders = 5, DirectoryReplicas = 5, SnapshotAfterLogBytes = 1024, LogEntriesKept = 4 };
        var scene = new Scene(Seed, planted, shape, replicas: 5);
        scene.Cluster.Checker.StateHashInterval = comparesStates ? 1 : 1 << 20;
        var client = scene.NewClient();
        Assert.Equal(OperationOutcome.Ok, client.Put("k", 1));
        for (var i = 0; i < 60; i++)
        {
            Administer(scene, writer => DirectoryCommand.WriteSetPreferredLeader(writer, scene.Shard, scene.Info.PreferredLeader));
        }

        var rotten = scene.Others(scene.Leader).Where(node => DirectoryReplica(scene, node)!.Raft.Role != Role.Leader).Take(2).ToArray();
        foreach (var node in rotten.Select(scene.Cluster.Node))
        {
            node.IsExpendable = true;
            node.Stop();
            var snapshots = node.Disk().FileNames.Where(static name => name.EndsWith(".snap", StringComparison.Ordinal)).ToList();
            Assert.NotEmpty(snapshots);
            snapshots.ForEach(name => node.Disk().Rot(name, 20));
            node.Start();
        }

        scene.Await(() => rotten.All(node => scene.Cluster.Node(node).IsReady), "they are back");
        scene.Run(2_000);
        Administer(scene, static writer => DirectoryCommand.WriteChangeDocuments(
            writer, [new DocumentChange("document", HybridTime.Zero, "anything"u8.ToArray())]));
        scene.Run(2_000);
        Assert.All(rotten, node => Assert.NotNull(scene.Replica(node)));

        // Repaired, each may lead the directory, and knows what there is.
        scene.Await(() => rotten.All(node => DirectoryReplica(scene, node) is { Raft.IsRebuilding: false }), "they are repaired");
        MakeLead(scene, rotten[0]);
        if (!((DirectoryStateMachine)DirectoryReplica(scene, rotten[0])!.State.Machine).View.TryGetShard(scene.Shard, out _))
        {
            throw new SafetyViolationException($"n{rotten[0]} leads the directory and does not know the shard that clients write to");
        }

        scene.Cluster.CreateSpace("t", replicas: 5);
        Assert.Equal(1, client.Get("k")!.Value.Value);
        scene.MustTakeWrites();
        scene.CheckHistory();
    }

    private static ShardReplica? DirectoryReplica(Scene scene, int node) =>
        scene.Cluster.Node(node).Loop()?.Replicas.TryGetValue(ShardId.Directory, out var replica) == true ? replica : null;

    private static void Administer(Scene scene, Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        scene.Cluster.Administer(scene.Cluster.NewClient(), writer);
    }

    private static void MakeLead(Scene scene, int node)
    {
        for (var attempt = 0; DirectoryReplica(scene, node)?.Raft is not { Role: Role.Leader, HasCommittedInTerm: true }; attempt++)
        {
            Assert.InRange(attempt, 0, 20);
            _ = scene.Cluster.NewClient().CallAndWait(new Request
            {
                Kind = RequestKind.TransferLeadership,
                Shard = ShardId.Directory,
                Payload = BitConverter.GetBytes((uint)node),
            });
            scene.Run(500);
        }
    }

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
