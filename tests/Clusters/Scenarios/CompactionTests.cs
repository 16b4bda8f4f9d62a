using System.Globalization;
using System.Text;
using Atoll.Clusters.Tests.Museum;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Compression;
using Atoll.Foundation.Logs;
using Atoll.Node.Requests;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Streams;
using Atoll.StateMachines.Streams.Compaction;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>Compaction by key in a whole cluster: docs/streams.md.</summary>
public sealed class CompactionTests
{
    private const int Keys = 40;

    private static readonly CompactionSettings AtOnce = new(0, 0, 0);

    // The store's memory has room for the whole index: nothing but the space to be had makes it durable.
    private static readonly ClusterShape Small = new() { Nodes = 4, LogEntriesKept = 4 };

    private readonly RecordBatchBuilder _builder = new();
    private readonly RecordCodec _codec = new();

    // The last record of each key, and where it is.
    private readonly SortedDictionary<string, (long Offset, string? Value)> _last = new(StringComparer.Ordinal);
    private long _next;

    [Theory]
    [InlineData(11UL)]
    [InlineData(12UL)]
    public void The_last_of_each_key_stays_and_the_rest_gives_its_space_back_whoever_dies_meanwhile(ulong seed)
    {
        var scene = new Scene(seed, Sabotage.None, Small, kind: SpaceKind.Streams);
        var client = scene.Cluster.NewClient();
        Configure(scene, client);
        Fill(scene, client, rounds: 60);
        foreach (var key in _last.Keys.Take(10).ToArray())
        {
            Append(scene, client, (key, null));
        }

        Fill(scene, client, rounds: 4, from: 20);
        var before = UsedBytes(scene);
        var reader = new SteadyReader(this, scene, client);
        Compact(scene, client, reader, everySteps: 5, step =>
        {
            var leader = scene.Leader;
            if (step % 2 == 0)
            {
                scene.Cluster.Node(leader).LosePower();
                scene.Await(() => scene.Leader is not 0 and var other && other != leader, "another one leads");
                scene.Cluster.Node(leader).Start();
            }
            else
            {
                // It goes on believing that it leads, for a moment, and then hears what it has missed.
                foreach (var other in scene.Others(leader))
                {
                    scene.Cluster.Cut(leader, other);
                }

                scene.Await(() => scene.Leader is not 0 and var other && other != leader, "another one leads");
                scene.Cluster.Heal();
            }
        });
        Check(scene, client, areTombstonesGone: false);

        // What was deleted goes with the round after the one that left nothing before it.
        Fill(scene, client, rounds: 4, from: 20);
        Compact(scene, client, reader, int.MaxValue, _ => { });
        Check(scene, client, areTombstonesGone: true);
        reader.CheckAtEnd();
        scene.Await(
            () => UsedBytes(scene).Zip(before).All(used => used.First < used.Second / 2),
            $"the space of {string.Join(", ", before)} comes back: {string.Join(", ", UsedBytes(scene))}", seconds: 60);

        scene.LosePowerEverywhere();
        Check(scene, client, areTombstonesGone: true);
        Join(scene);
        client.Home = scene.Cluster.Node(Replicas(scene)[0]);
        Check(scene, client, areTombstonesGone: true, ReadLevel.Any);
    }

    [Fact]
    public void What_belongs_to_an_open_transaction_waits_for_its_end_and_what_was_aborted_goes()
    {
        var scene = new Scene(13, Sabotage.None, Small, kind: SpaceKind.Streams);
        var client = scene.Cluster.NewClient();
        Configure(scene, client);
        Fill(scene, client, rounds: 4);
        Must(scene, client, StreamsRequests.Begin(scene.Shard, new(7, 0, 1)));
        _builder.Add(1000, Encoding.UTF8.GetBytes("k0"), Encoding.UTF8.GetBytes("aborted"));
        var aborted = Must(scene, client, StreamsRequests.Append(scene.Shard, _builder.Build(7, 0, 0, isTransactional: true)));
        _next = aborted.BaseOffset + 1;
        Fill(scene, client, rounds: 4);
        Compact(scene, client, null, int.MaxValue, _ => { });
        Assert.InRange(Status(client, scene).CleanEnd, 1, aborted.BaseOffset);
        Must(scene, client, StreamsRequests.End(scene.Shard, new TransactionMarker(7, 0, false, 1), 1000));
        _next++;
        Fill(scene, client, rounds: 4);
        Compact(scene, client, null, int.MaxValue, _ => { });
        Assert.True(Status(client, scene).CleanEnd > aborted.BaseOffset);
        Check(scene, client, areTombstonesGone: true);
    }

