using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.Simulation.World;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Streams;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// Clients of a stream: producers that number their batches and such that do not, readers, and now and then somebody who deletes what is
/// old. The numbers of the shape mean: puts are numbered batches, compare-and-sets such without numbers, gets reads that go on where the
/// last one ended, scans reads from anywhere, relaxed reads those from any replica.
/// </summary>
public sealed class StreamsWorkload : IWorkload
{
    private readonly SimCluster _cluster;
    private readonly SpaceId _space;
    private readonly WorkloadShape _shape;
    private readonly Prng _prng;
    private readonly PartitionSettings _settings;
    private readonly List<Partition> _partitions = [];
    private readonly List<Worker> _workers = [];
    private readonly GroupsWorkload? _groups;

    /// <summary>A workload on a space of streams that exists.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="space">The space.</param>
    /// <param name="replicas">Replicas of the space of groups, if there are any: it is made here.</param>
    /// <param name="shape">What clients do.</param>
    /// <param name="prng">What they draw from.</param>
    public StreamsWorkload(SimCluster cluster, SpaceId space, int replicas, WorkloadShape shape, Prng prng)
    {
        _cluster = cluster;
        _space = space;
        _shape = shape;
        _prng = prng;
        var retention = (RetentionKind)prng.Pick([0, 0, 0, 1, 2]);
        _settings = new PartitionSettings(
            retention == RetentionKind.ByAge ? 3_600_000 : -1, retention == RetentionKind.BySize ? prng.Pick([0, 2_000, 20_000]) : -1,
            prng.Pick([300, 2_000, 20_000, 64 * 1024 * 1024]), prng.Pick([1_000, 3_600_000]));
        Batches = new WorkloadBatches(shape, prng.Fork()) { OldPartsPerMillion = prng.Pick([0, 300_000, 900_000]) };
        foreach (var shard in cluster.Directory.ShardsOf(space))
        {
            var name = $"partition {_partitions.Count} (shard {shard.Id})";
            _partitions.Add(new Partition(
                shard.Id, new PartitionChecker(name, retention, () => cluster.Ledger[FaultKind.MessageDuplicated] > 0)));
        }

        if (shape.ConsumerGroups > 0)
        {
            var own = prng.Fork();
            var groups = cluster.CreateSpace(GroupLimits.SpaceName, replicas, own.NextInt(1, 3), SpaceKind.Groups);
            _groups = new GroupsWorkload(cluster, groups, shape, own, _partitions.Count, History, EndsWell);
        }
    }

    /// <inheritdoc />
    public History History { get; } = new();

    /// <inheritdoc />
    public long Succeeded { get; private set; }

    /// <inheritdoc />
    public int Busy => _workers.Count(worker => worker.Loop.IsBusy) + (_groups?.Busy ?? 0);

    /// <inheritdoc />
    public bool IsCaughtUp => true;

    internal WorkloadBatches Batches { get; }

    /// <inheritdoc />
    public void Start()
    {
        var client = _cluster.NewClient();
        foreach (var partition in _partitions)
        {
            var result = client.CallAndWait(StreamsRequests.Configure(partition.Shard, _settings));
            Check.That(result.Response.Status == ResponseStatus.Ok && ResultOf(result).Status == PartitionStatus.Ok);
        }

        for (var i = 0; i < _shape.Clients; i++)
        {
            var worker = new Worker(this, i);
            _workers.Add(worker);
            worker.Loop.Rest();
        }

        _groups?.Start();
    }

    /// <inheritdoc />
    public void Stop()
    {
        _workers.ForEach(worker => worker.Loop.Stop());
        _groups?.Stop();
    }

    /// <inheritdoc />
    public string DescribeLag() => "";

    /// <inheritdoc />
    public void Probe(SimNode through, Action<string?> done)
    {
        var client = NewClient();
        ProvingCalls.Probe(
            _cluster,
            _space,
            client,
            through,
            (shard, position) =>
            {
                // A client with an identity tries it again as it likes: a partition does not look at that.
                var checker = _partitions[position].Checker;
                var batch = checker.Make(Batches.Make());
                checker.Invoke(batch);
                batch.UncertainTimes = int.MaxValue / 2;
                return StreamsRequests.Append(shard.Id, batch.Bytes);
            },
            problem => ProbeGroups(through, problem, done));
    }

