using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Streams;
using Atoll.StateMachines.Streams.Compaction;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>A topic that is compacted by key, in a workload of streams: its writers, its readers, and who compacts it.</summary>
internal sealed class CompactedTopic : IStreamsPart
{
    // Numbers of its clients, beside those of the other parts.
    private const int FirstClient = 3_000;

    // Where few keys have room each round takes a little, and reads all that is before it.
    private const int LastRoundsMax = 50;

    private readonly SpaceId _space;
    private readonly PartitionSettings _settings;
    private readonly List<KeyedWriter> _writers = [];
    private readonly List<KeyedReader> _readers = [];
    private readonly List<CompactorLoop> _compactors = [];
    private readonly List<ClientLoop> _loops = [];

    /// <summary>A topic; its space is made here.</summary>
    /// <param name="streams">The workload.</param>
    /// <param name="replicas">Replicas of the space.</param>
    /// <param name="prng">What its clients draw from.</param>
    public CompactedTopic(StreamsWorkload streams, int replicas, Prng prng)
    {
        Streams = streams;
        Sabotage = streams.Cluster.Shape.Sabotage;
        _space = streams.Cluster.CreateSpace("compacted", replicas, streams.Shape.CompactedPartitions, SpaceKind.Streams);
        _settings = new PartitionSettings(-1, -1, prng.Pick([300, 1_500, 6_000]), prng.Pick([1_000, 3_600_000]));
        foreach (var shard in streams.Cluster.Directory.ShardsOf(_space))
        {
            var keepsTombstones = prng.Chance(500_000);
            var settings = new CompactionSettings(prng.Pick([0, 0.3]), 0, keepsTombstones ? long.MaxValue / 4 : 0)
            {
                KeysMax = prng.Pick([40, 1_000, 1_000]), BatchBytes = prng.Pick([50, 400, 5_000]),
            };
            Partitions.Add(new CompactedPartition(
                shard.Id, settings, new CompactedChecker($"compacted partition (shard {shard.Id})", keepsTombstones)));
        }

        foreach (var partition in Partitions)
        {
            for (var writers = prng.NextInt(1, 3); writers > 0; writers--)
            {
                _writers.Add(new KeyedWriter(this, partition, FirstClient + _writers.Count, prng.Fork()));
            }

            _readers.Add(new KeyedReader(this, partition, FirstClient + 500 + _readers.Count, prng.Fork()));
        }

        for (var compactors = prng.NextInt(1, 2); compactors > 0; compactors--)
        {
            _compactors.Add(new CompactorLoop(this, FirstClient + 900 + _compactors.Count, prng.Fork()));
        }

        _loops.AddRange(_writers.Select(static writer => writer.Loop));
        _loops.AddRange(_readers.Select(static reader => reader.Loop));
        _loops.AddRange(_compactors.Select(static compactor => compactor.Loop));
    }

    public StreamsWorkload Streams { get; }

    public Sabotage Sabotage { get; }

    public List<CompactedPartition> Partitions { get; } = [];

    /// <inheritdoc />
    public int Busy => _loops.Count(static loop => loop.IsBusy);

    /// <inheritdoc />
    public void Start()
    {
        var client = Streams.Cluster.NewClient();
        foreach (var partition in Partitions)
        {
            var result = client.CallAndWait(StreamsRequests.Configure(partition.Shard, _settings));
            Check.That(result.Response.Status == ResponseStatus.Ok && StreamsWorkload.ResultOf(result).Status == PartitionStatus.Ok);
        }

        _loops.ForEach(static loop => loop.Rest());
    }

    /// <inheritdoc />
    public void Stop() => _loops.ForEach(static loop => loop.Stop());

    /// <summary>Sets what is set already, through a node, in each partition.</summary>
    public void Probe(SimNode through, Action<string?> done) => ProvingCalls.Probe(
        Streams.Cluster, _space, Streams.NewClient(), through, (shard, _) => StreamsRequests.Configure(shard.Id, _settings), done);

    /// <summary>All writers finish, every partition is compacted to the end or for long, and everything is read.</summary>
    public void ReadEverything(Action done)
    {
        var client = Streams.NewClient();
        client.BePatient();
        InTurn(_writers, static (writer, next) => writer.Settle(next), () =>
            InTurn(Partitions, (partition, next) => Compact(client, partition, NewRun(client, partition), LastRoundsMax, () =>
                ReadWhole(client, partition, next)), () =>
                InTurn(_readers, static (reader, next) => reader.ReadToTheEnd(next), done)));
    }

