using System.Text;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.StateMachines.Records;

namespace Atoll.Simulation.Workloads;

/// <summary>
/// Does a client's operations on records and writes down what the client saw: linearizable ones into the history, the others into checks of
/// what their level promises.
/// </summary>
public sealed class RecordsRecorder
{
    private readonly SimCluster _cluster;
    private readonly SpaceId _space;
    private readonly FreshnessChecker _freshness = new();
    private readonly SortedDictionary<string, HybridTime> _lastSeen = new(StringComparer.Ordinal);
    private long _lastNumber;

    /// <summary>A recorder for a space.</summary>
    public RecordsRecorder(SimCluster cluster, SpaceId space)
    {
        _cluster = cluster;
        _space = space;
    }

    /// <summary>What clients did and saw.</summary>
    public History History { get; } = new();

    /// <summary>Calls that ended with a success.</summary>
    public long Succeeded { get; private set; }

    /// <summary>For eventual spaces: the level of every call.</summary>
    public RequestConsistency? Consistency { get; init; }

    private Instant Now => _cluster.Scheduler.Now;

    /// <summary>A number that no other write has.</summary>
    public long NewNumber() => ++_lastNumber;

    /// <summary>The version that any client last saw the key with; zero for none.</summary>
    public HybridTime LastVersionSeen(string key) => _lastSeen.GetValueOrDefault(key);

    /// <summary>A linearizable read.</summary>
    public void Get(SimClient client, int number, string key, Action<CallResult> done)
    {
        var operation = History.Invoke(number, Now, new Step(StepKind.Get, key));
        client.Call(RecordsRequests.Get(_space, key) with { Consistency = Consistency }, result =>
        {
            if (EndsWell(result))
            {
                var get = ParseGet(result);
                _lastSeen[key] = get.Version;
                History.ReturnRead(operation, Now, Observe(get));
            }

            done(result);
        });
    }

    /// <summary>A write, with a condition or without.</summary>
    public void Put(SimClient client, int number, string key, int bytes, HybridTime? expected, Action done)
    {
        var value = NewNumber();
        var operation = History.Invoke(number, Now, new Step(StepKind.Put, key, value, expected?.Value));
        var request = RecordsRequests.Put(_space, key, NumberedValue.Make(value, bytes), expected) with { Consistency = Consistency };
        client.Call(request, result =>
        {
            if (EndWrite(operation, result) is { } written && written.Status == RecordsStatus.Ok)
            {
                _lastSeen[key] = written.Version;
                _freshness.Written(client.Id, key, written.Version, Now);
            }

            done();
        });
    }

    /// <summary>A delete.</summary>
    public void Delete(SimClient client, int number, string key, Action done)
    {
        _freshness.MayDelete(key);
        var operation = History.Invoke(number, Now, new Step(StepKind.Delete, key));
        client.Call(RecordsRequests.Delete(_space, key), result =>
        {
            EndWrite(operation, result);
            done();
        });
    }

    /// <summary>Writes and deletes of several keys, all or none.</summary>
    public void Batch(
        SimClient client, int number, IReadOnlyList<(string Key, bool IsDelete, HybridTime? Expected, int Bytes)> parts, Action done)
    {
        var steps = new List<Step>();
        var operations = new List<RecordOperation>();
        foreach (var (key, isDelete, expected, bytes) in parts)
        {
            var keyBytes = Encoding.UTF8.GetBytes(key);
            if (isDelete)
            {
                _freshness.MayDelete(key);
                steps.Add(new Step(StepKind.Delete, key, 0, expected?.Value));
                operations.Add(RecordOperation.Delete(keyBytes, expected));
            }
            else
            {
                var value = NewNumber();
                steps.Add(new Step(StepKind.Put, key, value, expected?.Value));
                operations.Add(RecordOperation.Put(keyBytes, NumberedValue.Make(value, bytes), expected));
            }
        }

        var operation = History.Invoke(number, Now, steps);
        client.Call(RecordsRequests.Batch(_space, [.. operations]) with { Consistency = Consistency }, result =>
        {
            EndWrite(operation, result);
            done();
        });
    }

