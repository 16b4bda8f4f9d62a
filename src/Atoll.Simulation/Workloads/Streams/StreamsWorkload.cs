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
using Atoll.StateMachines.Transactions;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// Clients of a stream: producers and readers of its partitions (<see cref="StreamWorker"/>), consumers in groups, producers that write
/// in transactions, and a topic of its own that is compacted by key.
/// </summary>
public sealed class StreamsWorkload : IWorkload
{
    private readonly SpaceId _space;
    private readonly Prng _prng;
    private readonly PartitionSettings _settings;
    private readonly List<StreamPartition> _partitions = [];
    private readonly List<StreamWorker> _workers = [];
    private readonly List<IStreamsPart> _parts = [];
    private readonly TransactionsWorkload? _transactions;

    /// <summary>A workload on a space of streams that exists.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="space">The space.</param>
    /// <param name="replicas">Replicas of the space of groups, if there are any: it is made here.</param>
    /// <param name="shape">What clients do.</param>
    /// <param name="prng">What they draw from.</param>
    public StreamsWorkload(SimCluster cluster, SpaceId space, int replicas, WorkloadShape shape, Prng prng)
    {
        Cluster = cluster;
        Shape = shape;
        _space = space;
        _prng = prng;
        var retention = (RetentionKind)prng.Pick([0, 0, 0, 1, 2]);
        _settings = new PartitionSettings(
            retention == RetentionKind.ByAge ? 3_600_000 : -1, retention == RetentionKind.BySize ? prng.Pick([0, 2_000, 20_000]) : -1,
            prng.Pick([300, 2_000, 20_000, 64 * 1024 * 1024]), prng.Pick([1_000, 3_600_000]));
        Batches = new WorkloadBatches(shape, prng.Fork()) { OldPartsPerMillion = prng.Pick([0, 300_000, 900_000]) };
        foreach (var shard in cluster.Directory.ShardsOf(space))
        {
            var name = $"partition {_partitions.Count} (shard {shard.Id})";
            _partitions.Add(new StreamPartition(
                shard.Id, new PartitionChecker(name, retention, () => cluster.Ledger[FaultKind.MessageDuplicated] > 0)));
        }

        if (shape.CompactedPartitions > 0)
        {
            _parts.Add(new CompactedTopic(this, replicas, prng.Fork()));
        }

        if (shape.ConsumerGroups == 0 && shape.TransactionalIds == 0)
        {
            return;
        }

        var own = prng.Fork();
        var groups = cluster.CreateSpace(GroupLimits.SpaceName, replicas, own.NextInt(1, 3), SpaceKind.Groups);
        var registers = new GroupRegisters(cluster, History, Math.Max(2, _partitions.Count));
        if (shape.ConsumerGroups > 0)
        {
            _parts.Add(new GroupsWorkload(cluster, groups, shape, own, registers, EndsWell));
        }

        if (shape.TransactionalIds > 0)
        {
            var transactions = cluster.CreateSpace(TransactionLimits.SpaceName, replicas, own.NextInt(1, 3), SpaceKind.Transactions);
            _transactions = new TransactionsWorkload(this, transactions, groups, registers, own.Fork());
            _parts.Add(_transactions);
        }
    }

    /// <inheritdoc />
    public History History { get; } = new();

    /// <inheritdoc />
    public long Succeeded { get; private set; }

    /// <inheritdoc />
    public int Busy => _workers.Count(worker => worker.Loop.IsBusy) + _parts.Sum(static part => part.Busy);

    /// <inheritdoc />
    public bool IsCaughtUp => true;

    internal SimCluster Cluster { get; }

    internal WorkloadShape Shape { get; }

    internal WorkloadBatches Batches { get; }

    internal IReadOnlyList<StreamPartition> Partitions => _partitions;