    /// <inheritdoc />
    public void ReadEverything(Action done)
    {
        var client = NewClient();
        client.Patience = Duration.FromSeconds(40);
        Next(0);

        void Next(int number)
        {
            if (number == _partitions.Count)
            {
                ReadGroups(done);
                return;
            }

            var partition = _partitions[number];
            var floor = partition.Checker.Floor;
            Ask(client, StreamsRequests.Find(partition.Shard, new PartitionFind(PartitionFind.Earliest, false)), response =>
            {
                var found = FoundIn(response);
                partition.Checker.FoundEnd(floor, isLatest: false, found);
                ReadFrom(client, partition, found.Offset, () => Next(number + 1));
            });
        }
    }

    /// <inheritdoc />
    public void CheckTheRest()
    {
        foreach (var partition in _partitions)
        {
            partition.Checker.CheckWhole(partition.LogStart, partition.End, Math.Max(0, _settings.RetentionBytes));
        }
    }

    internal static PartitionResult ResultOf(CallResult result) =>
        PartitionResult.TryRead(result.Response.Body, out var read) ? read
            : throw new SafetyViolationException("the answer to a command of a partition cannot be read");

    private static FetchedBatches FetchedIn(CallResult result) => FetchedBatches.TryRead(result.Response.Body)
        ?? throw new SafetyViolationException("the answer to a fetch cannot be read");

    private static FoundOffset FoundIn(CallResult result) =>
        FoundOffset.TryRead(result.Response.Body, out var found) && found.Status == PartitionStatus.Ok ? found
            : throw new SafetyViolationException("the answer to a search for an offset cannot be read");

    private static void Ask(SimClient client, Request request, Action<CallResult> answered) => client.Call(request, result =>
    {
        if (result.Response.Status != ResponseStatus.Ok)
        {
            throw new StalledException(
                $"shard {request.Shard} cannot be read although nothing hinders it any more: {result.Response.Status} after "
                + $"{result.Attempts} attempts, {result.Response.Detail}");
        }

        answered(result);
    });

    // Retention may move the log start on the way: then what is before it has been read for nothing.
    private static void ReadFrom(SimClient client, Partition partition, long offset, Action done)
    {
        const int bytesMax = 100_000;
        var fetch = new PartitionFetch(offset, bytesMax, false);
        var floor = partition.Checker.Floor;
        Ask(client, StreamsRequests.Fetch(partition.Shard, fetch), result =>
        {
            var fetched = FetchedIn(result);
            var next = partition.Checker.Read(fetch, floor, fetched);
            var (logStart, _, end) = fetched.Places.Positions;
            if (fetched.Places.Status == PartitionStatus.OffsetOutOfRange)
            {
                next = logStart;
            }
            else if (next == end)
            {
                (partition.LogStart, partition.End) = (logStart, end);
                done();
                return;
            }

            ReadFrom(client, partition, next, done);
        });
    }

    private void ProbeGroups(SimNode through, string? problem, Action<string?> done)
    {
        if (problem is not null || _groups is null)
        {
            done(problem);
        }
        else
        {
            _groups.Probe(through, done);
        }
    }

    private void ReadGroups(Action done)
    {
        if (_groups is null)
        {
            done();
        }
        else
        {
            _groups.ReadEverything(done);
        }
    }

    private SimClient NewClient() => _shape.NewClient(_cluster);

    private bool EndsWell(CallResult result)
    {
        var isSuccess = ProvingCalls.IsSuccess(result);
        Succeeded += isSuccess ? 1 : 0;
        return isSuccess;
    }

    private sealed class Partition(ShardId shard, PartitionChecker checker)
    {
        public ShardId Shard => shard;

        public PartitionChecker Checker => checker;

        public long LogStart { get; set; }

        public long End { get; set; }
    }

    private sealed class Worker
    {
        private readonly StreamsWorkload _owner;
        private readonly SimClient _reader;
        private readonly SimClient _plain;
        private readonly Prng _prng;
        private readonly NumberedProducer[] _producers;
        private readonly long[] _positions;

        public Worker(StreamsWorkload owner, int number)
        {
            _owner = owner;
            _prng = owner._prng.Fork();
            _reader = owner.NewClient();
            _plain = owner.NewClient();
            _plain.IdentifiesWrites = false;
            _plain.RetriesUnknownOutcomes = _prng.Chance(500_000);
            var numbered = owner.NewClient();
            numbered.IdentifiesWrites = false;
            _producers =
            [
                .. owner._partitions.Select(partition => new NumberedProducer(
                    numbered, partition.Shard, partition.Checker, owner.Batches, _prng, producerId: number, owner.EndsWell)),
            ];
            _positions = new long[owner._partitions.Count];
            Loop = new ClientLoop(owner._cluster, _reader, number, _prng, owner._shape.ThinkMax) { Choices = Choices };
        }

