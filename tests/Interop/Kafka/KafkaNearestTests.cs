using Atoll.Interop.Tests.Cql;
using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>
/// A reader of confluent_kafka's that says where it is (client.rack): it reads from the replicas there, and goes on when their node dies
/// and comes back. While it is away the client waits for it; of itself it would look elsewhere after five minutes.
/// </summary>
public sealed class KafkaNearestTests
{
    [Fact]
    public async Task A_reader_reads_from_the_replicas_where_it_is_each_message_once_and_in_order()
    {
        DriverProcess.Require(Driver.KafkaDebian);
        using var cluster = new ProcessCluster();
        await cluster.StartThreeAsync(static node => (new Dictionary<string, string>(), ["--zone", $"z{node}"]));
        await ClientProgram.RunAsync(cluster, "nearest.py", ["z3", "3"], async reader =>
        {
            await reader.SaysAsync("near");
            cluster.Node(3).Dispose();
            await cluster.StartAgain(3).SaysAsync("serves at");
        });
    }
}
