using System.Globalization;
using Atoll.Chaos.Tests.Cluster;
using Atoll.Interop.Tests.Cql;
using Atoll.Interop.Tests.Kafka;
using Xunit;

namespace Atoll.Chaos.Tests;

/// <summary>
/// Clients of Kafka, unchanged, while links between brokers are cut in one direction and in both, and while brokers are cut off from
/// everybody: numbered producers and groups whose members die, of confluent_kafka, kcat, kafka-python, kafkajs and @platformatic/kafka, and
/// processors that work in transactions, of some of them and Confluent.Kafka. What they do, and what they find lost, doubled or out of
/// order, is in tests/Interop/Kafka.
/// </summary>
public sealed class TopicCutTests
{
    private const string Report = "topics and cuts";

    private static readonly TimeSpan CutFor = TimeSpan.FromSeconds(4); // an election takes less, the time-outs of clients take more

    [Fact]
    public async Task Nothing_is_lost_doubled_or_out_of_order_while_links_are_cut()
    {
        DotNetClient.Load();
        await using var cluster = await KafkaBrokers.StartAsync(Report, Driver.KafkaNode, Driver.KafkaDebian);
        var brokers = KafkaBrokers.Of(cluster);
        using var confluent = DriverProcess.Start("/usr/bin/python3", "Kafka/failover.py", ["confluent_kafka", .. brokers]);
        using var kcat = DriverProcess.Start("/usr/bin/python3", "Kafka/failover.py", ["kcat", .. brokers]);
        using var plain = DriverProcess.Start("/usr/bin/python3", "Kafka/failover.py", ["kafka-python", .. brokers]);
        using var group = DriverProcess.Start("/usr/bin/python3", "Kafka/groups.py", ["group", .. brokers]);
        using var processors = DriverProcess.Start("/usr/bin/python3", "Kafka/transactions.py", ["exactly-once", .. brokers]);
        using var kafkajs = DriverProcess.Start("node", "Kafka/clients.js", ["kafkajs", "failover", .. brokers]);
        using var platformatic = DriverProcess.Start("node", "Kafka/clients.js", ["platformatic", "failover", .. brokers]);
        (string Name, DriverProcess Process)[] clients =
        [
            ("confluent_kafka", confluent), ("kcat", kcat), ("kafka-python", plain), ("kafkajs", kafkajs), ("platformatic", platformatic),
        ];
        var dotNet = new DotNetFailover(string.Join(',', brokers));
        var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var dotNetRunning = Task.Run(() => dotNet.RunAsync(enough.Task));
        try
        {
            await Task.WhenAll(
            [
                .. clients.Select(static client => client.Process.SaysAsync("running")),
                group.SaysAsync("coordinator"), processors.SaysAsync("running"), dotNet.ProgressAsync(dotNetRunning),
            ]);
            var coordinator = int.Parse(group.Lines("coordinator")[0].AsSpan("coordinator ".Length), CultureInfo.InvariantCulture) - 1;
            var (next, last) = ((coordinator + 1) % brokers.Length, (coordinator + 2) % brokers.Length);

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
            Array.ForEach(clients, static client => client.Process.EndInput());
            await Task.WhenAll(
            [
                .. clients.Select(static client => client.Process.SaysAsync("done")),
                group.SaysAsync("done"), processors.SaysAsync("done"), dotNetRunning,
            ]);
            cluster.IsDoneWith = true;
        }
        catch (Exception failure) when (failure is InvalidOperationException or TimeoutException)
        {
            Assert.Fail($"logs and data in {cluster.Folder}: {failure.Message}\n{dotNet}\n{cluster.Logs()}");
        }

        foreach (var (name, process) in clients.Append(("group", group)))
        {
            Console.WriteLine($"report: {Report}: {name}: {string.Join("; ", process.Lines("messages "))}");
        }

        Console.WriteLine($"report: {Report}: {dotNet}");

        async Task GoOnAsync()
        {
            await cluster.WholeAsync();
            await Task.WhenAll(
            [
                .. clients.Select(static client => client.Process.AskAsync("progress?", "progress")),
                dotNet.ProgressAsync(dotNetRunning),
            ]);
        }
    }
}
