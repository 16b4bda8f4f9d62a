using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Kernel.Tests.Raft.Harness;
using Xunit;
using Xunit.Sdk;

namespace Atoll.Kernel.Tests.Raft;

/// <summary>
/// The properties of figure 3.2 of the dissertation, and linearizable reads (6.4), on clusters under random faults; then liveness once the
/// faults are over.
/// </summary>
public sealed class RandomClusterTests
{
    private static readonly int SeedsPerCase = int.Parse(Environment.GetEnvironmentVariable("ATOLL_RAFT_SEEDS") ?? "50");

    // One seed alone, with a trace in the working folder.
    private static readonly string? OneSeed = Environment.GetEnvironmentVariable("ATOLL_RAFT_SEED");

    public static TheoryData<ulong> FirstSeeds =>
        OneSeed is null ? [.. Enumerable.Range(0, 8).Select(i => (ulong)(i * 1_000_000))] : [ulong.Parse(OneSeed)];

    [Theory]
    [MemberData(nameof(FirstSeeds))]
    public void Every_property_holds_under_random_faults_and_the_cluster_recovers(ulong firstSeed)
    {
        for (var seed = firstSeed; seed < firstSeed + (OneSeed is null ? (ulong)SeedsPerCase : 1); seed++)
        {
            Run(new RandomCluster(seed) { TraceLines = OneSeed is null ? null : [] }, seed);
        }
    }

    /// <summary>Rows 5 and 6 of the museum: docs/raft.md, "Rebuilding".</summary>
    [Theory]
    [MemberData(nameof(FirstSeeds))]
    public void Replicas_that_lose_their_logs_get_them_back_and_nothing_committed_is_lost(ulong firstSeed)
    {
        for (var seed = firstSeed; seed < firstSeed + (OneSeed is null ? (ulong)SeedsPerCase : 1); seed++)
        {
            Run(new RandomCluster(seed, isRotting: true) { TraceLines = OneSeed is null ? null : [] }, seed);
        }
    }

    [Fact]
    public void A_replica_that_votes_before_it_has_its_log_back_is_caught()
    {
        for (var seed = 1UL; seed <= 200; seed++)
        {
            try
            {
                new RandomCluster(seed, isRotting: true, Sabotage.RebuildingVotes).RunFaulty(Duration.FromSeconds(20));
            }
            catch (Exception exception) when (exception is XunitException or CheckFailedException)
            {
                Assert.Matches("leader completeness|state machine safety|CommitIndex|stale read", exception.Message);
                return;
            }
        }

        Assert.Fail("no seed of 200 finds the planted bug");
    }

    private static void Run(RandomCluster cluster, ulong seed)
    {
        try
        {
            cluster.RunFaulty(Duration.FromSeconds(20));
            cluster.RunHealed(Duration.FromSeconds(30));
        }
        catch (Exception exception)
        {
            if (cluster.TraceLines is { } lines)
            {
                File.WriteAllLines($"raft-seed-{seed}.txt", lines);
            }

            throw new InvalidOperationException($"seed {seed}, after {cluster.Events} events, at {cluster.Now}", exception);
        }
    }
}
