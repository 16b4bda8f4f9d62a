using Atoll.Simulation.Campaigns;
using Atoll.Simulation.Workloads;
using Xunit;

namespace Atoll.Clusters.Tests.Seeds;

/// <summary>
/// Random runs of whole clusters whose clients work on streams, under every fault: acknowledged batches stand where they were acknowledged,
/// numbered ones once and in order; what was read stays.
/// </summary>
public sealed class StreamsSeedTests
{
    [Fact]
    public void Fresh_seeds_of_streams_pass() => FreshSeeds.Pass(WorkloadKind.Streams, " of streams", usually: 20, oneOutOf: 4);

    [Fact]
    public void Seeds_of_streams_that_once_failed_pass()
    {
        foreach (var seed in PinnedSeeds.OfStreams)
        {
            var result = SimulationRun.Run(seed, WorkloadKind.Streams);
            Assert.True(result.Outcome == SimulationOutcome.Passed, result.Describe());
        }
    }
}
