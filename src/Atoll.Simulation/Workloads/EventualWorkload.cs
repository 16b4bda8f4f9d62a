using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.StateMachines.Rows;

namespace Atoll.Simulation.Workloads;

/// <summary>
/// Clients of an eventual space's rows, through any nodes and at any consistency level: cells, rows, ranges, partitions, values that
/// expire, counters, conditional writes and SERIAL reads, with timestamps of coordinators, of clients, and of clients whose clocks are
/// wrong. The numbers of the shape mean what they mean for rows.
/// </summary>
public sealed class EventualWorkload : IWorkload
{
    // Timestamps that clients give differ by who gave them.
    private const int TimestampStep = 64;
    private const int OwnRowsMax = 40;
    private const int SkewMilliseconds = 7_200_000;

    private static readonly string[] ConditionalPartitions = ["if0", "if1"];

    private readonly SimCluster _cluster;
    private readonly SpaceId _space;
    private readonly WorkloadShape _shape;
    private readonly Prng _prng;
    private readonly EventualRecorder _recorder;
    private readonly RowsRecorder _conditional;
    private readonly string[] _partitions;

    // With one replica a hint is often all that there is of a write: then most writes are such.
    private readonly bool _leansOnHints;
    private readonly List<Worker> _workers = [];

    /// <summary>A workload on a space that exists.</summary>
    public EventualWorkload(SimCluster cluster, SpaceId space, int replicas, WorkloadShape shape, Prng prng)
    {
        _cluster = cluster;
        _space = space;
        _shape = shape;
        _leansOnHints = replicas == 1;
        _prng = prng;
        _recorder = new EventualRecorder(space, replicas);
        _conditional = new RowsRecorder(cluster, space, RowsMutation.GraceSecondsDefault)
        {
            Consistency = new RequestConsistency(
                prng.Pick([ConsistencyLevel.Any, ConsistencyLevel.One, ConsistencyLevel.Quorum, ConsistencyLevel.Quorum]),
                SerialLevel.Serial),
        };
        _partitions = [.. Enumerable.Range(0, Math.Max(3, shape.Keys / 4)).Select(i => $"p{i}")];
    }

    private enum TimestampKind
    {
        Coordinators,
        Clients,
        Mixed,
    }

    /// <inheritdoc />
    public History History => _conditional.History;

    /// <inheritdoc />
    public long Succeeded => _recorder.Succeeded + _conditional.Succeeded;

    /// <inheritdoc />
    public int Busy => _workers.Count(worker => worker.Loop.IsBusy);

    /// <inheritdoc />
    public bool IsCaughtUp => true;

    /// <inheritdoc />
    public void Start()
    {
        for (var i = 0; i < _shape.Clients; i++)
        {
            var worker = new Worker(this, i);
            _workers.Add(worker);
            worker.Loop.Rest();
        }
    }

    /// <inheritdoc />
    public void Stop() => _workers.ForEach(worker => worker.Loop.Stop());

    /// <inheritdoc />
    public string DescribeLag() => "";

    /// <inheritdoc />
    /// <remarks>At QUORUM, into partitions that no checker looks at.</remarks>
    public void Probe(SimNode through, Action<string?> done) =>
        WorkloadRows.Probe(_cluster, _space, NewClient(), through, _recorder.NewNumber, done);

