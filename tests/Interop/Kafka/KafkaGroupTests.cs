using System.Globalization;
using Atoll.Interop.Tests.Cql;
using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>
/// Groups of consumers, with clients of Kafka that Debian has, unchanged, against three real processes. What they do is in groups.py beside
/// this file.
/// </summary>
public sealed class KafkaGroupTests
{
    [Fact]
    public async Task Everything_is_read_and_no_offset_goes_back_when_a_member_and_the_coordinator_die()
    {
        using var cluster = new ProcessCluster();
        await RunAsync(cluster, "group", async client =>
        {
            await client.SaysAsync("coordinator");
            var coordinator = int.Parse(client.Lines("coordinator")[0].AsSpan("coordinator ".Length), CultureInfo.InvariantCulture);
            cluster.Node(coordinator).Dispose();
            client.Write("killed");
        });
    }

    [Fact]
    public async Task A_group_goes_on_where_it_was_and_can_be_administered()
    {
        using var cluster = new ProcessCluster();
        await RunAsync(cluster, "plain", static _ => Task.CompletedTask);
    }

    private static async Task RunAsync(ProcessCluster cluster, string scenario, Func<DriverProcess, Task> meanwhile)
    {
        await cluster.StartThreeAsync(static _ => (new Dictionary<string, string>(), []));
        using var client = DriverProcess.Start(
            "/usr/bin/python3", "Kafka/groups.py", [scenario, .. Enumerable.Range(1, 3).Select(node => $"{cluster.Host(node)}:9092")]);
        try
        {
            await meanwhile(client);
            await client.SaysAsync("done");
            TestContext.Current.SendDiagnosticMessage(client.Output);
        }
        catch (InvalidOperationException failure)
        {
            Assert.Fail($"{failure.Message}\n{cluster.Logs()}");
        }
    }
}