        public ClientLoop Loop { get; }

        private (int Weight, Action Do)[] Choices()
        {
            var shape = _owner._shape;
            return
            [
                (shape.Puts, () => _producers[Draw()].Send(Loop.Rest)),
                (shape.CompareAndSets, AppendPlain),
                (shape.Gets, GoOn),
                (shape.Scans, ReadAnywhere),
                (shape.RelaxedReads, ReadAnyReplica),
                (6, FindEnd),
                (shape.Deletes / 5, Delete),
            ];
        }

        private int Draw() => _prng.NextInt(0, _owner._partitions.Count - 1);

        private void AppendPlain()
        {
            var partition = _owner._partitions[Draw()];
            var batch = partition.Checker.Make(_owner.Batches.Make());
            partition.Checker.Invoke(batch);
            _plain.Call(StreamsRequests.Append(partition.Shard, batch.Bytes), result =>
            {
                NumberedProducer.Settle(partition.Checker, batch, result, _owner.EndsWell(result));
                Loop.Rest();
            });
        }

        private void GoOn()
        {
            var number = Draw();
            var linger = _prng.Chance(300_000) ? Duration.FromMilliseconds(_prng.NextInt(1, 2_000)) : Duration.Zero;
            Fetch(number, _positions[number], ReadLevel.Linearizable, linger, (fetched, next) =>
                _positions[number] = fetched.Places.Status == PartitionStatus.OffsetOutOfRange
                    ? fetched.Places.Positions.LogStart : next);
        }

        private void ReadAnywhere()
        {
            var number = Draw();
            Fetch(number, AnyOffset(number), ReadLevel.Linearizable, Duration.Zero, (_, _) => { });
        }

        private void ReadAnyReplica()
        {
            var number = Draw();
            Fetch(number, AnyOffset(number), ReadLevel.Any, Duration.Zero, (_, _) => { });
        }

        // Now and then a little behind the end.
        private long AnyOffset(int number)
        {
            var (logStart, end) = _owner._partitions[number].Checker.Floor;
            return _prng.NextInt((int)logStart, (int)end + 2);
        }

        private void Fetch(int number, long offset, ReadLevel level, Duration linger, Action<FetchedBatches, long> read)
        {
            var partition = _owner._partitions[number];
            var fetch = new PartitionFetch(offset, _prng.Pick([1, 3_000, 1_000_000]), _prng.Chance(300_000));
            PartitionFloor? floor = level == ReadLevel.Linearizable ? partition.Checker.Floor : null;
            _reader.Call(StreamsRequests.Fetch(partition.Shard, fetch, level, linger), result =>
            {
                if (_owner.EndsWell(result))
                {
                    var fetched = FetchedIn(result);
                    read(fetched, partition.Checker.Read(fetch, floor, fetched));
                }

                Loop.Rest();
            });
        }

        private void FindEnd()
        {
            var partition = _owner._partitions[Draw()];
            var isLatest = _prng.Chance(500_000);
            var floor = partition.Checker.Floor;
            var find = new PartitionFind(isLatest ? PartitionFind.Latest : PartitionFind.Earliest, false);
            _reader.Call(StreamsRequests.Find(partition.Shard, find), result =>
            {
                if (_owner.EndsWell(result))
                {
                    partition.Checker.FoundEnd(floor, isLatest, FoundIn(result));
                }

                Loop.Rest();
            });
        }

        private void Delete()
        {
            var partition = _owner._partitions[Draw()];
            var (logStart, end) = partition.Checker.Floor;
            var before = _prng.Chance(100_000) ? PartitionCommand.EndOffset : _prng.NextInt((int)logStart, (int)end);
            partition.Checker.InvokeDelete(before);
            _reader.Call(StreamsRequests.DeleteBefore(partition.Shard, before), result =>
            {
                if (_owner.EndsWell(result))
                {
                    var deleted = ResultOf(result);
                    if (deleted.Status != PartitionStatus.Ok)
                    {
                        throw new SafetyViolationException($"deleting before {before} was answered {deleted.Status}");
                    }

                    partition.Checker.AcknowledgeDelete(before == PartitionCommand.EndOffset ? end : before, deleted);
                }

                Loop.Rest();
            });
        }
    }
}
