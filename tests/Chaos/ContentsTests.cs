using Atoll.Chaos.Tests.Cluster;
using Atoll.Interop.Tests.Cql;
using Xunit;

namespace Atoll.Chaos.Tests;

/// <summary>
/// An index of files in an eventual table, loaded by Python's driver at QUORUM while one node is killed and another is cut off;
/// tests/Interop/Cql/contents.py does it. ATOLL_CONTENTS names a file to load instead of the made-up one: index_of_files.py makes one of
/// Debian's 7.4 million paths.
/// </summary>
public sealed class ContentsTests
{
    private const int Nodes = 3;
    private const int Killed = 1;
    private const int CutOff = 2;
    private const string MadeUpPaths = "200000";

    /// <summary>What is loaded: a number of made-up paths, or a file.</summary>
    internal static string Paths => Environment.GetEnvironmentVariable("ATOLL_CONTENTS") ?? MadeUpPaths;

    [Fact]
    public async Task A_driver_loads_an_index_of_files_and_all_of_it_is_everywhere_after_a_kill_and_a_cut()
    {
        DriverProcess.Require(Driver.Python);
        if (NodeNetwork.MissingForCuts is { } missing)
        {
            Console.WriteLine($"report: index of files: skipped: {missing}");
            Assert.Skip(missing);
        }

        await using var cluster = await ChaosCluster.StartAsync(Nodes, shards: 0);
        using var driver = DriverProcess.Start(
            "/usr/bin/python3", "Cql/contents.py", [Paths, .. cluster.Nodes.Select(node => node.Host)]);
        try
        {
            await LoadAsync(cluster, driver);
            driver.Write("healed");
            await driver.SaysAsync("ok: an export at QUORUM");
            foreach (var node in cluster.Nodes)
            {
                await driver.SaysAsync($"ok: an export at ONE through {node.Host}");
            }

            await driver.SaysAsync("done");
            cluster.IsDoneWith = true;
        }
        catch (Exception failure) when (failure is InvalidOperationException or TimeoutException)
        {
            Assert.Fail(cluster.Tell(failure.Message));
        }

        foreach (var line in driver.Lines("report: ").Concat(driver.Lines("ok: an export")))
        {
            Console.WriteLine("report: index of files: " + line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..]);
        }
    }

    private static async Task LoadAsync(ChaosCluster cluster, DriverProcess driver)
    {
        await driver.SaysAsync("share 2");
        cluster.Nodes[Killed].Kill();
        await driver.SaysAsync("share 4");
        cluster.Nodes[Killed].Start();
        await driver.SaysAsync("share 5");
        await cluster.WholeAsync();
        await driver.SaysAsync("share 6");
        cluster.Network.CutOff(CutOff);
        await driver.SaysAsync("share 7");
        cluster.Network.Rejoin(CutOff);
        for (var share = 8; share <= 9; share++)
        {
            await driver.SaysAsync($"share {share}");
        }

        await driver.SaysAsync("loaded");
    }
}
