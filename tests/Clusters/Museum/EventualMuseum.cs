using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Kernel.Paxos;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Workloads;
using Xunit;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>Museum, rows 23 to 28: what replicas without a leader lost, brought back or mixed.</summary>
public sealed class EventualMuseum
{
    private const ulong Seed = 10;
    private const string Row = "a";

    private static readonly Duration Fortnight = Duration.FromSeconds(14 * 86_400);

    [Fact]
    public void Row_23_A_node_with_a_slow_clock_does_not_hide_what_it_writes_behind_what_it_has_shown() => ClocksHoursApart(Sabotage.None);

    [Fact]
    public void Row_23_is_caught_when_a_clock_does_not_follow_the_others() =>
        Exhibit.IsCaught<SafetyViolationException>("it is hidden", () => ClocksHoursApart(Sabotage.LosesToFastClocks));

    [Fact]
    public void Row_24_What_was_deleted_while_a_replica_was_away_for_a_fortnight_stays_deleted() => DeletedWhileAway(Sabotage.None);

    [Fact]
    public void Row_24_is_caught_when_deletions_go_by_age() =>
        Exhibit.IsCaught<SafetyViolationException>(
            "something deleted has returned", () => DeletedWhileAway(Sabotage.DropsDeletionsByAge));

    [Fact]
    public void Row_25_An_increment_that_two_replicas_took_counts_once() => RetriedIncrement(Sabotage.None);

    [Fact]
    public void Row_25_is_caught_when_a_retry_is_a_new_increment() =>
        Exhibit.IsCaught<SafetyViolationException>("too much", () => RetriedIncrement(Sabotage.ForgetsAnswers));

    [Fact]
    public void Row_26_What_was_decided_and_not_committed_is_read_by_all_who_come_later() => CoordinatorDies(Sabotage.None);

    [Fact]
    public void Row_26_is_caught_when_what_others_accepted_is_overlooked() =>
        Exhibit.IsCaught<SafetyViolationException>("not linearizable", () => CoordinatorDies(Sabotage.OverlooksAccepted));

    [Fact]
    public void Row_27_A_row_is_of_one_of_two_writes_at_the_same_moment() => WritesAtTheSameMoment(Sabotage.None);

    [Fact]
    public void Row_27_is_caught_when_two_coordinators_give_one_time() =>
        Exhibit.IsCaught<SafetyViolationException>(
            "one write did only a part", () => WritesAtTheSameMoment(Sabotage.StampsCollide));

    [Fact]
    public void Row_28_A_late_hint_does_not_hide_what_was_written_after_it() => LateHint(Sabotage.None);

    [Fact]
    public void Row_28_is_caught_when_the_last_to_arrive_wins() =>
        Exhibit.IsCaught<SafetyViolationException>("had to see", () => LateHint(Sabotage.LastArrivalWins));

    // Cassandra 2.0. Of the three nodes one is two hours ahead, one two hours behind and one runs a fifth too fast; on half of the way they
    // are set right or wrong again. Each client reads what the one before it wrote, through another node, and writes.
    private static void ClocksHoursApart(Sabotage planted)
    {
        var scene = new EventualScene(Seed, planted);
        var hours = Duration.FromSeconds(7_200);
        scene.Cluster.Node(1).Clock.JumpWall(hours);
        scene.Cluster.Node(2).Clock.JumpWall(Duration.Zero - hours);
        scene.Cluster.Node(3).Clock.SetDrift(200_000);
        for (var step = 0; step < 60; step++)
        {
            if (step == 30)
            {
                scene.Cluster.Node(1).Clock.JumpWall(Duration.Zero - hours);
                scene.Cluster.Node(2).Clock.JumpWall(hours * 2);
            }

            var node = scene.Cluster.Node((step % 3) + 1);
            var seen = scene.Read(node, Row, ConsistencyLevel.Quorum);
            var written = scene.Write(node, scene.Recorder.WriteRow(EventualScene.Partition, Row, 20), ConsistencyLevel.Quorum);
            EventualRecorder.CheckLater(seen, written, node);
            scene.Run(20);
        }

        Assert.All(scene.Cluster.Nodes, static node => Assert.True(node.IsReady && node.FaultReason is null));
    }

