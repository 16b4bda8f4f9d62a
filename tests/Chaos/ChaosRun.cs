using System.Diagnostics;
using System.Globalization;
using System.Text;
using Atoll.Chaos.Tests.Cluster;
using Atoll.Chaos.Tests.Workload;
using Atoll.Foundation.Randomness;
using Atoll.Services.Errors;
using Atoll.Services.Records;
using Atoll.Simulation.Linearizability;
using Xunit;

namespace Atoll.Chaos.Tests;

/// <summary>
/// One scenario: a cluster, load, faults for a while, and then the judgement: the history is linearizable, and every acknowledged append is
/// there, whichever node is asked.
/// </summary>
internal sealed class ChaosRun
{
    private const int Shards = 3;

    private static readonly TimeSpan Length = TimeSpan.FromSeconds(
        double.Parse(Environment.GetEnvironmentVariable("ATOLL_CHAOS_SECONDS") ?? "15", CultureInfo.InvariantCulture));

    /// <summary>Runs a scenario: <paramref name="fault"/> again and again, then <paramref name="last"/> once.</summary>
    public static async Task RunAsync(
        string name, int nodes, Func<Faults, Prng, Task> fault, Func<Faults, Task>? last = null, bool needsCuts = false,
        Func<ChaosCluster, Task>? fill = null, Func<Faults, Task>? whenQuiet = null, params IReadOnlyList<string> settings)
    {
        if (needsCuts && NodeNetwork.MissingForCuts is { } missing)
        {
            Report($"{name}: skipped: {missing}");
            Assert.Skip(missing);
        }

        // Real processes never run twice in the same way: fresh seeds find more, and the one of a failure is told.
        var seed = ulong.Parse(
            Environment.GetEnvironmentVariable("ATOLL_CHAOS_SEED") ?? $"{Random.Shared.Next()}", CultureInfo.InvariantCulture);
        await using var cluster = await ChaosCluster.StartAsync(nodes, Shards, null, settings);
        try
        {
            await (fill?.Invoke(cluster) ?? Task.CompletedTask);
            var prng = new Prng(seed);
            await using var load = new ClientTasks(cluster, prng.Fork());
            var faults = new Faults(cluster, load, prng);
            var startedAt = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(startedAt) < Length)
            {
                await fault(faults, prng);
            }

            await (last?.Invoke(faults) ?? Task.CompletedTask);
            await load.StopAsync();
            await (whenQuiet?.Invoke(faults) ?? Task.CompletedTask);
            await JudgeAsync(name, cluster, load, faults, Stopwatch.GetElapsedTime(startedAt));
            cluster.IsDoneWith = true;
        }
        catch (Exception error) when (error is not Xunit.Sdk.SkipException)
        {
            throw new InvalidOperationException(cluster.Tell($"{name}, ATOLL_CHAOS_SEED={seed}: {error.Message}"), error);
        }
    }

    private static async Task JudgeAsync(string name, ChaosCluster cluster, ClientTasks load, Faults faults, TimeSpan elapsed)
    {
        var lost = new List<string>();
        foreach (var node in cluster.Nodes)
        {
            await using var client = cluster.Connect(ChaosCluster.LivenessBound, node);
            var records = client.Records(ChaosCluster.Space);
            await load.ReadAllAsync(1_000 + node.Number, records);
            var found = new Dictionary<string, long>(StringComparer.Ordinal);
            await foreach (var record in records.ScanAsync(new ScanRange { Prefix = "log/"u8.ToArray() }))
            {
                found[Encoding.UTF8.GetString(record.Key.Span)] = RecordedHistory.Decode(record.Value.Span);
            }

            lost.AddRange(load.Appended.Where(pair => found.GetValueOrDefault(pair.Key) != pair.Value)
                .Select(pair => $"{pair.Key} = {pair.Value} through node {node.Number + 1}: {found.GetValueOrDefault(pair.Key)}"));
        }

        var verdict = LinearizabilityChecker.Check(load.Recorded.History);
        Print(name, load, faults, elapsed, verdict);
        Assert.True(lost.Count == 0, $"{lost.Count} acknowledged writes are lost: {string.Join(", ", lost.Take(10))}");
        Assert.True(verdict.Verdict == LinearizabilityVerdict.Linearizable, $"{verdict.Verdict}: {verdict.Explanation}");
        var unexpected = load.Recorded.Errors.Keys.Where(code => code is not (nameof(ErrorCode.OutcomeUnknown)
            or nameof(ErrorCode.Unavailable) or nameof(ErrorCode.Overloaded))).ToList();
        Assert.True(unexpected.Count == 0, $"errors that none of these faults explains: {string.Join(", ", unexpected)}");
        Assert.True(load.Appended.Count > 100, $"only {load.Appended.Count} appends succeeded: too few to show anything");
    }

    private static void Print(string name, ClientTasks load, Faults faults, TimeSpan elapsed, LinearizabilityResult verdict)
    {
        var recorded = load.Recorded;
        var acknowledged = recorded.Count(operation =>
            operation.Outcome is OperationOutcome.Ok or OperationOutcome.NotFound or OperationOutcome.Conflict);
        var unknown = recorded.Count(operation => operation.Outcome == OperationOutcome.Unknown);
        var byCode = string.Join(", ", recorded.Errors.Select(pair => $"{pair.Key} {pair.Value}"));
        var errors = byCode.Length == 0 ? "" : $" ({byCode})";
        Report(string.Create(CultureInfo.InvariantCulture,
            $"{name}: {elapsed.TotalSeconds:0} s, {verdict.Operations} operations, {acknowledged} acknowledged, ")
            + string.Create(CultureInfo.InvariantCulture, $"{unknown} unknown{errors}; ")
            + $"{verdict.Verdict}, {load.Appended.Count} appends all there; faults: "
            + string.Join(", ", faults.Counts.Select(pair => $"{pair.Value} {pair.Key}")));
        Report(name, "killed", faults.PausesAfterLeaderDeaths);
        Report(name, "paused or cut", faults.PausesAfterOtherFaults);
        Report(name, "restarted", faults.PausesAfterStops);
    }

    private static void Report(string name, string what, IReadOnlyList<TimeSpan> pauses)
    {
        if (pauses.Count > 0)
        {
            var seconds = pauses.Select(pause => pause.TotalSeconds).Order().ToArray();
            Report(string.Create(CultureInfo.InvariantCulture,
                $"{name}: longest time without a successful write, leader {what}: median {seconds[seconds.Length / 2]:0.00} s, ")
                + string.Create(CultureInfo.InvariantCulture, $"worst {seconds[^1]:0.00} s of {seconds.Length}"));
        }
    }

    // ./test shows these lines also when all went well.
    private static void Report(string line) => Console.WriteLine("report: " + line);
}
