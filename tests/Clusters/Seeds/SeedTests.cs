using Atoll.Simulation.Campaigns;
using Atoll.Simulation.Workloads;
using Xunit;

namespace Atoll.Clusters.Tests.Seeds;

/// <summary>
/// Random runs of whole clusters under every fault: seeds that once found a bug, for ever, and fresh ones each time. A failure prints the
/// sheet, the story and, in its last line, the command that replays it.
/// </summary>
public sealed class SeedTests
{
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
    public void Fresh_seeds_pass() => FreshSeeds.Pass(WorkloadKind.Records, "", usually: 60, seconds: 240);
}
