using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;

namespace Atoll.Simulation.Workloads;

/// <summary>
/// Clients of an eventual space's records, through any nodes and at any consistency level: puts, deletes, gets and scans by last write
/// wins; records that are written once and deleted once; others with conditions and SERIAL reads; watches. The numbers of the shape mean
/// what they mean for records.
/// </summary>
public sealed class EventualRecordsWorkload : IWorkload
{
    private const int OwnKeysMax = 40;

    // A watch may begin when all replicas of its shard are away, and then it does so at the end.
    private static readonly Duration WatchesBeginMax = Duration.FromSeconds(2);

    private static readonly string[] ConditionalKeys = ["if0", "if1", "if2"];

    private readonly SimCluster _cluster;
    private readonly SpaceId _space;
    private readonly WorkloadShape _shape;
    private readonly Prng _prng;
    private readonly CellChecker _cells;
    private readonly RecordsRecorder _conditional;
    private readonly ShardInfo[] _shards;
    private readonly string[] _keys;
    private readonly List<Worker> _workers = [];
    private readonly List<EventualWatcher> _watchers = [];

    // What the last reads showed.
    private readonly SortedDictionary<string, HybridTime> _last = new(StringComparer.Ordinal);
    private readonly int _replicas;
    private bool _isConverged;
    private long _succeeded;

    /// <summary>A workload on a space that exists.</summary>
    public EventualRecordsWorkload(SimCluster cluster, SpaceId space, int replicas, WorkloadShape shape, Prng prng)
    {
        _cluster = cluster;
        _space = space;
        _replicas = replicas;
        _shape = shape;
        _prng = prng;
        _cells = new CellChecker(replicas);
        _shards = [.. cluster.Directory.ShardsOf(space)];
        _keys = [.. Enumerable.Range(0, Math.Max(4, shape.Keys)).Select(i => $"k{i:00}")];
        _conditional = new RecordsRecorder(cluster, space)
        {
            Consistency = new RequestConsistency(
                prng.Pick([ConsistencyLevel.Any, ConsistencyLevel.One, ConsistencyLevel.Quorum, ConsistencyLevel.Quorum]),
                SerialLevel.Serial),
        };
    }

    /// <inheritdoc />
    public History History => _conditional.History;

    /// <inheritdoc />
    public long Succeeded => _succeeded + _conditional.Succeeded;

    /// <inheritdoc />
    public int Busy => _workers.Count(worker => worker.Loop.IsBusy) + _watchers.Count(static watcher => watcher.IsBusy);

    /// <inheritdoc />
    public bool IsCaughtUp => true;

    /// <inheritdoc />
    /// <remarks>Watchers first: they must be told of everything that is written then. One that cannot begin is not waited for.</remarks>
    public void Start()
    {
        foreach (var shard in _shards)
        {
            var watcher = new EventualWatcher(NewClient(), shard.Id, _prng.Chance(500_000) ? "k" : "");
            _watchers.Add(watcher);
            watcher.Begin(() =>
            {
                if (_watchers.Count == _shards.Length && _watchers.TrueForAll(static other => other.HasBegun))
                {
                    StartWorkers();
                }
            });
        }

        _cluster.Scheduler.Schedule(WatchesBeginMax, StartWorkers);
    }

    /// <inheritdoc />
    public void Stop()
    {
        _workers.ForEach(static worker => worker.Loop.Stop());
        _watchers.ForEach(static watcher => watcher.Stop());
    }

    /// <inheritdoc />
    public string DescribeLag() => "";

    /// <inheritdoc />
    public void Probe(SimNode through, Action<string?> done) => ProvingCalls.Probe(
        _cluster,
        _space,
        NewClient(),
        through,
        (shard, position) => RecordsRequests.Put(
            _space,
            ProvingCalls.KeyIn(
                shard, $"probe{through.Id}-{position}-", static key => StableHash.Compute(Encoding.UTF8.GetBytes(key))),
            NumberedValue.Make(_conditional.NewNumber(), 8)),
        done);

