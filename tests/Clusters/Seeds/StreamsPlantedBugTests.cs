using Atoll.Foundation.Checks;
using Atoll.Simulation.Campaigns;
using Atoll.Simulation.Workloads;
using Xunit;

namespace Atoll.Clusters.Tests.Seeds;

/// <summary>
/// The random runs of streams can fail: each bug, planted in every node, is found by the checker that is there for it. A bug is looked for
/// from the first seed on that found it when this was written; what a seed draws changes with the simulator.
/// </summary>
public sealed class StreamsPlantedBugTests
{
    private const ulong SeedsMax = 50;

    [Fact]
    public void Numbered_batches_that_are_appended_again_are_caught() => IsCaught(Sabotage.ForgetsSequences, 1001, "is doubled");

    [Fact]
    public void Producers_that_a_start_forgets_are_caught() => IsCaught(Sabotage.ForgetsProducers, 1004, "diverge");

    [Fact]
    public void A_log_start_that_goes_back_is_caught() => IsCaught(Sabotage.ForgetsLogStart, 1014, "log start went back");

    [Fact]
    public void Row_33_is_caught_when_a_snapshot_leaves_offsets_out() => IsCaught(Sabotage.ForgetsOffsets, 1015, "diverge");

    [Fact]
    public void Row_35_is_caught_when_a_generation_that_is_over_commits() =>
        IsCaught(Sabotage.AcceptsFormerGenerations, 1004, "a commit of");

    [Fact]
    public void Transactions_that_a_late_marker_ends_are_caught() =>
        IsCaught(Sabotage.TakesLateMarkers, 20_003, "the marker");

    [Fact]
    public void Readers_that_are_not_told_what_was_aborted_are_caught() =>
        IsCaught(Sabotage.ForgetsAborted, 20_001, "a reader of committed records");

    [Fact]
    public void Offsets_that_are_committed_with_an_aborted_transaction_are_caught() =>
        IsCaught(Sabotage.CommitsAbortedOffsets, 20_001, "came to");

    [Fact]
    public void Producers_that_go_on_when_they_were_replaced_are_caught() =>
        IsCaught(Sabotage.FencesNobody, 20_002, "when another had epoch");

    [Fact]
    public void The_last_record_of_a_key_that_compaction_loses_is_caught() => IsCaught(Sabotage.LosesLastOfKey, 30_000, "is the last");

    [Fact]
    public void Aborted_records_that_compaction_brings_to_light_are_caught() =>
        IsCaught(Sabotage.RevivesAborted, 30_000, "aborted");

    [Fact]
    public void Deletions_that_readers_do_not_hear_of_are_caught() =>
        IsCaught(Sabotage.DropsTombstonesEarly, 30_000, "is the last");

    private static void IsCaught(Sabotage planted, ulong firstSeed, string finding)
    {
        for (var seed = firstSeed; seed < firstSeed + SeedsMax; seed++)
        {
            var sheet = SimulationSheet.Draw(seed).Of(WorkloadKind.Streams);
            var result = SimulationRun.Run(sheet with { Cluster = sheet.Cluster with { Sabotage = planted } });
            if (result.Outcome != SimulationOutcome.Passed)
            {
                Console.WriteLine($"seed {seed}: {result.Outcome}: {result.Message}");
            }

            if (result.Outcome != SimulationOutcome.Passed && result.Message.Contains(finding, StringComparison.Ordinal))
            {
                return;
            }
        }

        Assert.Fail($"{planted} was not found in {SeedsMax} seeds from {firstSeed} on");
    }
}
