using System.Globalization;
using Atoll.Simulation.Campaigns;
using Atoll.Simulation.Workloads;
using Xunit;

namespace Atoll.Clusters.Tests.Seeds;

/// <summary>Seeds that nobody has run before, others each time; how many, and for how long, the environment may say.</summary>
internal static class FreshSeeds
{
    private const string SeedsVariable = "ATOLL_FRESH_SEEDS";
    private const string SecondsVariable = "ATOLL_FRESH_SECONDS";

    /// <summary>Runs them until the time is over; the first that does not pass fails the test.</summary>
    /// <param name="kind">What clients work on.</param>
    /// <param name="what">The same, for the report; with a space before it, or empty.</param>
    /// <param name="usually">How many, when the environment does not say.</param>
    /// <param name="oneOutOf">Of so many that the environment asks for one is run.</param>
    /// <param name="seconds">For how long at most, when the environment does not say.</param>
    public static void Pass(WorkloadKind kind, string what, long usually, long oneOutOf = 1, double seconds = 60)
    {
        var seeds = Asked(SeedsVariable) is { } asked ? Math.Max(1, (long)asked / oneOutOf) : usually;
        var first = (ulong)Random.Shared.NextInt64(1_000_000, 1L << 48);
        var campaign = new SimulationCampaign(new CampaignOptions { FirstSeed = first, Seeds = seeds, Workload = kind });

        // Those that are under way then come to their end.
        using var timeIsOver = new CancellationTokenSource(TimeSpan.FromSeconds(Asked(SecondsVariable) ?? seconds));
        var summary = campaign.Run(timeIsOver.Token);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"report: {summary.Seeds} of {seeds} fresh seeds{what} from {first}: {summary.SimulatedHours:0.00} simulated hours, "
            + $"{summary.Faults.Total} faults, {summary.Failures.Count} failed"));
        Assert.True(summary.Failures.Count == 0, summary.Failures.Count == 0 ? "" : summary.Failures[0].Describe());
        Assert.True(summary.Seeds > 0);
    }

    private static double? Asked(string variable) => Environment.GetEnvironmentVariable(variable) is { } text
        ? double.Parse(text, CultureInfo.InvariantCulture) : null;
}