    /// <inheritdoc />
    /// <remarks>
    /// What all replicas together have, and each by itself; and, last, what watchers are told of it: the hint of a write at ANY may
    /// come while the others are read.
    /// </remarks>
    public void ReadEverything(Action done)
    {
        _isConverged = true;
        var reads = new List<LastRead>();
        foreach (var node in _cluster.Nodes.Where(static node => node.IsReady).Prepend(null))
        {
            var client = NewClient();
            client.BePatient();
            client.Home = node;
            var level = node is null ? ConsistencyLevel.All : ConsistencyLevel.One;
            reads.AddRange(_keys.Concat(_workers.SelectMany(static worker => worker.OwnKeys)).Select(key =>
                new LastRead(key, ended => Get(client, key, level, ended))));
            reads.AddRange(ConditionalKeys.Select(key => new LastRead(key, ended => _conditional.Get(client, -1, key, ended))));
        }

        reads.AddRange(_watchers.Select(static watcher => new LastRead("the end of a watch", watcher.CatchUp)));
        ProvingCalls.ReadAll(reads, done);
    }

    /// <inheritdoc />
    /// <remarks>Every read is checked when it ends; watches are when they have.</remarks>
    public void CheckTheRest()
    {
        foreach (var (key, version) in _last)
        {
            _watchers.ForEach(watcher => watcher.Check(key, version, _shards));
        }
    }

    private static long MicrosOf(HybridTime version) => (version.UnixMilliseconds * 1000) + version.Logical;

    private static Request At(Request request, ConsistencyLevel level) => request with { Consistency = new RequestConsistency(level) };

    private int CopiesOf(ConsistencyLevel level) => level switch
    {
        ConsistencyLevel.All => _replicas,
        ConsistencyLevel.Quorum or ConsistencyLevel.LocalQuorum or ConsistencyLevel.EachQuorum => (_replicas / 2) + 1,
        ConsistencyLevel.Any => 0,
        _ => 1,
    };

    private void StartWorkers()
    {
        if (_workers.Count > 0)
        {
            return;
        }

        foreach (var watcher in _watchers.Where(static watcher => !watcher.HasBegun))
        {
            watcher.Misses();
        }

        for (var i = 0; i < _shape.Clients; i++)
        {
            var worker = new Worker(this, i);
            _workers.Add(worker);
            worker.Loop.Rest();
        }
    }

    private SimClient NewClient() => _shape.NewClient(_cluster);

    private bool EndsWell(CallResult result)
    {
        var isSuccess = ProvingCalls.IsSuccess(result);
        _succeeded += isSuccess ? 1 : 0;
        return isSuccess;
    }

    private void Write(SimClient client, string key, int bytes, ConsistencyLevel level, Action done)
    {
        // A number of 0 stands for a deletion.
        var number = bytes == 0 ? 0 : _conditional.NewNumber();
        var attempt = _cells.Invoke([key], number, null);
        var request = number == 0 ? RecordsRequests.Delete(_space, key) : RecordsRequests.Put(
            _space, key, NumberedValue.Make(number, bytes));
        client.Call(At(request, level), result =>
        {
            if (EndsWell(result))
            {
                if (!RecordsResultCodec.TryReadWrite(result.Response.Body, out var write) || write.Status != RecordsStatus.Ok)
                {
                    throw new SafetyViolationException($"a valid command was answered {write.Status}: {write.Detail}");
                }

                _cells.Acknowledge(attempt, CopiesOf(level), MicrosOf(write.Version), write.Version, isOnly: result.Attempts == 1);
            }
            else
            {
                attempt.IsRefused = !result.MayHaveTakenEffect;
            }

            done();
        });
    }

