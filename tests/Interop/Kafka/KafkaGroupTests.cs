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
        await RunAsync(cluster, "plain");
    }

    private static async Task RunAsync(ProcessCluster cluster, string scenario, Func<DriverProcess, Task>? meanwhile = null)
    {
        await cluster.StartThreeAsync(static _ => (new Dictionary<string, string>(), []));
        await ClientProgram.RunAsync(cluster, "groups.py", [scenario], meanwhile);
    }
}