    private static void Configure(Scene scene, SimClient client) =>
        Must(scene, client, StreamsRequests.Configure(scene.Shard, new PartitionSettings(-1, -1, 200_000, 3_600_000)));

    // Each round writes all keys, or those from one on, once more.
    private void Fill(Scene scene, SimClient client, int rounds, int from = 0)
    {
        for (var round = 0; round < rounds; round++)
        {
            Append(scene, client, [
                .. Enumerable.Range(from, Keys - from).Select(key => (
                    string.Create(CultureInfo.InvariantCulture, $"k{key}"),
                    (string?)string.Create(CultureInfo.InvariantCulture, $"{_next} {new string('x', 4_000)}"))),
            ]);
        }
    }

    private void Append(Scene scene, SimClient client, params (string Key, string? Value)[] records)
    {
        foreach (var (key, value) in records)
        {
            _builder.Add(1000, Encoding.UTF8.GetBytes(key), value is null ? default(ReadOnlyMemory<byte>?) : Encoding.UTF8.GetBytes(value));
        }

        var result = Must(scene, client, StreamsRequests.Append(scene.Shard, _builder.Build()));
        Assert.Equal(_next, result.BaseOffset);
        foreach (var (key, value) in records)
        {
            _last[key] = (_next++, value);
        }
    }

    private static PartitionResult Must(Scene scene, SimClient client, Request request)
    {
        var call = client.CallAndWait(request);
        Assert.Equal(ResponseStatus.Ok, call.Response.Status);
        Assert.True(PartitionResult.TryRead(call.Response.Body, out var result));
        Assert.True(result.Status == PartitionStatus.Ok, $"{result} in {scene.Shard}");
        return result;
    }

    private static CompactionStatus Status(SimClient client, Scene scene) =>
        CompactionStatus.TryRead(client.CallAndWait(StreamsRequests.Compaction(scene.Shard)).Response.Body)!;

    // Round after round, until nothing is left to do; whoever compacts is gone when something happens, and another one goes on.
    private static void Compact(Scene scene, SimClient client, SteadyReader? reader, int everySteps, Action<int> happens)
    {
        var incidents = 0;
        for (var isOver = false; !isOver;)
        {
            var run = new CompactionRun(AtOnce, client.Clock.WallTime.Milliseconds);
            var steps = 0;
            while (run.Step != CompactionStep.Nothing)
            {
                reader?.ReadOn();
                if (++steps % everySteps == 0 && incidents < 4)
                {
                    happens(incidents++);
                    break;
                }

                if (!StreamsRequests.Take(run, client.CallAndWait(
                    StreamsRequests.Next(scene.Shard, run, ReadLevel.Linearizable, bytesMax: 500_000)).Response))
                {
                    break;
                }
            }

            Assert.Null(run.WhyNot);
            isOver = !CompactionNeed.Of(Status(client, scene), AtOnce, client.Clock.WallTime.Milliseconds).IsDue;
        }
    }

    private void Check(Scene scene, SimClient client, bool areTombstonesGone, ReadLevel level = ReadLevel.Linearizable)
    {
        var reader = new SteadyReader(this, scene, client) { Level = level };
        reader.ReadOn();
        reader.CheckAtEnd();
        var clean = Status(client, scene).CleanEnd;
        Assert.True(clean > 0);
        var compacted = reader.Seen.Where(record => record.Offset < clean).ToList();
        Assert.Equal(compacted.Count, compacted.Select(static record => record.Key).Distinct().Count());
        Assert.Equal(areTombstonesGone, !reader.Seen.Exists(static record => record.Value is null));
    }

