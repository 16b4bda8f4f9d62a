using Atoll.Interop.Tests.Cql;
using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>
/// Clients of Kafka that Debian has, unchanged, against three real processes: kcat and confluent_kafka (both librdkafka), and kafka-python.
/// What they do is in client.py and failover.py beside this file. While brokers are killed npm's @platformatic/kafka is with them.
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
        DriverProcess.Require(Driver.KafkaNode);
        using var cluster = new ProcessCluster();
        await StartAsync(cluster);
        using var confluent = ClientProgram.Start(cluster, "failover.py", "confluent_kafka");
        using var plain = ClientProgram.Start(cluster, "failover.py", "kafka-python");
        using var kcat = ClientProgram.Start(cluster, "failover.py", "kcat");
        using var platformatic = ClientProgram.Start(cluster, "clients.js", "platformatic", "failover");
        DriverProcess[] clients = [confluent, plain, kcat, platformatic];
        try
        {
            await Task.WhenAll(clients.Select(static client => client.SaysAsync("running")));
            await ClientProgram.KillEachBrokerAsync(
                cluster, () => Task.WhenAll(clients.Select(static client => client.AskAsync("progress?", "progress"))));
            Array.ForEach(clients, static client => client.EndInput());
            await Task.WhenAll(clients.Select(static client => client.SaysAsync("done")));
            TestContext.Current.SendDiagnosticMessage(string.Join('\n', clients.SelectMany(static client => client.Lines("messages"))));
        }
        catch (InvalidOperationException failure)
        {
            Assert.Fail($"{failure.Message}\n{cluster.Logs()}");
        }
    }

    private static Task StartAsync(ProcessCluster cluster)
    {
        DriverProcess.Require(Driver.KafkaDebian);
        return cluster.StartThreeAsync(static _ => (new Dictionary<string, string>(), []));
    }
}
