using System.Buffers.Binary;
using Atoll.Clusters.Tests.Museum;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Streams;
using Atoll.Storage.Lsm;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>Partitions of streams in a whole cluster: docs/streams.md.</summary>
public sealed class StreamTests
{
    private const long Producer = 7;

    private static readonly PartitionSettings ForEver = new(-1, -1, 2_000, 3_600_000);

    private readonly RecordBatchBuilder _builder = new();
    private readonly List<long> _offsets = [];

    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void What_was_acknowledged_is_there_once_and_in_order_after_every_leader_was_killed(ulong seed)
    {
        var scene = new Scene(seed, Sabotage.None, kind: SpaceKind.Streams);
        var client = scene.Cluster.NewClient();
        Command(scene, client, writer => PartitionCommand.WriteConfigure(writer, ForEver));
        for (var kill = 0; kill < 4; kill++)
        {
            Append(scene, client, 15);
            var leader = scene.Leader;
            Send(scene, client, 1, answered: false);
            scene.Cluster.Node(leader).LosePower();
            Append(scene, client, 15);
            scene.Cluster.Node(leader).Start();
        }

        CheckAll(scene, client, 0);
        scene.LosePowerEverywhere();
        CheckAll(scene, client, 0);
    }

    [Fact]
    public void A_replica_that_joins_gets_a_checkpoint_and_then_the_data_that_are_kept()
    {
        var scene = new Scene(
            5, Sabotage.None, new ClusterShape { Nodes = 4, Store = new LsmOptions { MemtableBytes = 1024 }, LogEntriesKept = 4 },
            kind: SpaceKind.Streams);
        var client = scene.Cluster.NewClient();
        Command(scene, client, writer => PartitionCommand.WriteConfigure(writer, ForEver));
        Append(scene, client, 80);
        Command(scene, client, writer => PartitionCommand.WriteDeleteBefore(writer, _offsets[50]));
        Append(scene, client, 20);
        scene.Await(() => CompactedAt(scene, scene.Leader) > LogIndex.Zero, "the log is compacted up to a checkpoint");
        var point = Machine(scene, scene.Leader).SnapshotPoint!.Value.Index;
        Assert.True(CompactedAt(scene, scene.Leader) <= point);

        var leaver = scene.Others(scene.Leader)[0];
        var joiner = Enumerable.Range(1, 4).Except(scene.Info.Replicas.Select(node => (int)node.Value)).Single();
        scene.Place([joiner, .. scene.Info.Replicas.Select(node => (int)node.Value).Where(node => node != leaver)]);
        scene.Await(
            () => scene.Replica(joiner) is { } replica && replica.State.AppliedIndex >= scene.Replica(scene.Leader)!.State.AppliedIndex,
            "the joiner has caught up", seconds: 60);
        Assert.True(CompactedAt(scene, joiner) >= CompactedAt(scene, scene.Leader));
        Assert.Equal(Machine(scene, scene.Leader).StateHash(), Machine(scene, joiner).StateHash());

        client.Home = scene.Cluster.Node(joiner);
        CheckAll(scene, client, 50, ReadLevel.Any);
        Append(scene, client, 10);
        scene.LosePowerEverywhere();
        client.Home = null;
        CheckAll(scene, client, 50);
    }

    [Fact]
    public void A_stream_that_grows_keeps_what_it_has_and_takes_more_in_its_new_partitions()
    {
        var scene = new Scene(9, Sabotage.None, kind: SpaceKind.Streams);
        var client = scene.Cluster.NewClient();
        Command(scene, client, writer => PartitionCommand.WriteConfigure(writer, ForEver));
        Append(scene, client, 20);
        foreach (var (from, to) in new[] { (1, 2), (2, 7) })
        {
            var grow = new WireWriter();
            DirectoryCommand.WriteGrowSpace(grow, scene.Space, from, to);
            scene.Cluster.Administer(client, grow);
            if (to == 7)
            {
                scene.LosePowerEverywhere();
            }

            scene.Await(() => scene.Cluster.Directory.ShardsOf(scene.Space).Length == to, "the nodes know of it");
            var partitions = scene.Cluster.Directory.ShardsOf(scene.Space).ToArray();
            Assert.Equal(scene.Shard, partitions[0].Id);
            foreach (var partition in partitions[from..])
            {
                _builder.Add(1000, null, null);
                var call = client.CallAndWait(StreamsRequests.Append(partition.Id, _builder.Build()));
                Assert.True(PartitionResult.TryRead(call.Response.Body, out var result));
                Assert.Equal((PartitionStatus.Ok, 0), (result.Status, result.BaseOffset));
            }

            Append(scene, client, 5);
        }

        CheckAll(scene, client, 0);
    }

    [Fact]
    public void What_is_older_than_is_to_be_kept_goes_by_itself()
    {
        var scene = new Scene(8, Sabotage.None, kind: SpaceKind.Streams);
        var client = scene.Cluster.NewClient();
        Command(scene, client, writer => PartitionCommand.WriteConfigure(writer, ForEver));
        Append(scene, client, 20); // with timestamps of long ago
        scene.Run(1_000);
        Assert.Equal(0, Machine(scene, scene.Leader).LogStart);
        Command(scene, client, writer => PartitionCommand.WriteConfigure(writer, PartitionSettings.Default));
        scene.Await(() => Machine(scene, scene.Leader).LogStart == 20, "everything has gone");
        Append(scene, client, 1);
    }

