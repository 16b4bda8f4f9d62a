using Atoll.Foundation.Checks;
using Atoll.Simulation.Campaigns;
using Xunit;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>
/// The random runs of `atoll sim`, too, find what was planted in production code, without a schedule drawn for it: within a few seeds, so
/// that the test stays true when the sheets of seeds change.
/// </summary>
public sealed class RandomRunMuseum
{
    private const ulong SeedsMax = 40;

    [Theory]
    [InlineData(nameof(Sabotage.QuorumLacksOne), SimulationOutcome.SafetyViolation)]
    [InlineData(nameof(Sabotage.AppliedIndexApart), SimulationOutcome.Crashed, SimulationOutcome.SafetyViolation)]
    [InlineData(nameof(Sabotage.PersistsNoAnswers), SimulationOutcome.SafetyViolation)]
    [InlineData(nameof(Sabotage.CutsAtAnyAppend), SimulationOutcome.Crashed)]
    [InlineData(nameof(Sabotage.WatchSkipsOne), SimulationOutcome.SafetyViolation)]
    [InlineData(nameof(Sabotage.ForgetsAnswers), SimulationOutcome.SafetyViolation)]
    [InlineData(nameof(Sabotage.IgnoresExpectedVersions), SimulationOutcome.SafetyViolation)]
    [InlineData(nameof(Sabotage.StateReadsClock), SimulationOutcome.SafetyViolation)]
    public void A_random_run_finds_the_planted_bug(string bug, params SimulationOutcome[] expected)
    {
        var planted = Enum.Parse<Sabotage>(bug);
        for (ulong seed = 1; seed <= SeedsMax; seed++)
        {
            var sheet = SimulationSheet.Draw(seed);
            var result = SimulationRun.Run(sheet with { Cluster = sheet.Cluster with { Sabotage = planted } });
            if (result.Outcome != SimulationOutcome.Passed)
            {
                TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}: {result.Outcome}: {result.Message}");
                Assert.Contains(result.Outcome, expected);
                return;
            }
        }

        Assert.Fail($"{bug} was not found in {SeedsMax} seeds");
    }
}
