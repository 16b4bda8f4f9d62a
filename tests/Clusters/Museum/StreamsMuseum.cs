using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Streams;
using Xunit;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>Museum, rows 29, 30, 33 and 34: streams and groups of consumers.</summary>
public sealed class StreamsMuseum
{
    private const ulong Seed = 12;
    private const string Group = "g";

    // By any other time of long ago retention would take the records away.
    private const long NoTimestamp = -1;

    [Fact]
    public void Row_29_The_last_replica_standing_acknowledges_nothing_and_its_death_loses_nothing() =>
        LastReplicaStanding(Sabotage.None);

    [Fact]
    public void Row_29_is_caught_when_the_last_replica_is_quorum_enough() =>
        Exhibit.IsCaught<SafetyViolationException>("was committed in term", () => LastReplicaStanding(Sabotage.QuorumLacksOne));

    [Fact]
    public void Row_30_A_log_that_ends_in_another_term_is_cut_however_long_it_is() => LogsEndInOtherTerms(Sabotage.None);

    [Fact]
    public void Row_30_is_caught_when_logs_are_compared_by_their_lengths() =>
        Exhibit.IsCaught<SafetyViolationException>("an entry of term", () => LogsEndInOtherTerms(Sabotage.ComparesLengthsOnly));

    [Fact]
    public void Row_33_Committed_offsets_stay_when_every_coordinator_starts_anew() => CoordinatorsStartAnew(Sabotage.None);

    [Fact]
    public void Row_33_is_caught_when_a_snapshot_leaves_offsets_out() =>
        Exhibit.IsCaught<SafetyViolationException>("the replicas diverge", () => CoordinatorsStartAnew(Sabotage.ForgetsOffsets));

    [Fact]
    public void Row_34_A_stream_is_there_after_machines_were_killed_again_and_again() => KilledAgainAndAgain(Sabotage.None);

    [Fact]
    public void Row_34_is_caught_when_followers_acknowledge_before_their_disks() =>
        Exhibit.IsCaught<SafetyViolationException>("was committed in term", () => KilledAgainAndAgain(Sabotage.AcknowledgesBeforeDurable));

    // Row 29 (Kafka 0.8): replicas drop out until one is left, which goes on acknowledging, and then that one dies.
    private static void LastReplicaStanding(Sabotage planted)
    {
        var scene = new Scene(Seed, planted, kind: SpaceKind.Streams);
        var client = scene.Cluster.NewClient();
        client.IdentifiesWrites = false;
        for (var number = 0; number < 5; number++)
        {
            Assert.True(TryAppend(scene, client, number));
        }

        var last = scene.Leader;
        var others = scene.Others(last);
        foreach (var other in others)
        {
            scene.Cluster.Node(other).LosePower();
        }

        client.Patience = Duration.FromMilliseconds(500);
        var isAcknowledged = TryAppend(scene, client, 5);
        scene.Cluster.Node(last).LosePower();
        foreach (var other in others)
        {
            scene.Cluster.Node(other).Start();
        }

        client.Patience = Duration.FromSeconds(15);
        CheckEnd(scene, client, isAcknowledged ? 6 : 5);
        scene.Cluster.Node(last).Start();
        CheckEnd(scene, client, isAcknowledged ? 6 : 5);
    }

    // Row 30 (KIP-101, KIP-279): a leader that was cut off took batches that nobody else has; two leaders later its log is longer than that
    // of the one whom it follows. By the length alone the two fit together, and other batches stand at the same offsets for ever.
    private static void LogsEndInOtherTerms(Sabotage planted)
    {
        const int shared = 5;
        const int lost = 6;
        var scene = new Scene(Seed, planted, kind: SpaceKind.Streams);
        var client = scene.Cluster.NewClient();
        client.IdentifiesWrites = false;
        for (var number = 0; number < shared; number++)
        {
            Assert.True(TryAppend(scene, client, number));
        }

        var first = scene.Leader;
        scene.Cluster.Isolate(first);
        var unheard = scene.Cluster.NewClient();
        (unheard.IdentifiesWrites, unheard.Home, unheard.Patience) = (false, scene.Cluster.Node(first), Duration.FromMilliseconds(500));
        var taken = scene.Raft(first)!.LastIndex;
        for (var number = 0; number < lost; number++)
        {
            unheard.Call(Append(scene, shared + number, producer: 7), _ => { });
        }

        scene.Await(() => scene.Raft(first)!.LastIndex.Value >= taken.Value + lost, "the old leader's log has what nobody else has");
        scene.Await(() => scene.Leader != first && scene.Leader != 0, "another one leads");
        var second = scene.Leader;
        var third = scene.Others(first).Single(node => node != second);
        client.Home = scene.Cluster.Node(second);
        Assert.True(TryAppend(scene, client, 0, producer: 8));
        scene.Await(() => scene.Raft(third)!.CommitIndex == scene.Raft(second)!.LastIndex, "the third has it");
        scene.Cluster.Node(second).LosePower();
        scene.Cluster.Heal();
        client.Home = scene.Cluster.Node(third);
        Assert.True(TryAppend(scene, client, 1, producer: 8));
        scene.Await(() => Applied(first) >= Applied(third), "the old leader has caught up");
        var records = Records(scene, client, third);
        Assert.Equal(shared + 2, records.Count);
        if (!records.SequenceEqual(Records(scene, client, first)))
        {
            throw new SafetyViolationException($"n{first} and n{third} have different batches at the same offsets");
        }

        LogIndex Applied(int node) => scene.Replica(node)!.State.AppliedIndex;
    }

