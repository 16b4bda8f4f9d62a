using System.Text;
using Atoll.Chaos.Tests.Cluster;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.Services.Records;
using Atoll.Simulation.Linearizability;
using Atoll.StateMachines.Requests;

namespace Atoll.Chaos.Tests.Workload;

/// <summary>
/// Clients under whose load the faults happen: some read and write a few hot keys, which makes a history to check; others append keys that
/// are never touched again, which must all be there at the end.
/// </summary>
internal sealed class ClientTasks : IAsyncDisposable
{
    private const int HotKeys = 30;
    private const int HotTasks = 9;
    private const int AppendTasks = 3;
    private const int TasksPerClient = 4;

    // A pace, so that the histories of a run stay small enough to be checked in seconds.
    private static readonly TimeSpan ThinkTime = TimeSpan.FromMilliseconds(4);
    private static readonly TimeSpan UsualTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ShortTimeout = TimeSpan.FromMilliseconds(150);

    private readonly ChaosCluster _cluster;
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<IAtollClient> _clients = [];
    private readonly List<Task> _tasks = [];
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, long> _appended = new(StringComparer.Ordinal);

    /// <summary>Starts all clients.</summary>
    public ClientTasks(ChaosCluster cluster, Prng prng)
    {
        _cluster = cluster;
        for (var task = 0; task < HotTasks + AppendTasks; task++)
        {
            if (task % TasksPerClient == 0)
            {
                Clock = new ServerClock(TimeProvider.System);
                _clients.Add(cluster.Connect(UsualTimeout, null, Clock));
            }

            var (number, records, own, clock) = (task, _clients[^1].Records(ChaosCluster.Space), prng.Fork(), Clock!);
            _tasks.Add(Task.Run(() => number < HotTasks ? RunHotAsync(number, records, own) : RunAppendsAsync(number, records, clock)));
        }
    }

    /// <summary>What was done and seen.</summary>
    public RecordedHistory Recorded { get; } = new();

    /// <summary>When writes succeeded.</summary>
    public WriteTimes Times { get; } = new();

    /// <summary>Keys whose one write was acknowledged, with their values.</summary>
    public IReadOnlyDictionary<string, long> Appended => _appended;

    private ServerClock? Clock { get; set; }

