using Atoll.Simulation.Campaigns;
using Atoll.Simulation.Workloads;
using Xunit;

namespace Atoll.Clusters.Tests.Seeds;

/// <summary>
/// Runs of whole clusters whose clients work on rows or records of an eventual space, under every fault, with clocks hours apart and nodes
/// that are away for nearly the whole run: quorums meet, nothing deleted returns, counters are exact, conditional writes are linearizable,
/// and after the faults all replicas come to the same records (museum, rows 22 to 28).
/// </summary>
public sealed class EventualSeedTests
{
    [Fact]
    public void Fresh_seeds_of_eventual_spaces_pass() =>
        // Fewer than of rows: a run takes longer, because horizons and exchanges need their time.
        FreshSeeds.Pass(WorkloadKind.Eventual, " of eventual spaces", usually: 10, oneOutOf: 14);

    [Fact]
    public void Fresh_seeds_of_records_of_eventual_spaces_pass() =>
        FreshSeeds.Pass(WorkloadKind.EventualRecords, " of records of eventual spaces", usually: 3, oneOutOf: 40);

    [Fact]
    public void Fresh_seeds_of_maps_in_eventual_spaces_pass() =>
        FreshSeeds.Pass(WorkloadKind.Elements, " of maps in eventual spaces", usually: 2, oneOutOf: 70);

    [Fact]
    public void Seeds_of_eventual_spaces_that_once_failed_pass() => Pass(PinnedSeeds.OfEventual, WorkloadKind.Eventual);

    [Fact]
    public void Seeds_of_records_of_eventual_spaces_that_once_failed_pass() =>
        Pass(PinnedSeeds.OfEventualRecords, WorkloadKind.EventualRecords);

    private static void Pass(IEnumerable<ulong> seeds, WorkloadKind kind)
    {
        foreach (var seed in seeds)
        {
            var result = SimulationRun.Run(seed, kind);
            Assert.True(result.Outcome == SimulationOutcome.Passed, result.Describe());
        }
    }
}
