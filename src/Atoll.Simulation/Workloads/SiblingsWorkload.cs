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
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;

namespace Atoll.Simulation.Workloads;

/// <summary>
/// Clients of records that keep siblings, through any nodes and at any consistency level: gets; puts and deletions with the context of a
/// get, fresh or old, or with none; scans. No write is lost that nobody had read when they wrote.
/// </summary>
public sealed class SiblingsWorkload : IWorkload
{
    private readonly SimCluster _cluster;
    private readonly SpaceId _space;
    private readonly WorkloadShape _shape;
    private readonly Prng _prng;
    private readonly SiblingsChecker _checker;
    private readonly ShardInfo[] _shards;
    private readonly string[] _keys;
    private readonly List<Worker> _workers = [];
    private readonly int _replicas;
    private long _numbers;
    private bool _isConverged;

    /// <summary>A workload on a space that exists.</summary>
    internal SiblingsWorkload(SimCluster cluster, SpaceId space, SiblingsChecker checker, WorkloadShape shape, Prng prng)
    {
        _cluster = cluster;
        _space = space;
        _checker = checker;
        _shape = shape;
        _prng = prng;
        _shards = [.. cluster.Directory.ShardsOf(space)];
        _replicas = _shards[0].Replicas.Length;
        _keys = [.. Enumerable.Range(0, Math.Clamp(shape.Keys, 2, 8)).Select(i => $"k{i:00}")];
    }

    /// <inheritdoc />
    public History History { get; } = new();

    /// <inheritdoc />
    public long Succeeded { get; private set; }

    /// <inheritdoc />
    public int Busy => _workers.Count(static worker => worker.Loop.IsBusy);

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
    public void Stop() => _workers.ForEach(static worker => worker.Loop.Stop());

    /// <inheritdoc />
    public string DescribeLag() => "";

    /// <inheritdoc />
    public void Probe(SimNode through, Action<string?> done) => ProvingCalls.Probe(
        _cluster,
        _space,
        NewClient(),
        through,
        (shard, position) => RecordsRequests.PutSibling(
            _space,
            ProvingCalls.KeyIn(
                shard, $"probe{through.Id}-{position}-", static key => StableHash.Compute(Encoding.UTF8.GetBytes(key))),
            default,
            NumberedValue.Make(++_numbers, 8)),
        done);