    /// <summary>Tells all tasks to end, and waits for them; fails when one has failed.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_tasks).WaitAsync(TimeSpan.FromSeconds(30));
    }

    /// <summary>Reads every hot key once more, through one node, into the history.</summary>
    public async Task ReadAllAsync(int client, IRecords records)
    {
        for (var i = 0; i < HotKeys; i++)
        {
            var key = HotKey(i);
            await Recorded.ReadAsync(client, key, () => records.GetAsync(Encoding.UTF8.GetBytes(key)));
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        foreach (var client in _clients)
        {
            await client.DisposeAsync();
        }

        _stopping.Dispose();
    }

    private static string HotKey(int number) => $"hot/{number}";

    private ShardId ShardOf(ReadOnlySpan<byte> key)
    {
        var hash = StableHash.Compute(key);
        return _cluster.Shards.First(shard => hash >= shard.HashLow && hash <= shard.HashHigh).Id;
    }

    private async Task RunHotAsync(int task, IRecords records, Prng prng)
    {
        var versions = new ulong[HotKeys];
        using var pace = new PeriodicTimer(ThinkTime);
        while (!_stopping.IsCancellationRequested)
        {
            await pace.WaitForNextTickAsync();
            var at = prng.NextInt(0, HotKeys - 1);
            var name = HotKey(at);
            var key = Encoding.UTF8.GetBytes(name);
            var timeout = prng.Chance(50_000) ? ShortTimeout : UsualTimeout;
            var options = new WriteOptions { Timeout = timeout };
            var value = Recorded.NextValue();
            var outcome = OperationOutcome.Unknown;
            switch (prng.NextInt(0, 99))
            {
                case < 40:
                    var read = new ReadOptions { Timeout = timeout };
                    versions[at] = (await Recorded.ReadAsync(task, name, () => records.GetAsync(key, read)))?.Version ?? versions[at];
                    continue;
                case < 70:
                    outcome = await Recorded.WriteAsync(task, new Step(StepKind.Put, name, value), async () =>
                        (OperationOutcome.Ok, versions[at] = (await records.PutAsync(key, RecordedHistory.Encode(value), options)).Value));
                    break;
                case < 85:
                    outcome = await Recorded.WriteAsync(task, new Step(StepKind.Put, name, value, versions[at]), async () =>
                    {
                        var set = await records.CompareAndSetAsync(
                            key, new HybridTime(versions[at]), RecordedHistory.Encode(value), options);
                        return Conditional(set, out versions[at]);
                    });
                    break;
                case < 95:
                    outcome = await Recorded.WriteAsync(task, new Step(StepKind.Delete, name), async () =>
                        (await records.DeleteAsync(key, options) ? OperationOutcome.Ok : OperationOutcome.NotFound, 0));
                    break;
                default:
                    var expected = Math.Max(1, versions[at]);
                    outcome = await Recorded.WriteAsync(task, new Step(StepKind.Delete, name, 0, expected), async () =>
                        Conditional(await records.CompareAndDeleteAsync(key, new HybridTime(expected), options), out versions[at]));
                    break;
            }

            if (outcome is OperationOutcome.Ok or OperationOutcome.NotFound or OperationOutcome.Conflict)
            {
                Times.Succeeded(ShardOf(key));
            }
        }
    }

    private static (OperationOutcome Outcome, ulong Version) Conditional(ConditionalOutcome outcome, out ulong known)
    {
        known = outcome.Version.Value;
        return (outcome.Succeeded ? OperationOutcome.Ok : OperationOutcome.Conflict, outcome.Version.Value);
    }

    // Each key is written once, on the condition that it is not there, under one identity for all tries. So a conflict would mean that an
    // earlier try was applied and then forgotten: the effect would not have been exactly one.
    private async Task RunAppendsAsync(int task, IRecords records, ServerClock clock)
    {
        var client = ((ulong)Random.Shared.NextInt64() << 1) | 1;
        var issuedAt = HybridTime.Zero;
        using var pace = new PeriodicTimer(ThinkTime);
        for (var sequence = 1UL; !_stopping.IsCancellationRequested; sequence++)
        {
            await pace.WaitForNextTickAsync();
            var name = $"log/{task}/{sequence:d8}";
            var key = Encoding.UTF8.GetBytes(name);
            var value = Recorded.NextValue();
            issuedAt = clock.Now > issuedAt ? clock.Now : issuedAt; // a client's times never go back
            var options = new WriteOptions { Timeout = UsualTimeout, Identity = new RequestIdentity(client, sequence, sequence, issuedAt) };
            var outcome = await Recorded.WriteAsync(task, new Step(StepKind.Put, name, value, 0), async () =>
            {
                for (var mayHaveTakenEffect = false; ;)
                {
                    try
                    {
                        var written = await records.CompareAndSetAsync(key, HybridTime.Zero, RecordedHistory.Encode(value), options);
                        return (written.Succeeded ? OperationOutcome.Ok : OperationOutcome.Conflict, written.Version.Value);
                    }
                    catch (AtollException error) when (error.IsRetryable || error.Code == ErrorCode.OutcomeUnknown)
                    {
                        mayHaveTakenEffect |= error.Code == ErrorCode.OutcomeUnknown;
                        if (_stopping.IsCancellationRequested)
                        {
                            throw mayHaveTakenEffect ? new OutcomeUnknownException(error.Message) : error;
                        }

                        await pace.WaitForNextTickAsync(); // the same identity again: that is safe however the first try ended
                    }
                }
            });
            if (outcome == OperationOutcome.Conflict)
            {
                throw new InvalidOperationException($"{name} was there already: a retry with the same identity had a second effect");
            }

            if (outcome == OperationOutcome.Ok)
            {
                Times.Succeeded(ShardOf(key));
                lock (_lock)
                {
                    _appended[name] = value;
                }
            }
        }
    }
}
