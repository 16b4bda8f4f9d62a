using Atoll.Interop.Tests.Cql;
using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>
/// Transactions, with clients of Kafka that Debian has, unchanged, against three real processes. What they do is in transactions.py beside
/// this file.
/// </summary>
public sealed class KafkaTransactionTests
{
    [Fact]
    public async Task What_is_committed_is_seen_and_what_is_aborted_or_of_a_zombie_never()
    {
        using var cluster = new ProcessCluster();
        await RunAsync(cluster, "plain");
    }

    [Fact]
    public async Task Each_message_is_worked_on_once_when_a_processor_and_a_broker_die()
    {
        using var cluster = new ProcessCluster();
        await RunAsync(cluster, "exactly-once", async client =>
        {
            await client.SaysAsync("running");
            cluster.Node(2).Dispose();
            client.Write("killed");
        });
    }

    private static async Task RunAsync(ProcessCluster cluster, string scenario, Func<DriverProcess, Task>? meanwhile = null)
    {
        await cluster.StartThreeAsync(static _ => (new Dictionary<string, string>(), []));
        await ClientProgram.RunAsync(cluster, "transactions.py", [scenario], meanwhile);
    }
}
