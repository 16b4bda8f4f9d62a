using System.Globalization;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Xunit;
using Xunit.Sdk;

namespace Atoll.Kernel.Tests.Paxos;

/// <summary>Conditional writes and SERIAL reads are linearizable under all faults (museum, row 26), and the checks can tell.</summary>
public sealed class RandomPaxosTests
{
    private static readonly int SeedsPerCase = int.Parse(
        Environment.GetEnvironmentVariable("ATOLL_PAXOS_SEEDS") ?? "12", CultureInfo.InvariantCulture);

    public static TheoryData<ulong> FirstSeeds => [.. Enumerable.Range(0, 6).Select(i => (ulong)(i * 1_000_000))];

    [Theory]
    [MemberData(nameof(FirstSeeds))]
    public void Histories_are_linearizable_under_random_faults(ulong firstSeed)
    {
        var applied = 0;
        for (var seed = firstSeed; seed < firstSeed + (ulong)SeedsPerCase; seed++)
        {
            try
            {
                var cluster = new PaxosCluster(seed);
                cluster.Run(Duration.FromSeconds(3), operationsMax: 40);
                applied += cluster.Applied;
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"seed {seed}", exception);
            }
        }

        Assert.True(applied > SeedsPerCase, $"only {applied} writes took effect");
    }

    [Theory]
    [InlineData((int)Sabotage.QuorumLacksOne)]
    [InlineData((int)Sabotage.VotesBeforeDurable)]
    [InlineData((int)Sabotage.AcknowledgesBeforeDurable)]
    public void A_planted_bug_is_caught(int sabotage) => IsCaught(seed => new PaxosCluster(seed, (Sabotage)sabotage));

    [Fact]
    public void A_floor_that_passes_unsettled_decrees_is_caught() => IsCaught(seed => new PaxosCluster(seed, holdsNothingBack: true));

    [Fact]
    public void Museum_row_26_A_change_of_replicas_in_one_step_is_caught() =>
        IsCaught(static seed => new PaxosCluster(seed, changesInOneStep: true));

    private static void IsCaught(Func<ulong, PaxosCluster> create)
    {
        for (var seed = 1UL; seed <= 3000; seed++)
        {
            try
            {
                create(seed).Run(Duration.FromSeconds(3), operationsMax: 40);
            }
            catch (Exception exception) when (exception is XunitException or CheckFailedException)
            {
                Assert.Matches("linearizable|found", exception.Message);
                return;
            }
        }

        Assert.Fail("no seed of 3000 finds the planted bug");
    }

    [Fact]
    public void Everything_is_forgotten_once_it_is_on_all_replicas()
    {
        for (var seed = 1UL; seed <= 10; seed++)
        {
            var cluster = new PaxosCluster(seed, isFaulty: false);
            cluster.Run(Duration.FromSeconds(2), operationsMax: 20);
            cluster.Settle();
            Assert.Equal(0, cluster.StatesRemembered);
        }
    }
}
