using Atoll.Foundation.Checks;
using Atoll.Simulation.Campaigns;
using Atoll.Simulation.Workloads;
using Xunit;

namespace Atoll.Clusters.Tests.Seeds;

/// <summary>
/// Random runs of whole clusters whose clients work on streams, under every fault: acknowledged batches stand where they were acknowledged,
/// numbered ones once and in order; what was read stays; transactions are there as a whole or not at all.
/// </summary>
public sealed class StreamsSeedTests
{
    [Fact]
    public void Fresh_seeds_of_streams_pass() => FreshSeeds.Pass(WorkloadKind.Streams, " of streams", usually: 20, oneOutOf: 8);

    [Fact]
    public void Seeds_of_streams_that_once_failed_pass()
    {
        foreach (var seed in PinnedSeeds.OfStreams)
        {
            var result = SimulationRun.Run(seed, WorkloadKind.Streams);
            Assert.True(result.Outcome == SimulationOutcome.Passed, result.Describe());
        }
    }

    [Fact]
    public void Rare_situations_of_compaction_come_up()
    {
        string[] rare =
        [
            "simulation: a round of compaction came to its end",
            "simulation: a round of compaction was left in the middle",
            "compaction: a round of somebody else is gone on with",
        ];
        for (ulong seed = 30_000; seed < 30_005; seed++)
        {
            var result = SimulationRun.Run(seed, WorkloadKind.Streams);
            Assert.True(result.Outcome == SimulationOutcome.Passed, result.Describe());
        }

        Assert.DoesNotContain(Probe.All(), probe => rare.Contains(probe.Name) && probe.Hits == 0);
    }

    [Fact]
    public void Rare_situations_of_transactions_come_up()
    {
        string[] rare =
        [
            "simulation: a transaction with what it had read was committed",
            "simulation: a transactional producer was replaced, or too late",
            "transactions: one was aborted because it lasted too long",
            "transactions: one was aborted because its producer was replaced",
            "groups: something of a transaction came when it had ended",
        ];
        for (ulong seed = 20_000; seed < 20_006; seed++)
        {
            var result = SimulationRun.Run(seed, WorkloadKind.Streams);
            Assert.True(result.Outcome == SimulationOutcome.Passed, result.Describe());
        }

        Assert.DoesNotContain(Probe.All(), probe => rare.Contains(probe.Name) && probe.Hits < 5);
    }
}
