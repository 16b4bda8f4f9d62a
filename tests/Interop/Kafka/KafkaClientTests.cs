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

    [Fact]
    public async Task Nothing_is_lost_or_doubled_while_the_brokers_are_killed_one_after_the_other()
    {
        using var cluster = new ProcessCluster();
        await StartAsync(cluster);
        await ClientProgram.RunAsync(cluster, "client.py", ["failover"], async client =>
        {
            await client.SaysAsync("running");
            await client.AskAsync("", "progress");
            for (var victim = 1; victim <= 3; victim++)
            {
                cluster.Node(victim).Dispose();
                await client.AskAsync("", "progress");
                await cluster.Start(victim, new Dictionary<string, string>()).SaysAsync("serves at");
                await client.AskAsync("", "progress");
            }

            client.Write("enough");
        });
    }

    private static Task StartAsync(ProcessCluster cluster)
    {
        if (!DriverProcess.Succeeds("/usr/bin/python3", "-c", "import confluent_kafka, kafka") || !File.Exists("/usr/bin/kcat"))
        {
            Assert.Fail("missing: kcat, python3-confluent-kafka or python3-kafka (Debian's packages); ./test --all as root installs them");
        }

        return cluster.StartThreeAsync(static _ => (new Dictionary<string, string>(), []));
    }
}