    /// <inheritdoc />
    /// <remarks>
    /// What all replicas together have, and each by itself: all that was ever acknowledged, and nothing that was deleted.
    /// </remarks>
    public void ReadEverything(Action done)
    {
        // A hint that is all that there is of a write at ANY is lost with its disk; else the horizon has waited for it.
        _recorder.Converged(_cluster.Nodes.Any(static node => node.IsExpendable) ? HybridTime.Zero : _cluster.MendedAt);
        var reads = new List<LastRead>();
        foreach (var node in _cluster.Nodes.Where(node => node.IsReady).Prepend(null))
        {
            var client = NewClient();
            client.BePatient();
            client.Home = node;
            var level = node is null ? ConsistencyLevel.All : ConsistencyLevel.One;
            reads.AddRange(_partitions.Select(partition => new LastRead(partition, ended =>
                _recorder.Read(client, partition, ClusteringRange.All, WorkloadRows.All, level, 0, (result, _) => ended(result)))));
            reads.AddRange(_workers.Select(worker => new LastRead(worker.OwnPartition, ended => _recorder.Read(
                client, worker.OwnPartition, ClusteringRange.All, worker.OwnRows, level, 0, (result, _) => ended(result)))));
            reads.AddRange(_recorder.Counters.Names.Select(counter => new LastRead(counter, ended =>
                _recorder.ReadCounter(client, counter, level, ended))));
            reads.AddRange(ConditionalPartitions.Select(partition => new LastRead(partition, ended =>
                _conditional.Read(
                    client, RowsRecorder.LastReader, partition, ClusteringRange.All, WorkloadRows.All, ended))));
        }

        ProvingCalls.ReadAll(reads, done);
    }

    /// <inheritdoc />
    /// <remarks>Cells and counters are checked by every read of one, the last included.</remarks>
    public void CheckTheRest()
    {
        // Nobody follows rows.
    }

    private SimClient NewClient() => _shape.NewClient(_cluster);

    private sealed class Worker
    {
        private readonly EventualWorkload _owner;
        private readonly SimClient _client;
        private readonly SimClient _onceClient;
        private readonly int _number;
        private readonly Prng _prng;
        private readonly Duration _skew;
        private readonly TimestampKind _ownKind;
        private readonly Queue<string> _ownLive = [];
        private long _lastMicros;
        private int _counterRound;
        private int _sharedRound;

        public Worker(EventualWorkload owner, int number)
        {
            _owner = owner;
            _number = number;
            _prng = owner._prng.Fork();
            _client = owner.NewClient();
            _onceClient = owner.NewClient();
            _onceClient.RetriesUnknownOutcomes = false;
            _skew = Duration.FromMilliseconds(_prng.NextInt(-SkewMilliseconds, SkewMilliseconds));
            _ownKind = _prng.Pick([TimestampKind.Coordinators, TimestampKind.Clients]);
            Loop = new ClientLoop(owner._cluster, _client, number, _prng, owner._shape.ThinkMax) { Choices = Choices };
        }

        public ClientLoop Loop { get; }

        /// <summary>Rows that only this client writes, once, and deletes, once.</summary>
        public string OwnPartition => $"own{_number}";

        public List<string> OwnRows { get; } = [];

        private EventualRecorder Recorder => _owner._recorder;

        private (int Weight, Action Do)[] Choices()
        {
            var shape = _owner._shape;
            return
            [
                (shape.Gets, ReadRow),
                (shape.Scans + 5, ReadPartition),
                (shape.Puts / 2, () => WriteParts(whole: true)),
                (shape.Puts / 2, () => WriteParts(whole: false)),
                (shape.Batches, Batch),
                (shape.Deletes + 3, Delete),
                (12, Own),
                (8, ReadThenWrite),
                (10, Increment),
                (5, ReadCounter),
                (shape.CompareAndSets + 5, Conditional),
                ((shape.CompareAndSets / 2) + 5, ReadConditional),
                (shape.ExpiringPuts, () => Recorder.ExpiringPut(
                    _client, $"t{_prng.NextInt(0, 9)}", _prng.NextInt(1, 20), WriteLevel(), ReadLevel(), Loop.Rest)),
            ];
        }

        private static TimestampKind KindOf(string partition) => (TimestampKind)((partition[^1] - '0') % 3);

        private int ValueBytes() => _owner._shape.DrawValueBytes(_prng);

        private ConsistencyLevel ReadLevel() => _prng.NextInt(0, 99) switch
        {
            < 60 => ConsistencyLevel.Quorum,
            < 75 => ConsistencyLevel.One,
            < 80 => ConsistencyLevel.LocalOne,
            < 90 => ConsistencyLevel.LocalQuorum,
            _ => ConsistencyLevel.All,
        };