    private static void Join(Scene scene)
    {
        var old = Replicas(scene);
        var joiner = Enumerable.Range(1, 4).Except(old).Single();
        scene.Place([joiner, .. old.Where(node => node != scene.Others(scene.Leader)[0])]);
        scene.Await(
            () => scene.Replica(joiner) is { } replica && scene.Replica(scene.Leader) is { } leader
                && replica.State.AppliedIndex >= leader.State.AppliedIndex && leader.State.AppliedIndex > LogIndex.Zero,
            "the joiner has caught up", seconds: 60);
        var machines = new[] { joiner, scene.Leader }.Select(node => (PartitionStateMachine)scene.Replica(node)!.State.Machine).ToArray();
        Assert.Equal(machines[1].StateHash(), machines[0].StateHash());
        Assert.Equal(machines[1].LogStart, machines[0].LogStart);
    }

    private static int[] Replicas(Scene scene) => [.. scene.Info.Replicas.Select(static node => (int)node.Value)];

    private static long[] UsedBytes(Scene scene) => [.. Replicas(scene).Select(node => scene.Cluster.Node(node).Disk().UsedBytes)];

    private sealed record SeenRecord(long Offset, string Key, string? Value);

    /// <summary>A reader of committed records who goes on where it ended.</summary>
    private sealed class SteadyReader(CompactionTests owner, Scene scene, SimClient client)
    {
        private readonly SortedDictionary<string, string> _table = new(StringComparer.Ordinal);
        private long _position;

        public ReadLevel Level { get; init; } = ReadLevel.Linearizable;

        public List<SeenRecord> Seen { get; } = [];

        public void ReadOn()
        {
            while (true)
            {
                var call = client.CallAndWait(StreamsRequests.Fetch(scene.Shard, new PartitionFetch(_position, 300_000, true), Level));
                Assert.Equal(ResponseStatus.Ok, call.Response.Status);
                var fetched = FetchedBatches.TryRead(call.Response.Body)!;
                Assert.Equal(PartitionStatus.Ok, fetched.Places.Status);
                if (fetched.Places.Batches.Count == 0)
                {
                    Assert.True(_position >= fetched.Places.Positions.LastStable);
                    return;
                }

                Take(fetched);
            }
        }

        /// <summary>It has read all that there is: then it knows the last value of each key, and none that was deleted.</summary>
        public void CheckAtEnd()
        {
            ReadOn();
            Assert.Equal(
                owner._last.Where(static pair => pair.Value.Value is not null).Select(static pair => (pair.Key, pair.Value.Value!)),
                _table.Select(static pair => (pair.Key, pair.Value)));
            foreach (var (key, (offset, value)) in owner._last)
            {
                Assert.True(value is null || Seen.FindLast(record => record.Key == key)!.Offset == offset);
            }
        }

        private void Take(FetchedBatches fetched)
        {
            for (var rest = fetched.Records; !rest.IsEmpty;)
            {
                Assert.Equal(RecordBatchFault.None, RecordBatch.Read(rest, out var batch));
                rest = rest[batch.Memory.Length..];
                var header = batch.Header;
                Assert.True(header.LastOffset >= _position);
                var isAborted = fetched.Places.Aborted.Any(aborted => aborted.ProducerId == header.ProducerId
                    && aborted.FirstOffset <= header.BaseOffset && header.BaseOffset < aborted.MarkerOffset);
                if (!header.IsControl && !isAborted)
                {
                    TakeRecords(batch);
                }

                _position = header.LastOffset + 1;
            }
        }

        private void TakeRecords(in RecordBatch batch)
        {
            Assert.Equal(CompressionFault.None, owner._codec.Decompress(batch, out var bytes));
            var reader = new RecordReader(bytes, batch.Header.RecordCount, batch.Header.LastOffsetDelta);
            while (reader.TryNext(out var record))
            {
                var offset = batch.Header.BaseOffset + record.OffsetDelta;
                if (offset < _position)
                {
                    continue;
                }

                var key = Encoding.UTF8.GetString(record.Key!.Value.Span);
                var value = record.Value is { } some ? Encoding.UTF8.GetString(some.Span) : null;
                Assert.True(Seen.Count == 0 || Seen[^1].Offset < offset);
                Seen.Add(new SeenRecord(offset, key, value));
                _table.Remove(key);
                if (value is not null)
                {
                    _table.Add(key, value);
                }
            }

            Assert.True(reader.IsComplete);
        }
    }
}