    // Cassandra: a replica is away for longer than deletions are kept, and hints of the deletion are with a node that is away, too.
    private static void DeletedWhileAway(Sabotage planted)
    {
        var scene = new EventualScene(Seed, planted, nodes: 4);
        var coordinator = scene.Outsider;
        var replicas = scene.Replicas;
        var absent = scene.Cluster.Node(replicas[2]);
        scene.Write(coordinator, scene.Recorder.WriteRow(EventualScene.Partition, Row, 20), ConsistencyLevel.All);
        absent.Stop();
        scene.Write(coordinator, EventualRecorder.DeleteRow(EventualScene.Partition, Row), ConsistencyLevel.Quorum);
        scene.Run(5_000);
        coordinator.Stop();
        foreach (var node in scene.Cluster.Nodes)
        {
            node.Clock.JumpWall(Fortnight);
        }

        for (var i = 0; i < 5; i++)
        {
            scene.Write(
                scene.Cluster.Node(replicas[0]), scene.Recorder.WriteRow(EventualScene.Partition, "b", 20), ConsistencyLevel.Quorum);
            scene.Run(5_000);
        }

        absent.Start();
        scene.Await(() => scene.ReplicaOn(replicas[2])?.IsReady == true, "the replica takes part again");
        scene.Run(60_000);
        ReadEverywhere(scene);

        // When all are back the deletion has reached everyone: nobody keeps it, and nothing returns.
        coordinator.Start();
        scene.Await(
            () => Array.TrueForAll(replicas, node => scene.ReplicaOn(node)!.Machine is { RecordCount: 1 }),
            "the deletion is dropped everywhere", seconds: 600);
        ReadEverywhere(scene);
    }

    private static void ReadEverywhere(EventualScene scene)
    {
        scene.Read(null, Row, ConsistencyLevel.All);
        foreach (var node in scene.Replicas)
        {
            scene.Read(scene.Cluster.Node(node), Row, ConsistencyLevel.One);
            scene.Read(scene.Cluster.Node(node), Row, ConsistencyLevel.Quorum);
        }
    }

    // Cassandra. A replica takes an increment; nobody hears of it, neither the others nor the client; it loses power. The client tries
    // again, at another one. Then the first comes back.
    private static void RetriedIncrement(Sabotage planted)
    {
        const string name = "c";
        var scene = new EventualScene(Seed, planted);
        for (var number = 1; number <= 3; number++)
        {
            var first = scene.Cluster.Node(number);
            var client = scene.NewClient(first);
            var records = scene.ReplicaOn(number)!.Machine.Hashes.Root;
            var isOver = false;
            scene.Filter.Loses = (from, _, message) => from == (int)first.Id.Value && message.Kind == EventualMessageKind.Write;
            Assert.True(scene.Recorder.TryIncrement(client, name, ConsistencyLevel.Quorum, () => isOver = true));
            scene.Await(() => scene.ReplicaOn(number)!.Machine.Hashes.Root != records, "one replica has taken it");
            scene.Cluster.ClientNetwork.LossPartsPerMillion = 1_000_000;
            scene.Run(100);
            scene.Cluster.ClientNetwork.LossPartsPerMillion = 0;
            first.LosePower();
            client.Home = null;
            scene.Await(() => isOver, "another replica has taken it");
            scene.Filter.Loses = null;
            scene.ReadCounter(name, ConsistencyLevel.Quorum);
            first.Start();
            scene.Await(() => scene.ReplicaOn(number)?.IsReady == true, "the first one takes part again");
            scene.Run(30_000);
            scene.ReadCounter(name, ConsistencyLevel.All);
        }
    }