        private ConsistencyLevel WriteLevel() => _prng.NextInt(0, 99) switch
        {
            < 60 when _owner._leansOnHints => ConsistencyLevel.Any,
            < 60 => ConsistencyLevel.Quorum,
            < 70 => ConsistencyLevel.One,
            < 75 => ConsistencyLevel.LocalOne,
            < 80 => ConsistencyLevel.Any,
            < 90 => ConsistencyLevel.LocalQuorum,
            < 95 => ConsistencyLevel.EachQuorum,
            _ => ConsistencyLevel.All,
        };

        private long? TimestampFor(TimestampKind kind) => kind switch
        {
            TimestampKind.Coordinators => null,
            TimestampKind.Clients => ClientMicros(Duration.Zero),
            _ when _prng.Chance(300_000) => null,
            _ => ClientMicros(_prng.Chance(300_000) ? _skew : Duration.Zero),
        };

        private long ClientMicros(Duration skew)
        {
            // Wrong clocks make no clock of their own: the next right one is right again.
            var micros = (_client.Clock.WallTime + skew).Milliseconds * 1000 / TimestampStep * TimestampStep;
            if (skew == Duration.Zero)
            {
                _lastMicros = Math.Max(_lastMicros + TimestampStep, micros);
                return _lastMicros + _number;
            }

            return micros + _number + (TimestampStep / 2);
        }

        private void ReadRow()
        {
            var (partition, row) = (_prng.Pick(_owner._partitions), _prng.Pick(WorkloadRows.Names));
            Recorder.Read(
                _client, partition, ClusteringRange.Of(RowsRequests.Bytes(row)), [row], ReadLevel(), 0, (_, _) => Loop.Rest());
        }

        private void ReadPartition() => Recorder.Read(
            _client,
            _prng.Pick(_owner._partitions),
            ClusteringRange.All,
            WorkloadRows.All,
            ReadLevel(),
            _prng.NextInt(0, 2),
            (_, _) => Loop.Rest());

        private void WriteParts(bool whole)
        {
            var (partition, row) = (_prng.Pick(_owner._partitions), WorkloadRows.Draw(_prng));
            Write(partition, [whole ? Recorder.WriteRow(partition, row, ValueBytes()) : Recorder.WriteCell(partition, row, ValueBytes())]);
        }

        private void Write(string partition, IReadOnlyList<EventualPart> parts) => Recorder.Write(
            _client, partition, parts, WriteLevel(), TimestampFor(KindOf(partition)), _ => Loop.Rest());

        private void Batch()
        {
            var partition = _prng.Pick(_owner._partitions);
            var rows = WorkloadRows.InAnyOrder(_prng);
            Write(partition,
            [
                .. rows.Take(_prng.NextInt(2, rows.Length)).Select(row => _prng.NextInt(0, 3) switch
                {
                    0 => EventualRecorder.DeleteRow(partition, row),
                    1 => Recorder.WriteCell(partition, row, ValueBytes()),
                    _ => Recorder.WriteRow(partition, row, ValueBytes()),
                }),
            ]);
        }

        private void Delete()
        {
            var partition = _prng.Pick(_owner._partitions);
            switch (_prng.NextInt(0, 4))
            {
                case 0:
                    Write(partition, [EventualRecorder.DeleteMany(partition, RowOperation.DeletePartition(), WorkloadRows.All)]);
                    break;
                case 1:
                    var (range, covered) = WorkloadRows.DrawRange(_prng);
                    Write(
                        partition,
                        [EventualRecorder.DeleteMany(partition, RowOperation.DeleteRange(range), covered)]);
                    break;
                case 2:
                    Write(partition, [EventualRecorder.DeleteCell(partition, WorkloadRows.Draw(_prng))]);
                    break;
                default:
                    Write(partition, [EventualRecorder.DeleteRow(partition, WorkloadRows.Draw(_prng))]);
                    break;
            }
        }

