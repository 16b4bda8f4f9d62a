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
    private const string SharedCounter = "shared";

    private readonly SimCluster _cluster;
    private readonly SpaceId _space;
    private readonly WorkloadShape _shape;
    private readonly Prng _prng;
    private readonly RowsRecorder _recorder;
    private readonly string[] _partitions;
    private readonly List<Worker> _workers = [];
    private readonly List<RowsWatcher> _watchers = [];

    /// <summary>A workload on a space that exists.</summary>
    public RowsWorkload(SimCluster cluster, SpaceId space, WorkloadShape shape, Prng prng)
    {
        _cluster = cluster;
        _space = space;
        _shape = shape;
        _prng = prng;
        _recorder = new RowsRecorder(cluster, space, graceSeconds: prng.Pick([1, 5, 864_000]));
        _partitions = [.. Enumerable.Range(0, Math.Max(2, shape.Keys / 4)).Select(i => $"{RowsRecorder.SharedPrefix}{i}")];
    }

    /// <inheritdoc />
    public History History => _recorder.History;

    /// <inheritdoc />
    public long Succeeded => _recorder.Succeeded;

    /// <inheritdoc />
    public int Busy => _workers.Count(worker => worker.Loop.IsBusy);

    /// <inheritdoc />
    public bool IsCaughtUp => _watchers.TrueForAll(static watcher => watcher.IsCaughtUp);

    /// <inheritdoc />
    public void Start()
    {
        for (var i = 0; i < _shape.Clients; i++)
        {
            var worker = new Worker(this, NewClient(), i);
            _workers.Add(worker);
            worker.Loop.Rest();
        }

        var shards = _cluster.Directory.ShardsOf(_space).ToArray();
        for (var i = 0; i < _shape.Watchers; i++)
        {
            var watcher = new RowsWatcher(_cluster, NewClient(), _prng.Pick(shards).Id, _recorder);
            _watchers.Add(watcher);
            watcher.Start();
        }
    }

    /// <inheritdoc />
    public void Stop() => _workers.ForEach(worker => worker.Loop.Stop());

    /// <inheritdoc />
    public string DescribeLag() => string.Join("; ", _watchers);

    /// <inheritdoc />
    /// <remarks>Partitions that the history does not look at.</remarks>
    public void Probe(SimNode through, Action<string?> done) =>
        WorkloadRows.Probe(_cluster, _space, NewClient(), through, _recorder.NewNumber, done);

    /// <inheritdoc />
    public void ReadEverything(Action done)
    {
        var client = NewClient();
        client.BePatient();
        ProvingCalls.ReadAll(
            [
                .. _partitions.Select(partition => new LastRead(
                    partition, ended => _recorder.Read(
                        client, RowsRecorder.LastReader, partition, ClusteringRange.All, WorkloadRows.All, ended))),
                .. _workers.Select(worker => new LastRead(
                    worker.OwnPartition,
                    ended => _recorder.Read(
                        client, RowsRecorder.LastReader, worker.OwnPartition, ClusteringRange.All, WorkloadRows.Names, ended))),
                .. _recorder.Counters.Names.Select(counter => new LastRead(
                    counter, ended => _recorder.ReadCounter(client, counter, ended))),
            ],
            done);
    }

    /// <inheritdoc />
    /// <remarks>Counters are checked by every read of one, the last included.</remarks>
    public void CheckTheRest() => _watchers.ForEach(static watcher => watcher.Check());

    private SimClient NewClient() => _shape.NewClient(_cluster);

    private sealed class Worker
    {
        private readonly RowsWorkload _owner;
        private readonly SimClient _client;
        private readonly int _number;
        private readonly Prng _prng;

        public Worker(RowsWorkload owner, SimClient client, int number)
        {
            _owner = owner;
            _client = client;
            _number = number;
            _prng = owner._prng.Fork();
            Loop = new ClientLoop(owner._cluster, client, number, _prng, owner._shape.ThinkMax) { Choices = Choices };
        }

        public ClientLoop Loop { get; }

        /// <summary>Rows that nobody else writes, so that timestamps which the client gives grow as its writes follow each other.</summary>
        public string OwnPartition => $"{RowsRecorder.OwnPrefix}{_number}";

        private RowsRecorder Recorder => _owner._recorder;

        private (int Weight, Action Do)[] Choices()
        {
            var shape = _owner._shape;
            return
            [
                (shape.Gets, () => ReadRow(_prng.Pick(_owner._partitions))),
                (shape.Puts, () => WriteOne(StepKind.Put, isConditional: false)),
                (shape.CompareAndSets, () => WriteOne(_prng.Chance(800_000) ? StepKind.Put : StepKind.BlindDelete, isConditional: true)),
                (shape.Deletes, Delete),
                (shape.Batches, Batch),
                (shape.Scans + 2, () => ReadPartition(_prng.Pick(_owner._partitions), WorkloadRows.All)),
                (10, () => Recorder.Increment(_client, Counter(), _prng.NextInt(1, 1_000), Loop.Rest)),
                (5, () => Recorder.ReadCounter(_client, Counter(), _ => Loop.Rest())),
                (8, FastClock),
                (shape.ExpiringPuts, () => Recorder.ExpiringPut(_client, $"t{_prng.NextInt(0, 9)}", _prng.NextInt(1, 20), Loop.Rest)),
            ];
        }

        private string Counter() => _prng.Chance(500_000) ? SharedCounter : $"counter{_number}";

        private int ValueBytes() => _owner._shape.DrawValueBytes(_prng);

        private void ReadRow(string partition)
        {
            var row = _prng.Pick(WorkloadRows.Names);
            Recorder.Read(_client, _number, partition, ClusteringRange.Of(RowsRequests.Bytes(row)), [row], _ => Loop.Rest());
        }

        private void ReadPartition(string partition, string[] rows) =>
            Recorder.Read(_client, _number, partition, ClusteringRange.All, rows, _ => Loop.Rest());

        private void WriteOne(StepKind kind, bool isConditional)
        {
            var partition = _prng.Pick(_owner._partitions);
            Recorder.Write(_client, _number, partition, [StepOn(partition, WorkloadRows.Draw(_prng), kind, isConditional)], Loop.Rest);
        }

        private void Delete()
        {
            var partition = _prng.Pick(_owner._partitions);
            switch (_prng.NextInt(0, 3))
            {
                case 0:
                    Recorder.DeleteMany(_client, _number, partition, RowOperation.DeletePartition(), WorkloadRows.All, Loop.Rest);
                    break;
                case 1:
                    var (range, covered) = WorkloadRows.DrawRange(_prng);
                    Recorder.DeleteMany(
                        _client, _number, partition, RowOperation.DeleteRange(range), covered, Loop.Rest);
                    break;
                default:
                    WriteOne(StepKind.BlindDelete, isConditional: false);
                    break;
            }
        }

        private void Batch()
        {
            var partition = _prng.Pick(_owner._partitions);
            var rows = WorkloadRows.InAnyOrder(_prng);
            var steps = rows.Take(_prng.NextInt(2, rows.Length)).Select(row => StepOn(
                partition, row, _prng.Chance(200_000) ? StepKind.BlindDelete : StepKind.Put, isConditional: _prng.Chance(200_000)));
            Recorder.Write(_client, _number, partition, [.. steps], Loop.Rest);
        }

        // A client whose clock is an hour ahead, and later writes without a timestamp that must not lose to it.
        private void FastClock()
        {
            var row = _prng.Pick(WorkloadRows.Names);
            switch (_prng.NextInt(0, 4))
            {
                case 0 or 1:
                    var ahead = Recorder.NextAheadMicros();
                    Recorder.Write(
                        _client, _number, OwnPartition, [new RowStep(StepKind.Put, row, ValueBytes(), TimestampMicros: ahead)], Loop.Rest);
                    break;
                case 2:
                    Recorder.Write(_client, _number, OwnPartition, [new RowStep(StepKind.Put, row, ValueBytes())], Loop.Rest);
                    break;
                case 3:
                    Recorder.DeleteMany(
                        _client, _number, OwnPartition, RowOperation.DeleteRange(ClusteringRange.All), WorkloadRows.Names, Loop.Rest);
                    break;
                default:
                    ReadPartition(OwnPartition, WorkloadRows.Names);
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
