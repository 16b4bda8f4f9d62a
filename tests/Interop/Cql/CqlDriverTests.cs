using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Cql;

/// <summary>
/// The drivers of Cassandra that Debian and npm have, unchanged and with their default policies, against three real processes. What they
/// do is in driver.py and driver.js beside this file.
/// </summary>
public sealed class CqlDriverTests
{
    [Theory]
    [InlineData(Driver.Python)]
    [InlineData(Driver.Node)]
    public async Task A_driver_finds_the_cluster_through_one_node(Driver driver)
    {
        using var cluster = new ProcessCluster();
        await StartAsync(cluster);
        await RunAsync(cluster, driver, "system");
    }

    [Theory]
    [InlineData(Driver.Python)]
    [InlineData(Driver.Node)]
    public async Task A_driver_keeps_tables(Driver driver)
    {
        using var cluster = new ProcessCluster();
        await StartAsync(cluster);
        await RunAsync(cluster, driver, "tables");
    }

    [Fact]
    public async Task A_driver_loads_and_pages_100_000_rows()
    {
        using var cluster = new ProcessCluster();
        await StartAsync(cluster);
        await RunAsync(cluster, Driver.Python, "load");
    }

    [Fact]
    public async Task A_driver_keeps_eventual_tables_also_while_a_node_is_gone()
    {
        using var cluster = new ProcessCluster();
        await StartAsync(cluster);
        await RunAsync(cluster, Driver.Python, "eventual", async driver =>
        {
            await driver.SaysAsync("kill one");
            cluster.Node(3).Dispose();
            await driver.AskAsync("killed", "start it");
            await cluster.Start(3, new Dictionary<string, string>()).SaysAsync("serves at");
            driver.Write("started");
        });
    }

    [Fact]
    public async Task A_driver_of_a_region_keeps_to_it_and_goes_on_without_the_other()
    {
        DriverProcess.Require(Driver.Python);
        using var cluster = new ProcessCluster();
        await cluster.StartThreeAsync(static node => (new Dictionary<string, string>(), ["--region", node == 3 ? "us" : "eu"]));
        await RunAsync(cluster, Driver.Python, "regions", async driver =>
        {
            await driver.SaysAsync("kill us");
            cluster.Node(3).Dispose();
            driver.Write("killed");
        });
    }

    [Fact]
    public async Task Another_driver_keeps_eventual_tables()
    {
        using var cluster = new ProcessCluster();
        await StartAsync(cluster);
        await RunAsync(cluster, Driver.Node, "eventual");
    }

    [Theory]
    [InlineData(Driver.Python)]
    [InlineData(Driver.Node)]
    public async Task A_driver_authenticates_with_the_clusters_token(Driver driver)
    {
        using var cluster = new ProcessCluster();
        await StartAsync(cluster, "--tokens", "the-token");
        await RunAsync(cluster, driver, "credentials", "the-token");
    }

    [Fact]
    public async Task A_driver_goes_on_while_the_nodes_are_killed_one_after_the_other()
    {
        using var cluster = new ProcessCluster();
        await StartAsync(cluster);
        await RunAsync(cluster, Driver.Python, "failover", async driver =>
        {
            await driver.SaysAsync("running");
            await driver.AskAsync("500", "progress");
            for (var victim = 1; victim <= 3; victim++)
            {
                cluster.Node(victim).Dispose();
                await driver.AskAsync("500", "progress");
                await cluster.Start(victim, new Dictionary<string, string>()).SaysAsync("serves at");
                await driver.AskAsync("500", "progress");
            }
        });
    }

    private static async Task StartAsync(ProcessCluster cluster, params string[] options)
    {
        DriverProcess.Require(Driver.Python, Driver.Node);
        await cluster.StartThreeAsync(_ => (new Dictionary<string, string>(), options));
    }

    private static string[] Addresses(ProcessCluster cluster) => [.. Enumerable.Range(1, 3).Select(cluster.Host)];

    private static Task RunAsync(ProcessCluster cluster, Driver driver, string scenario, string input = "") =>
        RunAsync(cluster, driver, scenario, process =>
        {
            process.Write(input);
            return Task.CompletedTask;
        });

    // What happens while it runs; it must then come to its end.
    private static async Task RunAsync(ProcessCluster cluster, Driver driver, string scenario, Func<DriverProcess, Task> meanwhile)
    {
        using var process = DriverProcess.Start(driver, scenario, Addresses(cluster));
        try
        {
            await meanwhile(process);
            process.EndInput();
            await process.SaysAsync("done");
            TestContext.Current.SendDiagnosticMessage(process.Output);
        }
        catch (InvalidOperationException failure)
        {
            Assert.Fail($"{failure.Message}\n{cluster.Logs()}");
        }
    }
}