    private void Get(SimClient client, string key, ConsistencyLevel level, Action<CallResult> done)
    {
        var copies = CopiesOf(level);
        var least = _cells.Least(key, _isConverged ? _replicas : copies);
        client.Call(At(RecordsRequests.Get(_space, key), level), result =>
        {
            if (EndsWell(result))
            {
                if (!RecordsResultCodec.TryReadGet(result.Response.Body, out var get))
                {
                    throw new SafetyViolationException($"a get has an answer that cannot be read ({get.Status}: {get.Detail})");
                }

                SeenCell? seen = get.Status == RecordsStatus.Ok
                    ? new SeenCell(NumberedValue.Read(get.Value.Span), MicrosOf(get.Version)) : null;
                _cells.Check(key, copies, least, seen, $"client {client.Id:x}, at {level},");
                if (_isConverged && seen is not null && get.Version > _last.GetValueOrDefault(key))
                {
                    _last[key] = get.Version;
                }
            }

            done(result);
        });
    }

    // Page by page, in either direction; what is between two rows is not there.
    private void Scan(SimClient client, ShardInfo shard, ConsistencyLevel level, int pageRows, bool reverse, Action done)
    {
        var copies = CopiesOf(level);
        var keys = _keys.Where(key => shard.Holds(StableHash.Compute(Encoding.UTF8.GetBytes(key)))).ToArray();
        var least = keys.ToDictionary(key => key, key => _cells.Least(key, copies), StringComparer.Ordinal);
        var found = new Dictionary<string, SeenCell>(StringComparer.Ordinal);
        NextPage(default);

        void NextPage(ReadOnlyMemory<byte> after)
        {
            var writer = new WireWriter();
            RecordsQuery.WriteScan(writer, ScanQuery.OfPrefix("k"u8.ToArray()) with
            {
                After = after, RowsMax = pageRows, Reverse = reverse,
            });
            var request = new Request { Kind = RequestKind.Read, Shard = shard.Id, Payload = writer.ToArray() };
            client.Call(At(request, level), result =>
            {
                if (!EndsWell(result))
                {
                    done();
                    return;
                }

                if (!RecordsResultCodec.TryReadScan(result.Response.Body, out var page) || page.Status != RecordsStatus.Ok)
                {
                    throw new SafetyViolationException($"a scan has an answer that cannot be read ({page.Status}: {page.Detail})");
                }

                foreach (var row in page.Rows)
                {
                    found.Add(
                        Encoding.UTF8.GetString(row.Key.Span), new SeenCell(NumberedValue.Read(row.Value.Span), MicrosOf(row.Version)));
                }

                if (page.More)
                {
                    NextPage(page.ResumeAfter);
                    return;
                }

                foreach (var key in keys)
                {
                    _cells.Check(
                        key, copies, least[key], found.TryGetValue(key, out var seen) ? seen : null,
                        $"client {client.Id:x}, in a scan at {level},");
                }

                done();
            });
        }
    }

    private void ExpiringPut(
        SimClient client, string key, int timeToLiveMs, ConsistencyLevel level, ConsistencyLevel readLevel, Action done)
    {
        var value = NumberedValue.Make(_conditional.NewNumber(), 20);
        client.Call(At(RecordsRequests.Put(_space, key, value, timeToLiveMs: timeToLiveMs), level), _ =>
            client.Call(At(RecordsRequests.Get(_space, key), readLevel), result =>
            {
                if (EndsWell(result) && RecordsResultCodec.TryReadGet(result.Response.Body, out var get)
                    && get.Status == RecordsStatus.Ok && (get.ExpiresAt == HybridTime.Zero || get.ExpiresAt <= get.AsOf))
                {
                    throw new SafetyViolationException($"{key} was read at {get.AsOf} although it expired at {get.ExpiresAt}");
                }

                done();
            }));
    }

    private sealed class Worker
    {
        private readonly EventualRecordsWorkload _owner;
        private readonly SimClient _client;
        private readonly SimClient _onceClient;
        private readonly int _number;
        private readonly Prng _prng;
        private readonly Queue<string> _ownLive = [];