    /// <inheritdoc />
    public void Start()
    {
        var client = Cluster.NewClient();
        foreach (var partition in _partitions)
        {
            var result = client.CallAndWait(StreamsRequests.Configure(partition.Shard, _settings));
            Check.That(result.Response.Status == ResponseStatus.Ok && ResultOf(result).Status == PartitionStatus.Ok);
        }

        for (var i = 0; i < Shape.Clients; i++)
        {
            var worker = new StreamWorker(this, i, _prng.Fork());
            _workers.Add(worker);
            worker.Loop.Rest();
        }

        _parts.ForEach(static part => part.Start());
    }

    /// <inheritdoc />
    public void Stop()
    {
        _workers.ForEach(worker => worker.Loop.Stop());
        _parts.ForEach(static part => part.Stop());
    }

    /// <inheritdoc />
    public string DescribeLag() => "";

    /// <inheritdoc />
    public void Probe(SimNode through, Action<string?> done)
    {
        var client = NewClient();
        ProvingCalls.Probe(
            Cluster,
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
            problem => ProbeParts(through, 0, problem, done));
    }

    /// <inheritdoc />
    public void ReadEverything(Action done)
    {
        if (_transactions is null)
        {
            ReadPartitions(done);
        }
        else
        {
            _transactions.Settle(() => ReadPartitions(done));
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

    internal static FetchedBatches FetchedIn(CallResult result) => FetchedBatches.TryRead(result.Response.Body)
        ?? throw new SafetyViolationException("the answer to a fetch cannot be read");

    internal static FoundOffset FoundIn(CallResult result) =>
        FoundOffset.TryRead(result.Response.Body, out var found) && found.Status == PartitionStatus.Ok ? found
            : throw new SafetyViolationException("the answer to a search for an offset cannot be read");

    /// <summary>Asks for something that nothing hinders any more.</summary>
    internal static void Ask(SimClient client, Request request, Action<CallResult> answered) => client.Call(request, result =>
    {
        if (result.Response.Status != ResponseStatus.Ok)
        {
            throw new StalledException(
                $"shard {request.Shard} cannot be read although nothing hinders it any more: {result.Response.Status} after "
                + $"{result.Attempts} attempts, {result.Response.Detail}");
        }

        answered(result);
    });

    internal SimClient NewClient() => Shape.NewClient(Cluster);

    internal bool EndsWell(CallResult result)
    {
        var isSuccess = ProvingCalls.IsSuccess(result);
        Succeeded += isSuccess ? 1 : 0;
        return isSuccess;
    }

    private void ReadPartitions(Action done)
    {
        var client = NewClient();
        client.BePatient();
        Next(0);

        void Next(int number)
        {
            if (number == _partitions.Count)
            {
                ReadParts(0, done);
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

    // Retention may move the log start on the way: then what is before it has been read for nothing. When all transactions have ended, all
    // that there is can be read by readers of committed records.
    private void ReadFrom(SimClient client, StreamPartition partition, long offset, Action done)
    {
        const int bytesMax = 100_000;
        var fetch = new PartitionFetch(offset, bytesMax, _transactions is not null);
        var floor = partition.Checker.Floor;
        Ask(client, StreamsRequests.Fetch(partition.Shard, fetch), result =>
        {
            var fetched = FetchedIn(result);
            var next = partition.Checker.Read(fetch, floor, fetched);
            var (logStart, lastStable, end) = fetched.Places.Positions;
            if (lastStable != end)
            {
                throw new SafetyViolationException(
                    $"shard {partition.Shard}: all transactions have ended, and one is open at {lastStable} of {end}");
            }

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

    private void ProbeParts(SimNode through, int part, string? problem, Action<string?> done)
    {
        if (problem is not null || part == _parts.Count)
        {
            done(problem);
        }
        else
        {
            _parts[part].Probe(through, found => ProbeParts(through, part + 1, found, done));
        }
    }

    private void ReadParts(int part, Action done)
    {
        if (part == _parts.Count)
        {
            done();
        }
        else
        {
            _parts[part].ReadEverything(() => ReadParts(part + 1, done));
        }
    }
}