    /// <summary>Reads batches; nothing hinders that any more.</summary>
    public void Read(
        SimClient client, CompactedPartition partition, long from, ReadLevel level, int bytesMax,
        Action<long, PartitionPositions, IReadOnlyList<KeyedRecord>> read)
    {
        PartitionFloor? floor = level == ReadLevel.Linearizable ? partition.Checker.Floor : null;
        StreamsWorkload.Ask(client, Fetch(partition, from, level, bytesMax), result =>
        {
            var fetched = StreamsWorkload.FetchedIn(result);
            var seen = new List<KeyedRecord>();
            read(partition.Checker.Read(from, floor, fetched, seen), fetched.Places.Positions, seen);
        });
    }

    /// <summary>Reads batches, if that succeeds.</summary>
    public void TryRead(
        SimClient client, CompactedPartition partition, long from, ReadLevel level, int bytesMax,
        Action<long, IReadOnlyList<KeyedRecord>> read, Action done)
    {
        PartitionFloor? floor = level == ReadLevel.Linearizable ? partition.Checker.Floor : null;
        client.Call(Fetch(partition, from, level, bytesMax), result =>
        {
            if (Streams.EndsWell(result))
            {
                var seen = new List<KeyedRecord>();
                var next = partition.Checker.Read(from, floor, StreamsWorkload.FetchedIn(result), seen);
                read(next, seen);
            }

            done();
        });
    }

    private static Request Fetch(CompactedPartition partition, long from, ReadLevel level, int bytesMax) =>
        StreamsRequests.Fetch(partition.Shard, new PartitionFetch(from, bytesMax, IsCommitted: true), level);

    private CompactionRun NewRun(SimClient client, CompactedPartition partition) =>
        partition.NewRun(Sabotage, client.Clock.WallTime.Milliseconds);

    // As many rounds as there is something to do for. One that cannot be ended has too many keys for its settings.
    private void Compact(SimClient client, CompactedPartition partition, CompactionRun run, int roundsLeft, Action done)
    {
        if (run.Step != CompactionStep.Nothing)
        {
            StreamsWorkload.Ask(client, StreamsRequests.Next(partition.Shard, run, ReadLevel.Linearizable, 1_000_000), result =>
            {
                _ = StreamsRequests.Take(run, result.Response);
                Compact(client, partition, run, roundsLeft, done);
            });
        }
        else if (run.WhyNot is { } why && !why.StartsWith("more than", StringComparison.Ordinal))
        {
            throw new SafetyViolationException($"shard {partition.Shard} cannot be compacted: {why}");
        }
        else if (run.IsComplete && roundsLeft > 1)
        {
            Compact(client, partition, NewRun(client, partition), roundsLeft - 1, done);
        }
        else
        {
            done();
        }
    }

    private void ReadWhole(SimClient client, CompactedPartition partition, Action done)
    {
        var seen = new List<KeyedRecord>();
        StreamsWorkload.Ask(client, StreamsRequests.Compaction(partition.Shard), result =>
        {
            var status = CompactionStatus.TryRead(result.Response.Body)
                ?? throw new SafetyViolationException("the status of compaction cannot be read");
            Next(status.Positions.LogStart);

            void Next(long from) => Read(client, partition, from, ReadLevel.Linearizable, 100_000, (next, positions, read) =>
            {
                seen.AddRange(read);
                if (positions.LastStable != positions.HighWatermark)
                {
                    throw new SafetyViolationException($"shard {partition.Shard}: a transaction is open at {positions.LastStable}");
                }

                if (next < positions.HighWatermark)
                {
                    Next(next);
                    return;
                }

                partition.Checker.CheckWhole(positions.LogStart, status.CleanEnd, seen);
                done();
            });
        });
    }

    private static void InTurn<T>(IReadOnlyList<T> items, Action<T, Action> act, Action done, int number = 0)
    {
        if (number == items.Count)
        {
            done();
        }
        else
        {
            act(items[number], () => InTurn(items, act, done, number + 1));
        }
    }
}
