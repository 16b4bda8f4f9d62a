using System.Globalization;
using Atoll.Foundation.Time;
using Atoll.Simulation.Campaigns;
using Xunit;

namespace Atoll.Clusters.Tests.Seeds;

/// <summary>
/// Random runs in which the disks of one node rot all the time, in the logs and in the stores, while nodes crash and lose power. Nothing
/// acknowledged is lost, no wrong value is read, and in the end every replica has everything (museum, rows 5 and 6).
/// </summary>
public sealed class RottenSeedTests
{
    private const string SeedsVariable = "ATOLL_ROTTEN_SEEDS";
    private const int SeedsDefault = 12;

    [Fact]
    public void What_rots_is_repaired()
    {
        var asked = Environment.GetEnvironmentVariable(SeedsVariable);
        var seeds = asked is null ? SeedsDefault : int.Parse(asked, CultureInfo.InvariantCulture);
        var repairs = 0;
        for (var seed = 1UL; seed <= (ulong)seeds; seed++)
        {
            var result = SimulationRun.Run(Rotten(seed));
            Assert.True(result.Outcome == SimulationOutcome.Passed, result.Describe());
            repairs += result.Story.Count(line => line.Contains("votes again", StringComparison.Ordinal));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"report: {repairs} repairs in {seeds} rotten seeds"));
        Assert.True(repairs >= seeds / 4, $"{repairs} repairs");
    }

    private static SimulationSheet Rotten(ulong seed)
    {
        var sheet = SimulationSheet.Draw(seed);
        return sheet with
        {
            Cluster = sheet.Cluster with { Nodes = 4, Founders = 3, DirectoryReplicas = 3, SegmentBytes = 2 * 1024 * 1024 },
            Replicas = 3,
            ExpendableNodes = 1,
            Faults = sheet.Faults with
            {
                RotEvery = Duration.FromMilliseconds(700),
                CrashEvery = Duration.FromMilliseconds(1_500),
                DownMax = Duration.FromSeconds(1),
                ReadFailsPartsPerMillion = 0,
                WriteFailsPartsPerMillion = 0,
                SyncFailsPartsPerMillion = 0,
                DiskFullEvery = Duration.Zero,
            },
        };
    }
}