    /// <inheritdoc />
    /// <remarks>What all replicas together have, and each by itself.</remarks>
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
            reads.AddRange(_keys.Select(key =>
                new LastRead(key, ended => Get(client, key, level, (result, _) => ended(result)))));
        }

        ProvingCalls.ReadAll(reads, done);
    }

    /// <inheritdoc />
    public void CheckTheRest()
    {
        // Every read is checked when it ends.
    }

    private static Request At(Request request, ConsistencyLevel level) => request with { Consistency = new RequestConsistency(level) };

    private static HashSet<long> NumbersIn(RecordSiblings siblings) =>
        [.. siblings.Values.Select(static sibling => NumberedValue.Read(sibling.Value.Span))];

    private int CopiesOf(ConsistencyLevel level) => level switch
    {
        ConsistencyLevel.All => _replicas,
        ConsistencyLevel.Quorum => (_replicas / 2) + 1,
        ConsistencyLevel.Any => 0,
        _ => 1,
    };

    private SimClient NewClient()
    {
        var client = _cluster.NewClient();
        client.AttemptTimeout = _shape.AttemptTimeout;
        client.Patience = _shape.Patience;
        return client;
    }

    private bool EndsWell(CallResult result)
    {
        var isSuccess = ProvingCalls.IsSuccess(result);
        Succeeded += isSuccess ? 1 : 0;
        return isSuccess;
    }

    private void Get(SimClient client, string key, ConsistencyLevel level, Action<CallResult, RecordSiblings?> done)
    {
        var least = _checker.Least(key, _isConverged ? _replicas : CopiesOf(level));
        client.Call(At(RecordsRequests.Get(_space, key), level), result =>
        {
            RecordSiblings? siblings = null;
            if (EndsWell(result))
            {
                if (!RecordsResultCodec.TryReadGet(result.Response.Body, out var get))
                {
                    throw new SafetyViolationException($"a get has an answer that cannot be read ({get.Status}: {get.Detail})");
                }

                siblings = get.Status == RecordsStatus.Ok ? SiblingsOf(get.Value) : RecordSiblings.None;
                _checker.Check(key, least, NumbersIn(siblings), $"client {client.Id:x}, at {level},");
            }

            done(result, siblings);
        });
    }

    private void Write(
        SimClient client, string key, ReadOnlyMemory<byte> context, IReadOnlySet<long> seen, int bytes, ConsistencyLevel level, Action done)
    {
        var number = bytes == 0 ? 0 : ++_numbers;
        var attempt = _checker.Invoke(key, number, seen);
        var request = RecordsRequests.PutSibling(_space, key, context, number == 0 ? null : NumberedValue.Make(number, bytes));
        client.Call(At(request, level), result =>
        {
            if (result.Response.Status == ResponseStatus.TooLarge
                && result.Response.Detail?.Contains("siblings", StringComparison.Ordinal) == true)
            {
                attempt.IsRefused = !result.MayHaveTakenEffect && result.Attempts == 1;
            }
            else if (EndsWell(result))
            {
                if (!RecordsResultCodec.TryReadWrite(result.Response.Body, out var write) || write.Status != RecordsStatus.Ok)
                {
                    throw new SafetyViolationException($"a valid command was answered {write.Status}: {write.Detail}");
                }

                attempt.Copies = CopiesOf(level);
            }
            else
            {
                attempt.IsRefused = !result.MayHaveTakenEffect;
            }

            done();
        });
    }

    // Page by page, in either direction; what is between two rows is not there.
    private void Scan(SimClient client, ShardInfo shard, ConsistencyLevel level, int pageRows, bool reverse, Action done)
    {
        var keys = _keys.Where(key => shard.Holds(StableHash.Compute(Encoding.UTF8.GetBytes(key)))).ToArray();
        var least = keys.ToDictionary(key => key, key => _checker.Least(key, CopiesOf(level)), StringComparer.Ordinal);
        var found = new Dictionary<string, HashSet<long>>(StringComparer.Ordinal);
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
                    found.Add(Encoding.UTF8.GetString(row.Key.Span), NumbersIn(SiblingsOf(row.Value)));
                }

                if (page.More)
                {
                    NextPage(page.ResumeAfter);
                    return;
                }

                foreach (var key in keys)
                {
                    _checker.Check(
                        key, least[key], found.TryGetValue(key, out var seen) ? seen : [],
                        $"client {client.Id:x}, in a scan at {level},");
                }

                done();
            });
        }
    }

    private static RecordSiblings SiblingsOf(ReadOnlyMemory<byte> value) => RecordSiblings.TryRead(value, out var siblings)
        ? siblings : throw new SafetyViolationException("siblings were answered that cannot be read");

    private sealed class Worker
    {
        private readonly SiblingsWorkload _owner;
        private readonly SimClient _client;
        private readonly Prng _prng;

        // What it has read of a record: perhaps long ago.
        private readonly Dictionary<string, (ReadOnlyMemory<byte> Context, HashSet<long> Seen)> _read = new(StringComparer.Ordinal);

        public Worker(SiblingsWorkload owner, int number)
        {
            _owner = owner;
            _prng = owner._prng.Fork();
            _client = owner.NewClient();
            Loop = new ClientLoop(owner._cluster, _client, number, _prng, owner._shape.ThinkMax) { Choices = Choices };
        }

        public ClientLoop Loop { get; }

        private (int Weight, Action Do)[] Choices() =>
        [
            (20, () => Read(Key(), Loop.Rest)),
            (10, () => _owner.Scan(
                _client, _prng.Pick(_owner._shards), Level(isRead: true), _prng.Pick([0, 1, 3]), _prng.Chance(500_000), Loop.Rest)),
            (40, Update),
            (12, () => WriteWithOld(ValueBytes())),
            (6, () => _owner.Write(_client, Key(), default, new HashSet<long>(), ValueBytes(), Level(), Loop.Rest)),
            (5, () => WriteWithOld(0)),
        ];

        private string Key() => _prng.Pick(_owner._keys);

        private void Update()
        {
            var key = Key();
            Read(key, () => WriteAfter(key, _prng.Chance(850_000) ? ValueBytes() : 0));
        }

        private void WriteWithOld(int bytes) => WriteAfter(Key(), bytes);

        private void WriteAfter(string key, int bytes)
        {
            if (!_read.TryGetValue(key, out var read) || (bytes == 0 && read.Context.IsEmpty))
            {
                Loop.Rest();
                return;
            }

            _owner.Write(_client, key, read.Context, read.Seen, bytes, Level(), Loop.Rest);
        }

        private void Read(string key, Action done) => _owner.Get(_client, key, Level(isRead: true), (_, siblings) =>
        {
            if (siblings is not null)
            {
                _read[key] = (siblings.Context.ToArray(), NumbersIn(siblings));
            }

            done();
        });

        private int ValueBytes() => _prng.NextInt(NumberedValue.BytesMin, _owner._shape.ValueBytesMax);

        private ConsistencyLevel Level(bool isRead = false) => _prng.Pick(
        [
            ConsistencyLevel.Quorum, ConsistencyLevel.Quorum, ConsistencyLevel.Quorum, ConsistencyLevel.One,
            isRead ? ConsistencyLevel.Quorum : ConsistencyLevel.Any, ConsistencyLevel.All,
        ]);
    }
}