    // Cassandra before CEP-14: what a coordinator left undone is seen by one reader and not by the next, or it is lost.
    private static void CoordinatorDies(Sabotage planted)
    {
        var scene = new EventualScene(Seed, planted, nodes: 4);
        var coordinator = scene.Outsider;
        var replicas = scene.Replicas;

        // Accepted by all, and so decided and acknowledged; nobody is told.
        scene.Filter.LosesPaxos = static (_, _, message) => message.Kind == PaxosMessageKind.Commit;
        scene.PutIfAbsent(scene.NewClient(coordinator), Row);
        coordinator.LosePower();
        scene.Filter.LosesPaxos = null;
        scene.ReadSerial(scene.Cluster.Node(replicas[0]), Row);
        scene.CheckHistory();

        // Accepted by one: whether it is to be is decided by the first reader, and stays so when that one is gone.
        coordinator.Start();
        scene.Await(() => coordinator.IsReady, "the coordinator is back");
        scene.Run(2_000);
        scene.Filter.LosesPaxos = (_, to, message) => message.Kind == PaxosMessageKind.Propose && to != replicas[0];
        var client = scene.NewClient(coordinator);
        client.Patience = Duration.FromSeconds(1);
        scene.PutIfAbsent(client, "b");
        coordinator.LosePower();
        scene.Filter.LosesPaxos = null;
        scene.ReadSerial(scene.Cluster.Node(replicas[0]), "b");
        scene.ReadSerial(scene.Cluster.Node(replicas[1]), "b");
        scene.Cluster.Node(replicas[0]).Stop();
        scene.Run(5_000);
        scene.ReadSerial(scene.Cluster.Node(replicas[1]), "b");
        scene.CheckHistory();
    }

    // Cassandra 2.0: of two writes with one timestamp each won in some of the cells.
    private static void WritesAtTheSameMoment(Sabotage planted)
    {
        var scene = new EventualScene(Seed, planted);
        for (var round = 0; round < 40; round++)
        {
            var left = 3;
            foreach (var node in scene.Cluster.Nodes)
            {
                scene.Recorder.Write(
                    scene.NewClient(node), EventualScene.Partition, [scene.Recorder.WriteRow(EventualScene.Partition, Row, 20)],
                    ConsistencyLevel.Quorum, null, _ => left--);
            }

            scene.Await(() => left == 0, "all have written");
            scene.Read(null, Row, ConsistencyLevel.All);
        }
    }

    // A replica misses a write, is told of a later one, and then gets the hint of the first.
    private static void LateHint(Sabotage planted)
    {
        var scene = new EventualScene(Seed, planted);
        var (coordinator, absent) = (scene.Cluster.Node(1), scene.Cluster.Node(3));
        absent.Stop();
        scene.Run(5_000);
        scene.Write(coordinator, scene.Recorder.WriteRow(EventualScene.Partition, Row, 20), ConsistencyLevel.Quorum);
        var hints = 0;
        var isHeldUp = true;
        scene.Filter.Loses = (_, to, message) =>
        {
            hints += message.Kind == EventualMessageKind.Hinted && to == 3 ? 1 : 0;
            return isHeldUp && message.Kind == EventualMessageKind.Hinted;
        };
        absent.Start();
        scene.Await(() => hints > 0, "the hint is on its way");
        scene.Write(coordinator, scene.Recorder.WriteRow(EventualScene.Partition, Row, 20), ConsistencyLevel.All);
        isHeldUp = false;
        hints = 0;
        scene.Await(() => hints > 0, "the hint comes");
        scene.Run(100);

        // By itself, it shows what it has.
        scene.Cluster.Isolate(3);
        scene.Run(3_000);
        scene.Read(absent, Row, ConsistencyLevel.One);
        scene.Cluster.Heal();
        ReadEverywhere(scene);
    }
}
