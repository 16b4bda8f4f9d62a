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
using Atoll.StateMachines.Rows;

namespace Atoll.Simulation.Workloads;

/// <summary>
/// Clients of one space's rows: writes, conditional writes, deletions of rows, ranges and partitions, reads, counters, and now and then a
/// client whose clock is an hour ahead. The numbers of the shape mean what they mean for records: batches are of rows of one partition,
/// scans read one.
/// </summary>
public sealed class RowsWorkload : IWorkload
{
    // A probe's request may be forgotten once, by a jump of a clock; not again and again.
    private const int ProbeTriesMax = 3;
    private const string SharedCounter = "shared";

    private static readonly string[] RowNames = ["a", "b", "c"];
    private static readonly string[] AllRows = ["a", "b", "c", RowsRecorder.StaticRow];

    private readonly SimCluster _cluster;
    private readonly SpaceId _space;
    private readonly WorkloadShape _shape;
    private readonly Prng _prng;
    private readonly RowsRecorder _recorder;
    private readonly string[] _partitions;
    private readonly List<Worker> _workers = [];
    private bool _isStopping;

    /// <summary>A workload on a space that exists.</summary>
    public RowsWorkload(SimCluster cluster, SpaceId space, WorkloadShape shape, Prng prng)
    {
        _cluster = cluster;
        _space = space;
        _shape = shape;
        _prng = prng;
        _recorder = new RowsRecorder(cluster, space, graceSeconds: prng.Pick([1, 5, 864_000]));
        _partitions = [.. Enumerable.Range(0, Math.Max(2, shape.Keys / 4)).Select(i => $"p{i}")];
    }

    /// <inheritdoc />
    public History History => _recorder.History;

    /// <inheritdoc />
    public long Succeeded => _recorder.Succeeded;

    /// <inheritdoc />
    public int Busy => _workers.Count(worker => worker.IsBusy);

    /// <inheritdoc />
    public bool IsCaughtUp => true;

    /// <inheritdoc />
    public void Start()
    {
        for (var i = 0; i < _shape.Clients; i++)
        {
            var worker = new Worker(this, NewClient(), i);
            _workers.Add(worker);
            worker.Rest();
        }
    }

    /// <inheritdoc />
    public void Stop() => _isStopping = true;

    /// <inheritdoc />
    public string DescribeLag() => "";

    /// <inheritdoc />
    /// <remarks>Partitions that the history does not look at.</remarks>
    public void Probe(SimNode through, Action<string?> done)
    {
        var client = NewClient();
        client.Home = through;
        client.Patience = Duration.FromSeconds(30);
        var shards = _cluster.Directory.ShardsOf(_space).ToArray();
        Next(0, 1);

        void Next(int position, int tries)
        {
            if (position == shards.Length)
            {
                done(null);
                return;
            }

            var partition = PartitionIn(shards[position], $"probe{through.Id}-{position}-");
            var write = RowOperation.Upsert(default, [CellWrite.Put(1, NumberedValue.Make(_recorder.NewNumber(), 8))]);
            client.Call(RowsRequests.Mutate(_space, partition, [write], [], RowsMutation.GraceSecondsDefault), result =>
            {
                if (result.Response.Status == ResponseStatus.Ok)
                {
                    Next(position + 1, 1);
                }
                else if (tries < ProbeTriesMax && result.Response.Status is ResponseStatus.OutcomeUnknown or ResponseStatus.RequestExpired)
                {
                    // A shard's clock that jumped by hours forgets what was under way; what is asked for after that must succeed.
                    Next(position, tries + 1);
                }
                else
                {
                    done($"n{through.Id}, shard {shards[position].Id}: {result.Response.Status} {result.Response.Detail}");
                }
            });
        }
    }

    /// <inheritdoc />
    public void ReadEverything(Action done)
    {
        var client = NewClient();
        client.Patience = Duration.FromSeconds(40);
        var reads = new List<Action<Action<CallResult>>>();
        foreach (var partition in _partitions)
        {
            reads.Add(ended => _recorder.Read(client, -1, partition, ClusteringRange.All, AllRows, ended));
        }

        foreach (var worker in _workers)
        {
            reads.Add(ended => _recorder.Read(client, -1, worker.OwnPartition, ClusteringRange.All, RowNames, ended));
        }

        foreach (var counter in _recorder.Counters.Names.ToArray())
        {
            reads.Add(ended => _recorder.ReadCounter(client, counter, ended));
        }

        Next(0);

        void Next(int position)
        {
            if (position == reads.Count)
            {
                done();
                return;
            }

            reads[position](result =>
            {
                if (result.Response.Status != ResponseStatus.Ok)
                {
                    throw new StalledException(
                        $"rows cannot be read although nothing hinders it any more: {result.Response.Status} after "
                        + $"{result.Attempts} attempts, {result.Response.Detail}");
                }

                Next(position + 1);
            });
        }
    }

    /// <inheritdoc />
    /// <remarks>Counters are checked by every read of one, the last included.</remarks>
    public void CheckTheRest()
    {
        // Nobody follows rows.
    }

    private static string PartitionIn(ShardInfo shard, string prefix)
    {
        for (var i = 0; ; i++)
        {
            var partition = $"{prefix}{i}";
            if (shard.Holds(RowTokens.HashOf(RowsRequests.TokenOf(partition))))
            {
                return partition;
            }
        }
    }

    private SimClient NewClient()
    {
        var client = _cluster.NewClient();
        client.AttemptTimeout = _shape.AttemptTimeout;
        client.Patience = _shape.Patience;
        return client;
    }

    private sealed class Worker(RowsWorkload owner, SimClient client, int number) : ISimEventTarget
    {
        private readonly Prng _prng = owner._prng.Fork();

