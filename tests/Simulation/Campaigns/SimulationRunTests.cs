using System.Diagnostics;
using System.Globalization;
using Atoll.Foundation.Time;
using Atoll.Simulation.Campaigns;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.World;
using Atoll.Simulation.Workloads;
using Xunit;

namespace Atoll.Simulation.Tests.Campaigns;

public sealed class SimulationRunTests
{
    private const string SeedVariable = "ATOLL_TEST_RUN_SEED";

    [Fact]
    public void A_few_seeds_pass_and_some_of_them_twice_alike()
    {
        var summary = new SimulationCampaign(new CampaignOptions { FirstSeed = 1, Seeds = 8, TwiceEvery = 4 }).Run();
        Assert.True(summary.Failures.Count == 0, string.Join("\n\n", summary.Failures.Select(failure => failure.Describe())));
        Assert.Equal(8, summary.Seeds);
        Assert.Equal(2, summary.RanTwice);
        Assert.True(summary.Operations > 100 && summary.SimulatedHours > 0);
        Assert.NotEmpty(summary.Faults.ByKind());
        Assert.Equal(0, summary.ExitCode);
    }

    [Fact]
    public void A_seed_goes_alike_in_another_process_and_another_seed_does_not()
    {
        var expected = $"run-hash={SimulationRun.Run(3).TraceHash:x16}";
        Assert.Contains(expected, RunChild(3), StringComparison.Ordinal);
        Assert.DoesNotContain(expected, RunChild(4), StringComparison.Ordinal);
    }

    // The child's side of the test above: prints the hash of the seed that the environment names.
    [Fact]
    public void Print_the_hash_of_a_run_when_run_as_a_child()
    {
        if (Environment.GetEnvironmentVariable(SeedVariable) is { } seed)
        {
            Console.WriteLine($"run-hash={SimulationRun.Run(ulong.Parse(seed, CultureInfo.InvariantCulture)).TraceHash:x16}");
        }
    }

