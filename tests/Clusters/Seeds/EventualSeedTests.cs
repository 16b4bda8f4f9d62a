using System.Globalization;
using Atoll.Simulation.Campaigns;
using Atoll.Simulation.Workloads;
using Xunit;

namespace Atoll.Clusters.Tests.Seeds;

/// <summary>
/// Runs of whole clusters whose clients work on rows of an eventual space, under every fault, with clocks hours apart and nodes that
/// are away for nearly the whole run: quorums meet, nothing deleted returns, counters are exact, conditional writes are linearizable, and
/// after the faults all replicas come to the same records (museum, rows 22 to 28).
/// </summary>
public sealed class EventualSeedTests
{
    private const string FreshSeedsVariable = "ATOLL_FRESH_SEEDS";
    private const long FreshSeedsDefault = 20;

    [Fact]
    public void Fresh_seeds_of_eventual_spaces_pass()
    {
        var asked = Environment.GetEnvironmentVariable(FreshSeedsVariable);

        // Fewer than of rows: a run takes longer, because horizons and exchanges need their time.
        var seeds = asked is null ? FreshSeedsDefault : Math.Max(1, long.Parse(asked, CultureInfo.InvariantCulture) / 8);
        var first = (ulong)Random.Shared.NextInt64(1_000_000, 1L << 48);
        var summary = new SimulationCampaign(
            new CampaignOptions { FirstSeed = first, Seeds = seeds, Workload = WorkloadKind.Eventual }).Run();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"report: {summary.Seeds} fresh seeds of eventual spaces from {first}: {summary.SimulatedHours:0.00} simulated hours, "
            + $"{summary.Faults.Total} faults, {summary.Failures.Count} failed"));
        Assert.True(summary.Failures.Count == 0, summary.Failures.Count == 0 ? "" : summary.Failures[0].Describe());
    }

    [Fact]
    public void Seeds_of_eventual_spaces_that_once_failed_pass()
    {
        foreach (var seed in PinnedSeeds.OfEventual)
        {
            var result = SimulationRun.Run(seed, WorkloadKind.Eventual);
            Assert.True(result.Outcome == SimulationOutcome.Passed, result.Describe());
        }
    }
}
