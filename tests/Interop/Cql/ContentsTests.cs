using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Cql;

/// <summary>
/// An index of files in an eventual table, loaded by Python's driver at QUORUM while one node is killed and another stands still;
/// contents.py beside this file does it. ATOLL_CONTENTS names a file to load instead of the made-up one: contents.py --list makes one of
/// Debian's 7.4 million paths.
/// </summary>
public sealed class ContentsTests
{
    private const string MadeUpPaths = "200000";

    [Fact]
    public async Task A_driver_loads_an_index_of_files_and_all_of_it_is_everywhere_after_a_kill_and_a_pause()
    {
        DriverProcess.Require(Driver.Python);
        using var cluster = new ProcessCluster();
        await cluster.StartThreeAsync(_ => (new Dictionary<string, string>(), []));
        var paths = Environment.GetEnvironmentVariable("ATOLL_CONTENTS") ?? MadeUpPaths;
        using var driver = DriverProcess.Start(
            "/usr/bin/python3", "contents.py", [paths, .. Enumerable.Range(1, 3).Select(cluster.Host)]);
        try
        {
            await driver.SaysAsync("share 2");
            cluster.Node(2).Dispose();
            await driver.SaysAsync("share 4");
            await cluster.Start(2, new Dictionary<string, string>()).SaysAsync("serves at");
            await driver.SaysAsync("share 6");
            cluster.Node(3).Pause();
            await driver.SaysAsync("share 7");
            cluster.Node(3).Resume();
            for (var share = 8; share <= 9; share++)
            {
                await driver.SaysAsync($"share {share}");
            }

            await driver.SaysAsync("loaded");
            driver.Write("healed");
            await driver.SaysAsync("ok: an export at QUORUM");
            for (var node = 1; node <= 3; node++)
            {
                await driver.SaysAsync($"ok: an export at ONE through {cluster.Host(node)}");
            }

            await driver.SaysAsync("done");
        }
        catch (Exception failure) when (failure is InvalidOperationException or TimeoutException)
        {
            Assert.Fail($"{failure.Message}\n{cluster.Logs()}");
        }

        foreach (var line in driver.Lines("report: ").Concat(driver.Lines("ok: an export")))
        {
            Console.WriteLine("report: index of files: " + line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..]);
        }
    }
}
