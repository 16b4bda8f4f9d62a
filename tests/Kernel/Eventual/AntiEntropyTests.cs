using System.Globalization;
using Xunit;
using Xunit.Sdk;
using Duration = Atoll.Foundation.Time.Duration;

namespace Atoll.Kernel.Tests.Eventual;

/// <summary>Replicas converge by themselves, and what was deleted never returns (museum, row 24).</summary>
public sealed class AntiEntropyTests
{
    private static readonly int SeedsPerCase = int.Parse(
        Environment.GetEnvironmentVariable("ATOLL_EVENTUAL_SEEDS") ?? "10", CultureInfo.InvariantCulture);

    public static TheoryData<ulong> FirstSeeds => [.. Enumerable.Range(0, 4).Select(i => (ulong)(i * 1_000_000))];

    [Theory]
    [MemberData(nameof(FirstSeeds))]
    public void Replicas_converge_and_nothing_deleted_returns_and_all_tombstones_go(ulong firstSeed)
    {
        var purged = 0;
        var added = 0;
        for (var seed = firstSeed; seed < firstSeed + (ulong)SeedsPerCase; seed++)
        {
            try
            {
                var cluster = new AntiEntropyCluster(seed);
                cluster.Run(Duration.FromSeconds(6));
                added += cluster.Added;
                Assert.All(cluster.Nodes, node => Assert.Equal(0, node.Rebuilt));
                purged += cluster.Nodes.Sum(node => node.Purged);
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"seed {seed}", exception);
            }
        }

        Assert.NotEqual(0, added);
        Assert.True(purged > SeedsPerCase, $"only {purged} tombstones went");
    }

    [Theory]
    [InlineData(AntiEntropyBug.IgnoresAbsent)]
    [InlineData(AntiEntropyBug.DropsByAge)]
    [InlineData(AntiEntropyBug.AdmitsEverything)]
    public void A_rule_that_is_broken_on_purpose_is_caught(AntiEntropyBug bug)
    {
        for (var seed = 1UL; seed <= 200; seed++)
        {
            try
            {
                new AntiEntropyCluster(seed, bug).Run(Duration.FromSeconds(6));
            }
            catch (XunitException exception)
            {
                Assert.Matches("returned|differ|lost|Assert", exception.Message);
                return;
            }
        }

        Assert.Fail("no seed of 200 finds the planted bug");
    }

    [Fact]
    public void A_replica_that_was_removed_and_put_back_while_it_was_away_starts_empty()
    {
        var cluster = new AntiEntropyCluster(1);
        cluster.RunRemovalWhileAway();
        Assert.Equal(1, cluster.Nodes.Sum(node => node.Rebuilt));
    }
}
