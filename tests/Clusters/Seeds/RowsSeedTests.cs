using Atoll.Foundation.Checks;
using Atoll.Simulation.Campaigns;
using Atoll.Simulation.Workloads;
using Xunit;

namespace Atoll.Clusters.Tests.Seeds;

/// <summary>
/// Random runs of whole clusters whose clients work on rows, under every fault: conditional writes and reads are linearizable, also after
/// writes with fast clocks; counters are exact; deleted rows never return; a row is written as a whole; replicas are equal.
/// </summary>
public sealed class RowsSeedTests
{
    // Seeds to look for a planted bug in; each of the bugs shows in the first few.
    private const ulong SeedsMax = 20;

    [Fact]
    public void Fresh_seeds_of_rows_pass() =>
        // The machinery below rows is that of records, and both together must not take long.
        FreshSeeds.Pass(WorkloadKind.Rows, " of rows", usually: 30, oneOutOf: 4);

    [Fact]
    public void Seeds_of_rows_that_once_failed_pass()
    {
        foreach (var seed in PinnedSeeds.OfRows)
        {
            var result = SimulationRun.Run(seed, WorkloadKind.Rows);
            Assert.True(result.Outcome == SimulationOutcome.Passed, result.Describe());
        }
    }

    [Fact]
    public void Rare_situations_of_rows_come_up()
    {
        string[] rare =
        [
            "rows: a condition does not hold",
            "rows: a write without a timestamp meets one from a clock that is ahead",
            "rows: nothing deleted is left in a partition",
        ];
        for (ulong seed = 1; seed <= 6; seed++)
        {
            var result = SimulationRun.Run(seed, WorkloadKind.Rows);
            Assert.True(result.Outcome == SimulationOutcome.Passed, result.Describe());
        }

        Assert.DoesNotContain(Probe.All(), probe => rare.Contains(probe.Name) && probe.Hits < 5);
    }

    [Fact]
    public void Row_23_is_caught_when_a_write_may_lose_to_a_fast_clock() => IsCaught(Sabotage.LosesToFastClocks, "not linearizable");

    [Fact]
    public void Row_24_is_caught_when_a_deletion_is_forgotten_before_what_it_deleted_is_gone() =>
        IsCaught(Sabotage.ForgetsDeletions, "not linearizable");

    [Fact]
    public void Row_25_is_caught_when_a_retried_increment_counts_twice() => IsCaught(Sabotage.ForgetsAnswers, "counter");

    [Fact]
    public void Row_26_is_caught_when_conditions_are_not_evaluated() => IsCaught(Sabotage.IgnoresExpectedVersions, "not linearizable");

    [Fact]
    public void A_watch_of_rows_that_skips_a_change_is_caught() => IsCaught(Sabotage.WatchSkipsOne, "a watch from");

    private static void IsCaught(Sabotage planted, string finding)
    {
        for (ulong seed = 1; seed <= SeedsMax; seed++)
        {
            var sheet = SimulationSheet.Draw(seed).Of(WorkloadKind.Rows);
            var result = SimulationRun.Run(sheet with { Cluster = sheet.Cluster with { Sabotage = planted } });
            if (result.Outcome == SimulationOutcome.SafetyViolation && result.Message.Contains(finding, StringComparison.Ordinal))
            {
                return;
            }
        }

        Assert.Fail($"{planted} was not found in {SeedsMax} seeds");
    }
}