    [Fact]
    public void A_sheet_follows_from_its_seed_and_tells_everything()
    {
        Assert.Equal(SimulationSheet.Draw(7), SimulationSheet.Draw(7));
        Assert.NotEqual(SimulationSheet.Draw(7) with { Seed = 8 }, SimulationSheet.Draw(8));
        var text = SimulationSheet.Draw(7).ToString();
        foreach (var name in new[] { "Seed", "Cluster.Nodes", "Workload.Clients", "Faults.CrashEvery", "FaultyFor" })
        {
            Assert.Contains($"  {name} = ", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Sheets_reach_all_their_corners_and_keep_their_bounds()
    {
        var sheets = Enumerable.Range(1, 600).Select(seed => SimulationSheet.Draw((ulong)seed)).ToList();
        Assert.Equal(Enumerable.Range(1, 7), sheets.Select(sheet => sheet.Cluster.Nodes).Distinct().Order());
        Assert.Equal([1, 3, 5, 7], sheets.Select(sheet => sheet.Replicas).Distinct().Order());
        Assert.Equal([1, 2, 3], sheets.Select(sheet => sheet.Cluster.LoopsPerNode).Distinct().Order());
        Assert.All(sheets, sheet =>
        {
            // Fewer than half of any replica set may lose data.
            Assert.True(sheet.ExpendableNodes * 2 < Math.Min(sheet.Replicas, sheet.Cluster.DirectoryReplicas));
            Assert.True(sheet.Replicas <= sheet.Cluster.Nodes && sheet.Cluster.Founders <= sheet.Cluster.DirectoryReplicas);

            // With leases clocks keep the bound that leases rely on: two clocks may part by twice the drift.
            var apart = sheet.Cluster.ElectionTimeout.Nanoseconds / 1_000_000 * sheet.Faults.DriftPartsPerMillionMax * 2;
            Assert.True(!sheet.Cluster.LeaseReads || apart < sheet.Cluster.LeaseClockDriftBound.Nanoseconds);
        });
        sheets.AddRange(sheets.Select(sheet => sheet.Of(WorkloadKind.Eventual)).ToArray());
        sheets.AddRange(Enumerable.Range(0, 600).Select(seed =>
            SimulationSheet.Draw(SimulationSheet.FirstSeedWithMoves + (ulong)seed).Of(WorkloadKind.Eventual)));
        foreach (var property in typeof(FaultShape).GetProperties())
        {
            Assert.True(sheets.Select(sheet => property.GetValue(sheet.Faults)).Distinct().Count() > 1, property.Name);
        }
    }

    [Fact]
    public void Disks_that_lie_about_sync_are_found_out() =>
        ExpectFinding(PlantedBug.LyingDisks, new FaultShape { PowerLossEverywhereEvery = Duration.FromSeconds(4) });

    [Fact]
    public void A_quorum_that_is_one_copy_smaller_is_found_out() =>
        ExpectFinding(PlantedBug.SmallerQuorum, new FaultShape { CrashEvery = Duration.FromSeconds(2) });

    [Fact]
    public void Votes_given_twice_are_found_out() =>
        ExpectFinding(PlantedBug.ForgedVotes, new FaultShape
        {
            CrashEvery = Duration.FromSeconds(1),
            PartitionEvery = Duration.FromSeconds(1),
            LossPartsPerMillion = 200_000,
        });

    [Fact]
    public void A_failure_is_told_with_its_sheet_its_story_and_the_command_that_replays_it()
    {
        var failure = ExpectFinding(PlantedBug.LyingDisks, new FaultShape { PowerLossEverywhereEvery = Duration.FromSeconds(4) });
        var text = failure.Describe();
        Assert.Contains("Cluster.Nodes = 3", text, StringComparison.Ordinal);
        Assert.Contains("loses power", text, StringComparison.Ordinal);
        Assert.EndsWith($"./atoll sim --seed {failure.Seed} --planted-bug LyingDisks", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_difference_between_two_runs_is_found_at_its_first_event()
    {
        var first = new EventTrace(keepHashes: true);
        SimulationRun.Run(5, trace: first);
        var second = new EventTrace(expected: [.. first.Hashes.Take(1_000), 0, .. first.Hashes.Skip(1_001)]);
        SimulationRun.Run(5, trace: second);
        Assert.Equal(1_000, second.FirstDifference);
    }

    private static SimulationResult ExpectFinding(PlantedBug bug, FaultShape faults)
    {
        for (ulong seed = 1; seed <= 30; seed++)
        {
            var sheet = SimulationSheet.Draw(seed) with
            {
                Bug = bug,
                Cluster = new ClusterShape
                {
                    ElectionTimeout = Duration.FromMilliseconds(300),
                    HeartbeatInterval = Duration.FromMilliseconds(60),
                },
                Replicas = 3,
                Shards = 2,
                Workload = new WorkloadShape { Patience = Duration.FromSeconds(3) },
                Faults = faults,
                FaultyFor = Duration.FromSeconds(20),
                ExpendableNodes = 0,
            };
            var result = SimulationRun.Run(sheet);
            if (result.Outcome == SimulationOutcome.SafetyViolation)
            {
                return result;
            }
        }

        Assert.Fail($"{bug} was not found in 30 seeds");
        return null!;
    }

    private static string RunChild(ulong seed)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet")
        {
            start.ArgumentList.Add(typeof(SimulationRunTests).Assembly.Location);
        }

        foreach (var argument in new[]
        {
            "--filter-method", $"*{nameof(Print_the_hash_of_a_run_when_run_as_a_child)}",
            "--show-live-output", "on", "--output", "Detailed",
        })
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment[SeedVariable] = seed.ToString(CultureInfo.InvariantCulture);
        using var child = Process.Start(start)!;
        var output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return output;
    }
}
