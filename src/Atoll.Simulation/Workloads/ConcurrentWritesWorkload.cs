using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
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
/// Clients of records of which concurrent writes are all kept, through any nodes and at any consistency level; each write has a number.
/// What they write with is their own: siblings, or elements.
/// </summary>
public abstract class ConcurrentWritesWorkload : IWorkload
{
    private readonly WorkloadShape _shape;
    private readonly ShardInfo[] _shards;
    private readonly List<ClientLoop> _loops = [];
    private readonly int _replicas;
    private bool _isConverged;

    private protected ConcurrentWritesWorkload(
        SimCluster cluster, SpaceId space, SiblingsChecker checker, WorkloadShape shape, Prng prng)
    {
        Cluster = cluster;
        Space = space;
        Checker = checker;
        _shape = shape;
        Prng = prng;
        _shards = [.. cluster.Directory.ShardsOf(space)];
        _replicas = _shards[0].Replicas.Length;
        Keys = [.. Enumerable.Range(0, Math.Clamp(shape.Keys, 2, 8)).Select(i => $"k{i:00}")];
    }

    /// <inheritdoc />
    public History History { get; } = new();

    /// <inheritdoc />
    public long Succeeded { get; private set; }

    /// <inheritdoc />
    public int Busy => _loops.Count(static loop => loop.IsBusy);

    /// <inheritdoc />
    public bool IsCaughtUp => true;

    private protected SimCluster Cluster { get; }

    private protected SpaceId Space { get; }

    private protected SiblingsChecker Checker { get; }

    private protected Prng Prng { get; }

    private protected string[] Keys { get; }

    private protected long Numbers { get; set; }

    private protected int ValueBytesMax => _shape.ValueBytesMax;

    /// <inheritdoc />
    public void Start()
    {
        for (var i = 0; i < _shape.Clients; i++)
        {
            var loop = NewLoop(i);
            _loops.Add(loop);
            loop.Rest();
        }
    }

    /// <inheritdoc />
    public void Stop() => _loops.ForEach(static loop => loop.Stop());

    /// <inheritdoc />
    public string DescribeLag() => "";

    /// <inheritdoc />
    public void Probe(SimNode through, Action<string?> done) => ProvingCalls.Probe(
        Cluster,
        Space,
        NewClient(),
        through,
        (shard, position) => ProbeOf(ProvingCalls.KeyIn(
            shard, $"probe{through.Id}-{position}-", static key => StableHash.Compute(Encoding.UTF8.GetBytes(key)))),
        done);

    /// <inheritdoc />
    /// <remarks>What all replicas together have, and each by itself.</remarks>
    public void ReadEverything(Action done)
    {
        _isConverged = true;
        var reads = new List<LastRead>();
        foreach (var node in Cluster.Nodes.Where(static node => node.IsReady).Prepend(null))
        {
            var client = NewClient();
            client.BePatient();
            client.Home = node;
            var level = node is null ? ConsistencyLevel.All : ConsistencyLevel.One;
            reads.AddRange(Keys.Select(key =>
                new LastRead(key, ended => Get(client, key, level, (result, _) => ended(result)))));
        }

        ProvingCalls.ReadAll(reads, done);
    }

    /// <inheritdoc />
    public void CheckTheRest()
    {
        // Every read is checked when it ends.
    }

    private protected abstract ClientLoop NewLoop(int number);

    private protected abstract Request ProbeOf(string key);

    /// <summary>The numbers of the writes that a record's value shows; empty bytes when there is no record.</summary>
    private protected abstract HashSet<long> NumbersIn(ReadOnlyMemory<byte> value);

    private protected static Request At(Request request, ConsistencyLevel level) =>
        request with { Consistency = new RequestConsistency(level) };

    private protected int CopiesOf(ConsistencyLevel level) => level switch
    {
        ConsistencyLevel.All => _replicas,
        ConsistencyLevel.Quorum => (_replicas / 2) + 1,
        ConsistencyLevel.Any => 0,
        _ => 1,
    };