        public bool IsBusy { get; private set; }

        /// <summary>Rows that nobody else writes, so that timestamps which the client gives grow as its writes follow each other.</summary>
        public string OwnPartition { get; } = $"own{number}";

        private RowsRecorder Recorder => owner._recorder;

        public void Rest()
        {
            IsBusy = false;
            if (!owner._isStopping)
            {
                owner._cluster.Scheduler.Schedule(
                    _prng.NextDuration(Duration.Zero, owner._shape.ThinkMax),
                    this,
                    new SimEvent(SimEventKind.Client, 0, number, client.Id, null));
            }
        }

        public void Run(in SimEvent happening)
        {
            if (owner._isStopping)
            {
                return;
            }

            IsBusy = true;
            var shape = owner._shape;
            (int Weight, Action Do)[] choices =
            [
                (shape.Gets, () => ReadRow(_prng.Pick(owner._partitions))),
                (shape.Puts, () => WriteOne(StepKind.Put, isConditional: false)),
                (shape.CompareAndSets, () => WriteOne(_prng.Chance(800_000) ? StepKind.Put : StepKind.BlindDelete, isConditional: true)),
                (shape.Deletes, Delete),
                (shape.Batches, Batch),
                (shape.Scans + 2, () => ReadPartition(_prng.Pick(owner._partitions), AllRows)),
                (10, () => Recorder.Increment(client, Counter(), _prng.NextInt(1, 1_000), Rest)),
                (5, () => Recorder.ReadCounter(client, Counter(), _ => Rest())),
                (8, FastClock),
                (shape.ExpiringPuts, () => Recorder.ExpiringPut(client, $"t{_prng.NextInt(0, 9)}", _prng.NextInt(1, 20), Rest)),
            ];
            var drawn = _prng.NextInt(0, choices.Sum(choice => choice.Weight) - 1);
            foreach (var (weight, act) in choices)
            {
                drawn -= weight;
                if (drawn < 0)
                {
                    act();
                    return;
                }
            }
        }

        private string Counter() => _prng.Chance(500_000) ? SharedCounter : $"counter{number}";

        private string Row() => _prng.Chance(100_000) ? RowsRecorder.StaticRow : _prng.Pick(RowNames);

        private int ValueBytes() => _prng.Chance(owner._shape.LargePartsPerMillion)
            ? _prng.NextInt(NumberedValue.BytesMin, owner._shape.LargeValueBytesMax)
            : _prng.NextInt(NumberedValue.BytesMin, owner._shape.ValueBytesMax);

        private void ReadRow(string partition)
        {
            var row = _prng.Pick(RowNames);
            Recorder.Read(client, number, partition, ClusteringRange.Of(RowsRequests.Bytes(row)), [row], _ => Rest());
        }

        private void ReadPartition(string partition, string[] rows) =>
            Recorder.Read(client, number, partition, ClusteringRange.All, rows, _ => Rest());

        private void WriteOne(StepKind kind, bool isConditional)
        {
            var partition = _prng.Pick(owner._partitions);
            Recorder.Write(client, number, partition, [StepOn(partition, Row(), kind, isConditional)], Rest);
        }

        private void Delete()
        {
            var partition = _prng.Pick(owner._partitions);
            switch (_prng.NextInt(0, 3))
            {
                case 0:
                    Recorder.DeleteMany(client, number, partition, RowOperation.DeletePartition(), AllRows, Rest);
                    break;
                case 1:
                    var (first, last) = (_prng.NextInt(0, 1), _prng.NextInt(1, 2));
                    var range = ClusteringRange.Between(
                        RowsRequests.Bytes(RowNames[first]), true, RowsRequests.Bytes(RowNames[last]), true);
                    Recorder.DeleteMany(client, number, partition, RowOperation.DeleteRange(range), RowNames[first..(last + 1)], Rest);
                    break;
                default:
                    WriteOne(StepKind.BlindDelete, isConditional: false);
                    break;
            }
        }

        private void Batch()
        {
            var partition = _prng.Pick(owner._partitions);
            var rows = (string[])AllRows.Clone();
            _prng.Shuffle<string>(rows);
            var steps = rows.Take(_prng.NextInt(2, rows.Length)).Select(row => StepOn(
                partition, row, _prng.Chance(200_000) ? StepKind.BlindDelete : StepKind.Put, isConditional: _prng.Chance(200_000)));
            Recorder.Write(client, number, partition, [.. steps], Rest);
        }

        // A client whose clock is an hour ahead, and later writes without a timestamp that must not lose to it.
        private void FastClock()
        {
            var row = _prng.Pick(RowNames);
            switch (_prng.NextInt(0, 4))
            {
                case 0 or 1:
                    var ahead = Recorder.NextAheadMicros();
                    Recorder.Write(
                        client, number, OwnPartition, [new RowStep(StepKind.Put, row, ValueBytes(), TimestampMicros: ahead)], Rest);
                    break;
                case 2:
                    Recorder.Write(client, number, OwnPartition, [new RowStep(StepKind.Put, row, ValueBytes())], Rest);
                    break;
                case 3:
                    Recorder.DeleteMany(
                        client, number, OwnPartition, RowOperation.DeleteRange(ClusteringRange.All), RowNames, Rest);
                    break;
                default:
                    ReadPartition(OwnPartition, RowNames);
                    break;
            }
        }

        private RowStep StepOn(string partition, string row, StepKind kind, bool isConditional)
        {
            long? expected = !isConditional ? null
                : _prng.Chance(100_000) ? 0 : Recorder.LastValueSeen(partition, row);
            return new RowStep(kind, row, kind == StepKind.Put ? ValueBytes() : 0, expected);
        }
    }
}
