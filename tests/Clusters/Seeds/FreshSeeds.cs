using System.Globalization;
using Atoll.Simulation.Campaigns;
using Atoll.Simulation.Workloads;
using Xunit;

namespace Atoll.Clusters.Tests.Seeds;

/// <summary>Seeds that nobody has run before, others each time; how many, the environment may say.</summary>
internal static class FreshSeeds
{
    private const string Variable = "ATOLL_FRESH_SEEDS";

    /// <summary>Runs them; the first that does not pass fails the test.</summary>
    /// <param name="kind">What clients work on.</param>
    /// <param name="what">The same, for the report; with a space before it, or empty.</param>
    /// <param name="usually">How many, when the environment does not say.</param>
    /// <param name="oneOutOf">Of so many that the environment asks for one is run.</param>
    public static void Pass(WorkloadKind kind, string what, long usually, long oneOutOf = 1)
    {
        var asked = Environment.GetEnvironmentVariable(Variable);
        var seeds = asked is null ? usually : Math.Max(1, long.Parse(asked, CultureInfo.InvariantCulture) / oneOutOf);

        var first = (ulong)Random.Shared.NextInt64(1_000_000, 1L << 48);
        var summary = new SimulationCampaign(new CampaignOptions { FirstSeed = first, Seeds = seeds, Workload = kind }).Run();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"report: {summary.Seeds} fresh seeds{what} from {first}: {summary.SimulatedHours:0.00} simulated hours, "
            + $"{summary.Faults.Total} faults, {summary.Failures.Count} failed"));
        Assert.True(summary.Failures.Count == 0, summary.Failures.Count == 0 ? "" : summary.Failures[0].Describe());
    }
}