    private protected static ConsistencyLevel DrawLevel(Prng prng, bool isRead) => prng.Pick(
    [
        ConsistencyLevel.Quorum, ConsistencyLevel.Quorum, ConsistencyLevel.Quorum, ConsistencyLevel.One,
        isRead ? ConsistencyLevel.Quorum : ConsistencyLevel.Any, ConsistencyLevel.All,
    ]);

    private protected SimClient NewClient() => _shape.NewClient(Cluster);

    private protected ClientLoop NewLoop(
        SimClient client, int number, Prng prng, Func<IReadOnlyList<(int Weight, Action Do)>> choices) =>
        new(Cluster, client, number, prng, _shape.ThinkMax) { Choices = choices };

    private protected bool EndsWell(CallResult result)
    {
        var isSuccess = ProvingCalls.IsSuccess(result);
        Succeeded += isSuccess ? 1 : 0;
        return isSuccess;
    }

    /// <summary>Reads a record; gives its value, empty when there is none, and null when the call failed.</summary>
    private protected void Get(SimClient client, string key, ConsistencyLevel level, Action<CallResult, ReadOnlyMemory<byte>?> done)
    {
        var least = Checker.Least(key, _isConverged ? _replicas : CopiesOf(level));
        client.Call(At(RecordsRequests.Get(Space, key), level), result =>
        {
            ReadOnlyMemory<byte>? value = null;
            if (EndsWell(result))
            {
                if (!RecordsResultCodec.TryReadGet(result.Response.Body, out var get))
                {
                    throw new SafetyViolationException($"a get has an answer that cannot be read ({get.Status}: {get.Detail})");
                }

                var found = get.Status == RecordsStatus.Ok ? get.Value : default;
                Checker.Check(key, least, NumbersIn(found), $"client {client.Id:x}, at {level},");
                value = found;
            }

            done(result, value);
        });
    }

    /// <summary>Writes; the attempts learn how it ended.</summary>
    private protected void Write(
        SimClient client, Request request, IReadOnlyList<SiblingAttempt> attempts, ConsistencyLevel level, Action done) =>
        client.Call(At(request, level), result =>
        {
            var isFull = result.Response.Status == ResponseStatus.TooLarge
                && result.Response.Detail?.Contains("siblings", StringComparison.Ordinal) == true;
            var isDone = !isFull && EndsWell(result);
            if (isDone && (!RecordsResultCodec.TryReadWrite(result.Response.Body, out var write) || write.Status != RecordsStatus.Ok))
            {
                throw new SafetyViolationException($"a valid command was answered {write.Status}: {write.Detail}");
            }

            foreach (var attempt in attempts)
            {
                attempt.Copies = isDone ? CopiesOf(level) : 0;
                attempt.IsRefused = !isDone && !result.MayHaveTakenEffect && (!isFull || result.Attempts == 1);
            }

            done();
        });

    /// <summary>Reads a shard page by page, in either direction; what is between two rows is not there.</summary>
    private protected void Scan(SimClient client, Prng prng, Action done)
    {
        var (shard, level, pageRows, reverse) = (
            prng.Pick(_shards), DrawLevel(prng, isRead: true), prng.Pick([0, 1, 3]), prng.Chance(500_000));
        var keys = Keys.Where(key => shard.Holds(StableHash.Compute(Encoding.UTF8.GetBytes(key)))).ToArray();
        var least = keys.ToDictionary(key => key, key => Checker.Least(key, CopiesOf(level)), StringComparer.Ordinal);
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
                    found.Add(Encoding.UTF8.GetString(row.Key.Span), NumbersIn(row.Value));
                }

                if (page.More)
                {
                    NextPage(page.ResumeAfter);
                    return;
                }

                foreach (var key in keys)
                {
                    Checker.Check(
                        key, least[key], found.TryGetValue(key, out var seen) ? seen : [],
                        $"client {client.Id:x}, in a scan at {level},");
                }

                done();
            });
        }
    }
}