    /// <summary>A scan of a group: all its keys at one moment.</summary>
    public void Scan(SimClient client, int number, ShardId shard, string prefix, string[] keys, Action done)
    {
        var operation = History.Invoke(number, Now, [.. keys.Select(key => new Step(StepKind.Get, key))]);
        client.Call(RecordsRequests.ScanPrefix(shard, prefix), result =>
        {
            if (EndsWell(result))
            {
                if (!RecordsResultCodec.TryReadScan(result.Response.Body, out var page) || page.Status != RecordsStatus.Ok)
                {
                    throw new SafetyViolationException($"a scan of {prefix} has an answer that cannot be read");
                }

                // A page that was cut short is not one moment; values this large are rare.
                if (!page.More)
                {
                    History.ReturnRead(operation, Now, [.. keys.Select(key => Find(page, key))]);
                }
            }

            done();
        });
    }

    /// <summary>A read that asks for less than linearizable.</summary>
    /// <param name="client">Who reads.</param>
    /// <param name="key">What.</param>
    /// <param name="choice">0 session, 1 bounded, 2 any.</param>
    /// <param name="done">The end.</param>
    public void RelaxedGet(SimClient client, string key, int choice, Action done)
    {
        var level = (ReadLevel)(choice + 1);
        var staleness = Duration.FromMilliseconds(500);
        var minVersion = _freshness.SessionVersion(client.Id, key);
        var invoked = Now;
        var request = RecordsRequests.Get(_space, key, level) with { MinVersion = minVersion, MaxStaleness = staleness };
        client.Call(request, result =>
        {
            if (EndsWell(result))
            {
                var get = ParseGet(result);
                if (get.Status == RecordsStatus.Ok)
                {
                    NumberedValue.Read(get.Value.Span);
                }

                _freshness.Check(client.Id, key, level, get, minVersion, invoked - staleness);
            }

            done();
        });
    }

    /// <summary>A write with a time to live, and a look at it.</summary>
    public void ExpiringPut(SimClient client, string key, int timeToLiveMs, Action done)
    {
        var value = NumberedValue.Make(NewNumber(), 20);
        client.Call(RecordsRequests.Put(_space, key, value, timeToLiveMs: timeToLiveMs), _ =>
            client.Call(RecordsRequests.Get(_space, key), result =>
            {
                if (EndsWell(result))
                {
                    var get = ParseGet(result);
                    if (get.Status == RecordsStatus.Ok && (get.ExpiresAt == HybridTime.Zero || get.ExpiresAt <= get.AsOf))
                    {
                        throw new SafetyViolationException($"{key} was read at {get.AsOf} although it expired at {get.ExpiresAt}");
                    }
                }

                done();
            }));
    }

    private static Observation Find(ScanPage page, string key)
    {
        var bytes = Encoding.UTF8.GetBytes(key);
        foreach (var row in page.Rows)
        {
            if (row.Key.Span.SequenceEqual(bytes))
            {
                return new Observation(NumberedValue.Read(row.Value.Span), row.Version.Value);
            }
        }

        return default;
    }

    private static Observation Observe(in GetResult get) =>
        get.Status == RecordsStatus.Ok ? new Observation(NumberedValue.Read(get.Value.Span), get.Version.Value) : default;

    private static GetResult ParseGet(CallResult result) =>
        RecordsResultCodec.TryReadGet(result.Response.Body, out var get) && get.Status is RecordsStatus.Ok or RecordsStatus.NotFound
            ? get
            : throw new SafetyViolationException($"a get has an answer that cannot be read ({get.Status}: {get.Detail})");

    private bool EndsWell(CallResult result)
    {
        var isSuccess = ProvingCalls.IsSuccess(result);
        Succeeded += isSuccess ? 1 : 0;
        return isSuccess;
    }

    private WriteResult? EndWrite(Operation operation, CallResult result)
    {
        if (!EndsWell(result))
        {
            History.Return(operation, Now, result.MayHaveTakenEffect ? OperationOutcome.Unknown : OperationOutcome.Refused);
            return null;
        }

        if (!RecordsResultCodec.TryReadWrite(result.Response.Body, out var write))
        {
            var body = Convert.ToHexStringLower(result.Response.Body.Span);
            throw new SafetyViolationException($"a write has an answer that cannot be read: {result.Response.Status} {body}");
        }

        var outcome = write.Status switch
        {
            RecordsStatus.Ok => OperationOutcome.Ok,
            RecordsStatus.NotFound => OperationOutcome.NotFound,
            RecordsStatus.Conflict => OperationOutcome.Conflict,
            _ => throw new SafetyViolationException($"a valid command was answered {write.Status}: {write.Detail}"),
        };
        History.Return(operation, Now, outcome, outcome == OperationOutcome.NotFound ? 0 : write.Version.Value, write.FailedOperation);
        return write;
    }
}