    [Fact]
    public void A_read_that_finds_nothing_waits_for_the_next_batch()
    {
        var scene = new Scene(6, Sabotage.None, kind: SpaceKind.Streams);
        var client = scene.Cluster.NewClient();
        CallResult? read = null;
        var fetch = Fetch(scene, 0, ReadLevel.Linearizable) with { Linger = Duration.FromMilliseconds(1_500) };
        client.Call(fetch, result => read = result);
        scene.Run(500);
        Assert.Null(read);
        Append(scene, scene.Cluster.NewClient(), 1);
        scene.Await(() => read is not null, "the reader is told");
        Assert.Single(FetchedBatches.TryRead(read!.Response.Body)!.Places.Batches);
    }

    [Fact]
    public void A_batch_that_is_damaged_on_its_way_is_refused_and_an_eventual_stream_too()
    {
        var scene = new Scene(7, Sabotage.None, kind: SpaceKind.Streams);
        var client = scene.Cluster.NewClient();
        var batch = Batch(0);
        batch[^1] ^= 1;
        var result = client.CallAndWait(Write(scene, writer => PartitionCommand.WriteAppend(writer, batch)));
        Assert.Equal(ResponseStatus.Invalid, result.Response.Status);
        Assert.Contains("Checksum", result.Response.Detail, StringComparison.Ordinal);

        var create = new WireWriter();
        DirectoryCommand.WriteCreateSpace(create, new SpaceOptions("e", FaultModel.Eventual, 3, Kind: SpaceKind.Streams));
        var refused = client.CallAndWait(new Request
        {
            Kind = RequestKind.Write, Shard = ShardId.Directory, Payload = create.ToArray(),
        });
        Assert.True(DirectoryResult.TryRead(refused.Response.Body, out var why));
        Assert.Contains("streams are 'strong'", why.Detail, StringComparison.Ordinal);
    }

    private void Append(Scene scene, SimClient client, int batches) => Send(scene, client, batches, answered: true);

    // Each batch has one record: its number, with enough behind it to fill segments.
    private void Send(Scene scene, SimClient client, int batches, bool answered)
    {
        for (var i = 0; i < batches; i++)
        {
            var batch = Batch(_offsets.Count);
            var request = Write(scene, writer => PartitionCommand.WriteAppend(writer, batch));
            if (!answered)
            {
                // Whether it is there nobody knows: the next one with its number says so.
                client.Call(request, _ => { });
                scene.Run(1);
                continue;
            }

            var call = client.CallAndWait(request);
            Assert.Equal(ResponseStatus.Ok, call.Response.Status);
            Assert.True(PartitionResult.TryRead(call.Response.Body, out var result));
            Assert.Equal(PartitionStatus.Ok, result.Status);
            Assert.True(result.BaseOffset == (_offsets.Count == 0 ? 0 : _offsets[^1] + 1));
            _offsets.Add(result.BaseOffset);
        }
    }

    private void CheckAll(Scene scene, SimClient client, int from, ReadLevel level = ReadLevel.Linearizable)
    {
        var next = _offsets[from];
        for (var number = from; number < _offsets.Count;)
        {
            var call = client.CallAndWait(Fetch(scene, next, level));
            Assert.Equal(ResponseStatus.Ok, call.Response.Status);
            var fetched = FetchedBatches.TryRead(call.Response.Body);
            Assert.NotNull(fetched);
            Assert.Equal(PartitionStatus.Ok, fetched.Places.Status);
            Assert.NotEmpty(fetched.Places.Batches);
            var left = fetched.Records;
            foreach (var place in fetched.Places.Batches)
            {
                Assert.Equal(RecordBatchFault.None, RecordBatch.Read(left, out var batch));
                left = left[batch.Memory.Length..];
                Assert.Equal((place.BaseOffset, place.LeaderEpoch), (batch.Header.BaseOffset, batch.Header.LeaderEpoch));
                var reader = new RecordReader(batch.Records, 1);
                Assert.True(reader.TryNext(out var record));
                Assert.Equal(number, BinaryPrimitives.ReadInt32BigEndian(record.Value!.Value.Span));
                Assert.Equal(_offsets[number++], place.BaseOffset);
                next = place.LastOffset + 1;
            }
        }
    }

    private byte[] Batch(int number)
    {
        var value = new byte[200];
        BinaryPrimitives.WriteInt32BigEndian(value, number);
        _builder.Add(1000 + number, null, value);
        return _builder.Build(Producer, 0, number);
    }

    private static void Command(Scene scene, SimClient client, Action<WireWriter> command)
    {
        var call = client.CallAndWait(Write(scene, command));
        Assert.True(PartitionResult.TryRead(call.Response.Body, out var result));
        Assert.Equal(PartitionStatus.Ok, result.Status);
    }

    private static Request Write(Scene scene, Action<WireWriter> command)
    {
        var writer = new WireWriter();
        command(writer);
        return new Request { Kind = RequestKind.Write, Space = scene.Space, Payload = writer.ToArray() };
    }

    private static Request Fetch(Scene scene, long offset, ReadLevel level)
    {
        var writer = new WireWriter();
        PartitionQuery.Write(writer, new PartitionFetch(offset, 3_000, false));
        return new Request { Kind = RequestKind.Read, Space = scene.Space, Level = level, Payload = writer.ToArray() };
    }

    private static PartitionStateMachine Machine(Scene scene, int node) => (PartitionStateMachine)scene.Replica(node)!.State.Machine;

    private static LogIndex CompactedAt(Scene scene, int node) =>
        scene.Raft(node)!.FirstIndex.Previous;
}
