using System.Globalization;
using Atoll.Chaos.Tests.Cluster;
using Atoll.Interop.Tests.Cql;
using Atoll.Interop.Tests.Kafka;
using Xunit;

namespace Atoll.Chaos.Tests;

/// <summary>
/// Clients of Kafka, unchanged, while links between brokers are cut in one direction and in both, and while brokers are cut off from
/// everybody: numbered producers, groups whose members die, and processors that work in transactions, of confluent_kafka, kafkajs and
/// Confluent.Kafka. What they do, and what they find lost, doubled or out of order, is in tests/Interop/Kafka.
/// </summary>
public sealed class TopicCutTests
{
    private const int Nodes = 3;
    private const int KafkaPort = 9092;

    private static readonly TimeSpan CutFor = TimeSpan.FromSeconds(4); // an election takes less, the time-outs of clients take more

    [Fact]
    public async Task Nothing_is_lost_doubled_or_out_of_order_while_links_are_cut()
    {
        DriverProcess.Require(Driver.KafkaNode);
        DotNetClient.Load();
        Assert.True(
            DriverProcess.Succeeds("/usr/bin/python3", "-c", "import confluent_kafka, kafka"),
            "missing: python3-confluent-kafka or python3-kafka (Debian's packages); ./test --all as root installs them");
        if (NodeNetwork.MissingForCuts is { } missing)
        {
            Console.WriteLine($"report: topics and cuts: skipped: {missing}");
            Assert.Skip(missing);
        }

        await using var cluster = await ChaosCluster.StartAsync(Nodes, shards: 0);
        string[] brokers = [.. cluster.Nodes.Select(static node => $"{node.Host}:{KafkaPort}")];
        using var producer = DriverProcess.Start("/usr/bin/python3", "Kafka/client.py", ["failover", .. brokers]);
        using var group = DriverProcess.Start("/usr/bin/python3", "Kafka/groups.py", ["group", .. brokers]);
        using var processors = DriverProcess.Start("/usr/bin/python3", "Kafka/transactions.py", ["exactly-once", .. brokers]);
        using var kafkajs = DriverProcess.Start("node", "Kafka/clients.js", ["kafkajs", "failover", .. brokers]);
        var dotNet = new DotNetFailover(string.Join(',', brokers));
        var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var dotNetRunning = Task.Run(() => dotNet.RunAsync(enough.Task));
        try
        {
            await Task.WhenAll(
                group.SaysAsync("coordinator"), producer.SaysAsync("running"), processors.SaysAsync("running"),
                kafkajs.SaysAsync("running"), dotNet.ProgressAsync(dotNetRunning));
            var coordinator = int.Parse(group.Lines("coordinator")[0].AsSpan("coordinator ".Length), CultureInfo.InvariantCulture) - 1;
            var (next, last) = ((coordinator + 1) % Nodes, (coordinator + 2) % Nodes);

            // Who coordinates the group, and whatever else it leads, is cut off from clients, too, while a member has died.
            cluster.Network.CutOff(coordinator);
            group.Write("killed");
            processors.Write("killed");
            await Eventually.LastsAsync(CutFor);
            cluster.Network.Rejoin(coordinator);
            await GoOnAsync();

            // Clients reach all of them, but one hears nothing of another any more.
            cluster.Network.CutOneWay(next, last);
            await Eventually.LastsAsync(CutFor);
            cluster.Network.MendAll();
            await GoOnAsync();

            // Each of two reaches the third only.
            cluster.Network.CutOneWay(coordinator, last);
            cluster.Network.CutOneWay(last, coordinator);
            await Eventually.LastsAsync(CutFor);
            cluster.Network.MendAll();
            await GoOnAsync();

            cluster.Network.CutOff(last);
            await Eventually.LastsAsync(CutFor);
            cluster.Network.Rejoin(last);
            await GoOnAsync();

            enough.SetResult();
            producer.Write("enough");
            kafkajs.EndInput();
            await Task.WhenAll(
                group.SaysAsync("done"), producer.SaysAsync("done"), processors.SaysAsync("done"), kafkajs.SaysAsync("done"),
                dotNetRunning);
            cluster.IsDoneWith = true;
        }
        catch (Exception failure) when (failure is InvalidOperationException or TimeoutException)
        {
            Assert.Fail($"logs and data in {cluster.Folder}: {failure.Message}\n{dotNet}\n{cluster.Logs()}");
        }

        foreach (var (name, line) in new[] { ("producer", producer), ("group", group), ("kafkajs", kafkajs) }
            .SelectMany(static each => each.Item2.Lines("messages ").Select(line => (each.Item1, line))))
        {
            Console.WriteLine($"report: topics and cuts: {name}: {line}");
        }

        Console.WriteLine($"report: topics and cuts: {dotNet}");

        async Task GoOnAsync()
        {
            await cluster.WholeAsync();
            await Task.WhenAll(
                producer.AskAsync("", "progress"), kafkajs.AskAsync("progress?", "progress"), dotNet.ProgressAsync(dotNetRunning));
        }
    }
}