        // Rows that are written once, deleted once, and must then never be seen again.
        private void Own()
        {
            var choice = _prng.NextInt(0, 2);
            if (choice == 0 && OwnRows.Count < OwnRowsMax)
            {
                var row = $"r{OwnRows.Count:00}";
                OwnRows.Add(row);
                _ownLive.Enqueue(row);
                WriteOwn(Recorder.WriteRow(OwnPartition, row, ValueBytes()));
            }
            else if (choice == 1 && _ownLive.Count > 0)
            {
                WriteOwn(EventualRecorder.DeleteRow(OwnPartition, _ownLive.Dequeue()));
            }
            else
            {
                Recorder.Read(
                    _client, OwnPartition, ClusteringRange.All, [.. OwnRows], ReadLevel(), _prng.Pick([0, 1, 3]), (_, _) => Loop.Rest());
            }
        }

        private void WriteOwn(EventualPart part) => Recorder.Write(
            _client, OwnPartition, [part], WriteLevel(), TimestampFor(_ownKind), _ => Loop.Rest());

        // Museum, row 23: what a node has shown does not hide what it is told to write after that, whatever the clocks show.
        private void ReadThenWrite()
        {
            var partition = _prng.Pick([.. _owner._partitions.Where(p => KindOf(p) == TimestampKind.Coordinators)]);
            var row = _prng.Pick(WorkloadRows.Names);
            var node = _prng.Pick(_owner._cluster.Nodes);
            var life = node.Loop();
            _client.Home = node;
            Recorder.Read(
                _client,
                partition,
                ClusteringRange.Of(RowsRequests.Bytes(row)),
                [row],
                ConsistencyLevel.Quorum,
                0,
                (read, seenMicros) => Recorder.Write(
                    _client, partition, [Recorder.WriteRow(partition, row, ValueBytes())], ConsistencyLevel.Quorum, null, writtenMicros =>
                    {
                        _client.Home = null;
                        if (writtenMicros is { } written && life is not null && life == node.Loop()
                            && _owner._cluster.Shape.LoopsPerNode == 1)
                        {
                            EventualRecorder.CheckLater(seenMicros, written, node);
                        }

                        Loop.Rest();
                    }));
        }

        private string OwnCounter() => $"counter{_number}-{_counterRound}";

        private string SharedCounter() => $"shared-{_sharedRound}";

        private void Increment()
        {
            var isShared = _prng.Chance(500_000);
            while (!Recorder.TryIncrement(_client, isShared ? SharedCounter() : OwnCounter(), WriteLevel(), Loop.Rest))
            {
                _counterRound += isShared ? 0 : 1;
                _sharedRound += isShared ? 1 : 0;
            }
        }

        private void ReadCounter() => Recorder.ReadCounter(
            _client, _prng.Chance(500_000) ? SharedCounter() : OwnCounter(), ReadLevel(), _ => Loop.Rest());

        private void Conditional()
        {
            var partition = _prng.Pick(ConditionalPartitions);
            var rows = WorkloadRows.InAnyOrder(_prng);
            var steps = new List<RowStep>();
            foreach (var row in rows.Take(_prng.Pick([1, 1, 1, 2, 4])))
            {
                // The first has a condition: without one, a write goes by timestamps.
                var isConditional = steps.Count == 0 || _prng.Chance(200_000);
                long? expected = !isConditional ? null
                    : _prng.Chance(100_000) ? 0 : _owner._conditional.LastValueSeen(partition, row);
                var isPut = _prng.Chance(800_000);
                steps.Add(new RowStep(isPut ? StepKind.Put : StepKind.BlindDelete, row, isPut ? ValueBytes() : 0, expected));
            }

            _owner._conditional.Write(_onceClient, _number, partition, steps, Loop.Rest);
        }

        private void ReadConditional()
        {
            var partition = _prng.Pick(ConditionalPartitions);
            var rows = _prng.Chance(500_000) ? WorkloadRows.All : [_prng.Pick(WorkloadRows.Names)];
            var range = rows.Length == 1 ? ClusteringRange.Of(RowsRequests.Bytes(rows[0])) : ClusteringRange.All;
            _owner._conditional.Read(_client, _number, partition, range, rows, _ => Loop.Rest());
        }
    }
}