        public Worker(EventualRecordsWorkload owner, int number)
        {
            _owner = owner;
            _number = number;
            _prng = owner._prng.Fork();
            _client = owner.NewClient();
            _onceClient = owner.NewClient();
            _onceClient.RetriesUnknownOutcomes = false;
            Loop = new ClientLoop(owner._cluster, _client, number, _prng, owner._shape.ThinkMax) { Choices = Choices };
        }

        public ClientLoop Loop { get; }

        /// <summary>Records that only this client writes, once, and deletes, once.</summary>
        public List<string> OwnKeys { get; } = [];

        private (int Weight, Action Do)[] Choices()
        {
            var shape = _owner._shape;
            return
            [
                (shape.Gets, () => _owner.Get(_client, _prng.Pick(_owner._keys), ReadLevel(), _ => Loop.Rest())),
                (shape.Scans + 5, () => _owner.Scan(
                    _client, _prng.Pick(_owner._shards), ReadLevel(), _prng.Pick([0, 1, 3]), _prng.Chance(500_000), Loop.Rest)),
                (shape.Puts, () => _owner.Write(_client, _prng.Pick(_owner._keys), ValueBytes(), WriteLevel(), Loop.Rest)),
                (shape.Deletes + 3, () => _owner.Write(_client, _prng.Pick(_owner._keys), 0, WriteLevel(), Loop.Rest)),
                (12, Own),
                (shape.CompareAndSets + 5, Conditional),
                ((shape.CompareAndSets / 2) + 5, () => _owner._conditional.Get(
                    _client, _number, _prng.Pick(ConditionalKeys), _ => Loop.Rest())),
                (shape.ExpiringPuts, () => _owner.ExpiringPut(
                    _client, $"t{_prng.NextInt(0, 9)}", _prng.NextInt(1, 20_000), WriteLevel(), ReadLevel(), Loop.Rest)),
            ];
        }

        private int ValueBytes() => _owner._shape.DrawValueBytes(_prng);

        private ConsistencyLevel ReadLevel() => _prng.Pick(
        [
            ConsistencyLevel.Quorum, ConsistencyLevel.Quorum, ConsistencyLevel.Quorum, ConsistencyLevel.One, ConsistencyLevel.All,
        ]);

        private ConsistencyLevel WriteLevel() => _prng.Pick(
        [
            ConsistencyLevel.Quorum, ConsistencyLevel.Quorum, ConsistencyLevel.Quorum, ConsistencyLevel.One, ConsistencyLevel.Any,
            ConsistencyLevel.All,
        ]);

        private void Own()
        {
            var choice = _prng.NextInt(0, 2);
            if (choice == 0 && OwnKeys.Count < OwnKeysMax)
            {
                var key = $"own{_number}-{OwnKeys.Count:00}";
                OwnKeys.Add(key);
                _ownLive.Enqueue(key);
                _owner.Write(_client, key, ValueBytes(), WriteLevel(), Loop.Rest);
            }
            else if (choice == 1 && _ownLive.Count > 0)
            {
                _owner.Write(_client, _ownLive.Dequeue(), 0, WriteLevel(), Loop.Rest);
            }
            else
            {
                _owner.Get(
                    _client, OwnKeys.Count > 0 ? _prng.Pick(OwnKeys) : _owner._keys[0], ReadLevel(), _ => Loop.Rest());
            }
        }

        private void Conditional()
        {
            var key = _prng.Pick(ConditionalKeys);
            var expected = _prng.Chance(100_000) ? HybridTime.Zero : _owner._conditional.LastVersionSeen(key);
            if (expected == HybridTime.Zero || _prng.Chance(800_000))
            {
                _owner._conditional.Put(_onceClient, _number, key, ValueBytes(), expected, Loop.Rest);
            }
            else
            {
                _owner._conditional.Batch(_onceClient, _number, [(key, true, expected, 0)], Loop.Rest);
            }
        }
    }
}
