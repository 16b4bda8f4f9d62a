using System.Globalization;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>
/// One bit at a time flips in the files of one of three nodes, in every kind of file, live and at rest (museum, rows 5 to 7;
/// Bairavasundaram et al., FAST '08; Alagappan et al., FAST '18, table 1): each flip is harmless, or is found and repaired.
/// </summary>
public sealed class FlipTests
{
    private const string FlipsVariable = "ATOLL_FLIPS";
    private const string SeedVariable = "ATOLL_FLIPS_SEED";
    private const int FlipsDefault = 200;
    private const int FlipsOfACluster = 50;

    [Fact]
    public void Every_flipped_bit_is_harmless_or_found_and_repaired()
    {
        var flips = int.Parse(Environment.GetEnvironmentVariable(FlipsVariable) ?? $"{FlipsDefault}", CultureInfo.InvariantCulture);
        var first = ulong.Parse(Environment.GetEnvironmentVariable(SeedVariable) ?? "1", CultureInfo.InvariantCulture);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount };
        var tally = new FlipTally();
        var longest = 0.0;
        Parallel.For(0, (flips + FlipsOfACluster - 1) / FlipsOfACluster, parallel, cluster =>
        {
            var campaign = new FlipCampaign(first + (ulong)cluster);
            campaign.Run(Math.Min(FlipsOfACluster, flips - (cluster * FlipsOfACluster)));
            lock (tally)
            {
                tally.Add(campaign.Tally);
                longest = Math.Max(longest, campaign.LongestRepair.Seconds);
            }
        });
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"report: {tally.Flips} flips, whole again within {longest:0.0} s of virtual time:\n{tally}"));

        // Most of what is flipped is in use: a check that is not made would show as flips that nobody notices.
        Assert.True(tally.NoticedIn(FlippedFile.Segment) >= tally.Of(FlippedFile.Segment) / 8, tally.ToString());
        Assert.True(tally.RepairedIn(FlippedFile.SortedFile) >= tally.Of(FlippedFile.SortedFile) / 2, tally.ToString());
        Assert.True(tally.RepairedIn(FlippedFile.ValueFile) >= tally.Of(FlippedFile.ValueFile) / 8, tally.ToString());
        Assert.Equal(0, tally.RepairedIn(FlippedFile.Manifest)); // there are two copies
    }
}
