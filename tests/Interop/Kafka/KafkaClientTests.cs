using Atoll.Interop.Tests.Cql;
using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>
/// Clients of Kafka that Debian has, unchanged, against three real processes: kcat and confluent_kafka (both librdkafka), and kafka-python.
/// What they do is in client.py beside this file.
/// </summary>
public sealed class KafkaClientTests
{
    [Fact]
    public async Task Clients_create_topics_produce_in_every_way_read_partitions_and_find_them_compacted()
    {
        using var cluster = new ProcessCluster();
        await StartAsync(cluster);
        await ProcessCluster.SucceedsAsync(
            ["quota", "set", "producer_byte_rate=200000", "--client-id", "slow", "--node", cluster.Client(1)]);
        await Task.WhenAll(new[] { "librdkafka", "kafka-python", "kcat", "quotas", "compaction" }.Select(client =>
            ClientProgram.RunAsync(cluster, "client.py", [client])));
    }

    private static Task StartAsync(ProcessCluster cluster)
    {
        DriverProcess.Require(Driver.KafkaDebian);
        return cluster.StartThreeAsync(static _ => (new Dictionary<string, string>(), []));
    }
}
