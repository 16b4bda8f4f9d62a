using System.Diagnostics;
using System.Globalization;
using Atoll.Chaos.Tests.Cluster;
using Atoll.Chaos.Tests.Workload;
using Atoll.Foundation.Randomness;
using Atoll.Services.Tables;
using Xunit;

namespace Atoll.Chaos.Tests;

/// <summary>Eventual tables of real processes whose cluster falls into two halves.</summary>
public sealed class SplitTests
{
    private const int Nodes = 4;
    private const int Victim = 3; // of the half that cannot read the directory: the directory's replicas are on the first three nodes
    private const int ClientsOfNode = 2;

    private static readonly TimeSpan ConvergenceBound = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan BeforeCut = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan CutFor = TimeSpan.FromSeconds(
        double.Parse(Environment.GetEnvironmentVariable("ATOLL_CHAOS_SECONDS") ?? "20", CultureInfo.InvariantCulture));

    [Fact]
    public async Task Both_halves_take_writes_at_ONE_and_all_that_they_acknowledged_is_everywhere_when_they_meet_again()
    {
        if (NodeNetwork.MissingForCuts is { } missing)
        {
            Console.WriteLine($"report: two halves: skipped: {missing}");
            Assert.Skip(missing);
        }

        var seed = ulong.Parse(
            Environment.GetEnvironmentVariable("ATOLL_CHAOS_SEED") ?? $"{Random.Shared.Next()}", CultureInfo.InvariantCulture);
        await using var cluster = await ChaosCluster.StartAsync(Nodes, shards: 0);
        await using var table = new SplitTable(cluster);
        try
        {
            await table.MakeAsync();
            var prng = new Prng(seed);
            for (var node = 0; node < Nodes; node++)
            {
                table.StartClients(node, ClientsOfNode, SideOf(node), prng.Fork());
            }

            await Eventually.LastsAsync(BeforeCut);
            Cut(cluster);
            await Eventually.LastsAsync(CutFor / 3);
            cluster.Nodes[Victim].Kill();
            var taken = table.AcknowledgedBy(Victim);
            await Eventually.LastsAsync(CutFor / 10);
            cluster.Nodes[Victim].Start();
            var startedAt = Stopwatch.GetTimestamp();
            await Eventually.HoldsAsync(
                "the node that was killed takes writes again, cut off from a majority of the directory", ChaosCluster.LivenessBound,
                () => ValueTask.FromResult(table.AcknowledgedBy(Victim) > taken));
            var back = Stopwatch.GetElapsedTime(startedAt);
            await Eventually.LastsAsync(CutFor / 2);
            await table.StopAsync();

            cluster.Network.MendAll();
            var mendedAt = Stopwatch.GetTimestamp();
            var answers = await ConvergedAsync(table);
            var took = Stopwatch.GetElapsedTime(mendedAt);
            Report(string.Create(
                CultureInfo.InvariantCulture,
                $"two halves for {CutFor.TotalSeconds:0} s: {table.Acknowledged.Values.Sum()} writes acknowledged at ONE (")
                + string.Join(", ", table.Acknowledged.Values) + $" by node), {table.Unknown} unknown, {table.Deleted} cells deleted; "
                + string.Create(CultureInfo.InvariantCulture, $"all nodes answer the same at ONE after {took.TotalSeconds:0.0} s, ")
                + string.Create(CultureInfo.InvariantCulture, $"the killed one took writes after {back.TotalSeconds:0.0} s"));
            Report("two halves: " + Problems(table));
            for (var node = 0; node < Nodes; node++)
            {
                Dictionary<CellName, int>? all = null;
                await Eventually.HoldsAsync(
                    $"node {node + 1} answers at ALL", ChaosCluster.LivenessBound,
                    async () => (all = await table.ReadAsync(node, CqlConsistency.All)) is not null);
                var wrong = table.Judge(all!);
                Assert.True(wrong.Count == 0, $"{wrong.Count} cells through node {node + 1}: {string.Join("; ", wrong.Take(10))}");
                Assert.True(
                    all!.Count == answers.Count && !all.Except(answers).Any(), $"node {node + 1} answers other things at ALL than at ONE");
            }

            Assert.All(table.Acknowledged.Values, count => Assert.True(count > 100, $"{count} writes are too few to show anything"));
            Assert.True(table.Deleted > 100, $"{table.Deleted} deleted cells are too few to show anything");
            cluster.IsDoneWith = true;
        }
        catch (Exception error)
        {
            throw new InvalidOperationException(
                cluster.Tell($"ATOLL_CHAOS_SEED={seed}: {error.Message}\nproblems: {Problems(table)}"), error);
        }
    }

    private static int SideOf(int node) => node / (Nodes / 2);

    private static string Problems(SplitTable table) =>
        string.Join("; ", table.Problems.Select(problem => $"{problem.Value} x {problem.Key}"));

    private static void Cut(ChaosCluster cluster)
    {
        for (var from = 0; from < Nodes; from++)
        {
            for (var to = 0; to < Nodes; to++)
            {
                if (SideOf(from) != SideOf(to))
                {
                    cluster.Network.CutOneWay(from, to);
                }
            }
        }
    }

    // Until all nodes answer the same to whoever asks for one replica's answer only.
    private static async Task<Dictionary<CellName, int>> ConvergedAsync(SplitTable table)
    {
        Dictionary<CellName, int>? common = null;
        using var pace = new PeriodicTimer(LookInterval);
        await Eventually.HoldsAsync("all nodes answer the same at ONE", ConvergenceBound, async () =>
        {
            common = await table.ReadAsync(0, CqlConsistency.One);
            for (var node = 1; common is not null && node < Nodes; node++)
            {
                var other = await table.ReadAsync(node, CqlConsistency.One);
                if (other is null || other.Count != common.Count || other.Except(common).Any())
                {
                    common = null;
                }
            }

            return common is not null || !await pace.WaitForNextTickAsync();
        });
        return common!;
    }

    private static void Report(string line) => Console.WriteLine("report: " + line);
}
