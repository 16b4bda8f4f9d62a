using System.Globalization;
using Atoll.Simulation.Campaigns;
using Xunit;

namespace Atoll.Clusters.Tests.Seeds;

/// <summary>
/// Random runs of whole clusters under every fault: seeds that once found a bug, for ever, and fresh ones each time. A failure prints the
/// sheet, the story and, in its last line, the command that replays it.
/// </summary>
public sealed class SeedTests
{
    private const string FreshSeedsVariable = "ATOLL_FRESH_SEEDS";
    private const long FreshSeedsDefault = 60;

    /// <summary>Each of these failed once, with the bug that its comment names, and passes since that was mended.</summary>
    public static TheoryData<ulong> Pinned => new(PinnedSeeds.All);

    [Theory]
    [MemberData(nameof(Pinned))]
    public void A_pinned_seed_passes(ulong seed)
    {
        var result = SimulationRun.Run(seed);
        Assert.True(result.Outcome == SimulationOutcome.Passed, result.Describe());
    }

    [Fact]
    public void Fresh_seeds_pass()
    {
        var asked = Environment.GetEnvironmentVariable(FreshSeedsVariable);
        var seeds = asked is null ? FreshSeedsDefault : long.Parse(asked, CultureInfo.InvariantCulture);
        var first = (ulong)Random.Shared.NextInt64(1_000_000, 1L << 48);
        var summary = new SimulationCampaign(new CampaignOptions { FirstSeed = first, Seeds = seeds }).Run();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"report: {summary.Seeds} fresh seeds from {first}: {summary.SimulatedHours:0.00} simulated hours, "
            + $"{summary.Faults.Total} faults, {summary.Failures.Count} failed"));
        Assert.True(summary.Failures.Count == 0, summary.Failures.Count == 0 ? "" : summary.Failures[0].Describe());
    }
}
