using Atoll.Foundation.Checks;
using Atoll.Simulation.Campaigns;
using Atoll.Simulation.Workloads;
using Xunit;

namespace Atoll.Clusters.Tests.Seeds;

/// <summary>
/// The random runs of eventual spaces can fail: each bug, planted in every node, is found by the checker that is there for it. A bug is
/// looked for from the first seed on that found it when this was written; what a seed draws changes with the simulator.
/// </summary>
public sealed class EventualPlantedBugTests
{
    private const ulong SeedsMax = 50;

    /// <summary>The bug, the first seed from 1 on that finds it, and what is found. Of the seeds 1 to 50, how many.</summary>
    public static TheoryData<string, ulong, SimulationOutcome, string> Bugs => new()
    {
        // Quorums do not meet.
        { nameof(Sabotage.WriteLacksOne), 2, SimulationOutcome.SafetyViolation, "had to see" },

        // A power cut takes what was acknowledged: 7 of 50.
        { nameof(Sabotage.ReplicaAcknowledgesBeforeDurable), 6, SimulationOutcome.SafetyViolation, "had to see" },

        // A node that was away brings back what was deleted: 16 of 50.
        { nameof(Sabotage.DropsDeletionsByAge), 3, SimulationOutcome.SafetyViolation, "something deleted has returned" },

        // A decided write is lost, or a lost one seen.
        { nameof(Sabotage.OverlooksAccepted), 3, SimulationOutcome.SafetyViolation, "not linearizable" },
        { nameof(Sabotage.IgnoresExpectedVersions), 2, SimulationOutcome.SafetyViolation, "not linearizable" },

        // Each power of two is added once: doubled, it is another one.
        { nameof(Sabotage.ForgetsAnswers), 2, SimulationOutcome.SafetyViolation, "too much" },

        // A write is behind a value that its node has shown: 27 of 50.
        { nameof(Sabotage.LosesToFastClocks), 2, SimulationOutcome.SafetyViolation, "it is hidden" },

        // Two writes of a row at one time each win in some cells.
        { nameof(Sabotage.StampsCollide), 12, SimulationOutcome.SafetyViolation, "one write did only a part" },
        { nameof(Sabotage.LastArrivalWins), 2, SimulationOutcome.SafetyViolation, "had to see" },
        { nameof(Sabotage.AnswersOneVersion), 2, SimulationOutcome.SafetyViolation, "had to see" },

        // A write at ANY, of which there was nothing but a hint: 1 of 50, and 2 of the next 50.
        { nameof(Sabotage.DropsHints), 50, SimulationOutcome.SafetyViolation, "had to see" },

        // Replicas never become equal.
        { nameof(Sabotage.ExchangesFindNothing), 2, SimulationOutcome.Stalled, "has other records than another" },
    };

    [Theory]
    [MemberData(nameof(Bugs))]
    public void A_planted_bug_is_caught(string bug, ulong firstSeed, SimulationOutcome outcome, string finding)
    {
        var planted = Enum.Parse<Sabotage>(bug);
        for (var seed = firstSeed; seed < firstSeed + SeedsMax; seed++)
        {
            var sheet = SimulationSheet.Draw(seed).Of(WorkloadKind.Eventual);
            var result = SimulationRun.Run(sheet with { Cluster = sheet.Cluster with { Sabotage = planted } });
            if (result.Outcome == outcome && result.Message.Contains(finding, StringComparison.Ordinal))
            {
                TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}: {result.Message}");
                return;
            }
        }

        Assert.Fail($"{bug} was not found in {SeedsMax} seeds from {firstSeed} on");
    }
}