    // Row 34 (nats-server#6888): a few kill -9, and what was acknowledged is gone with the whole stream.
    private static void KilledAgainAndAgain(Sabotage planted)
    {
        var scene = new Scene(Seed, planted, kind: SpaceKind.Streams);
        var client = scene.Cluster.NewClient();
        client.IdentifiesWrites = false;
        var count = 0;
        for (var round = 0; round < 4; round++)
        {
            for (var i = 0; i < 10; i++)
            {
                Assert.True(TryAppend(scene, client, count++));
            }

            foreach (var follower in scene.Others(scene.Leader))
            {
                scene.Cluster.Node(follower).Disk().StallFor(Duration.FromSeconds(2));
            }

            client.Patience = Duration.FromMilliseconds(700);
            count += TryAppend(scene, client, count) ? 1 : 0;
            scene.LosePowerEverywhere();
            client.Patience = Duration.FromSeconds(15);
            var end = EndOf(scene, client);
            CheckEnd(scene, client, count);
            count = (int)end;
        }
    }

    // Row 33: offsets go back when their coordinator fails over, and what was read is read again.
    private static void CoordinatorsStartAnew(Sabotage planted)
    {
        var scene = new Scene(Seed, planted, new ClusterShape { SnapshotAfterLogBytes = 2_000 }, kind: SpaceKind.Groups);
        var client = scene.Cluster.NewClient();
        for (var round = 1; round <= 3; round++)
        {
            for (var i = 1; i <= 20; i++)
            {
                var offset = new OffsetToCommit(new TopicPartition("t", (round * 100) + i), new CommittedOffset(i, -1, null));
                var commit = new CommitOffsets(Group, new MemberIdentity("", null), -1, [offset]);
                var call = client.CallAndWait(GroupsRequests.Write(scene.Space, Group, writer => GroupCommand.Write(writer, commit)));
                Assert.Equal(GroupStatus.Ok, GroupResult.TryRead(call.Response.Body)!.Status);
            }

            scene.LosePowerEverywhere();
            var fetched = client.CallAndWait(GroupsRequests.Read(scene.Space, Group, writer =>
                GroupQuery.WriteOffsets(writer, Group, null)));
            var committed = GroupOffsets.TryRead(fetched.Response.Body)!.Offsets;
            if (committed.Count != round * 20 || committed.Any(offset => offset.Committed.Offset != offset.Place.Partition % 100))
            {
                throw new SafetyViolationException($"{round * 20} offsets were committed, and {committed.Count} are there");
            }
        }
    }

    private static bool TryAppend(Scene scene, SimClient client, int number, long producer = 7) =>
        client.CallAndWait(Append(scene, number, producer)).Response.Status == ResponseStatus.Ok;

    private static Request Append(Scene scene, int number, long producer)
    {
        var builder = new RecordBatchBuilder();
        builder.Add(NoTimestamp, null, new byte[] { (byte)number, (byte)producer });
        return StreamsRequests.Append(scene.Shard, builder.Build(producer, 0, number));
    }

    // What one replica has of all batches: offset, producer, number.
    private static List<(long Offset, long Producer, int Number)> Records(Scene scene, SimClient client, int node)
    {
        client.Home = scene.Cluster.Node(node);
        var call = client.CallAndWait(StreamsRequests.Fetch(scene.Shard, new PartitionFetch(0, 100_000, false), ReadLevel.Any));
        var records = new List<(long Offset, long Producer, int Number)>();
        for (var rest = FetchedBatches.TryRead(call.Response.Body)!.Records; !rest.IsEmpty;)
        {
            Assert.Equal(RecordBatchFault.None, RecordBatch.Read(rest, out var batch));
            records.Add((batch.Header.BaseOffset, batch.Header.ProducerId, batch.Header.BaseSequence));
            rest = rest[batch.Memory.Length..];
        }

        return records;
    }

    private static long EndOf(Scene scene, SimClient client)
    {
        var call = client.CallAndWait(StreamsRequests.Find(scene.Shard, new PartitionFind(PartitionFind.Latest, false)));
        Assert.Equal(ResponseStatus.Ok, call.Response.Status);
        Assert.True(FoundOffset.TryRead(call.Response.Body, out var found));
        return found.Offset;
    }

    private static void CheckEnd(Scene scene, SimClient client, long acknowledged)
    {
        if (EndOf(scene, client) is var end && end < acknowledged)
        {
            throw new SafetyViolationException($"offset {acknowledged - 1} was acknowledged, and the partition ends at {end}");
        }
    }
}
