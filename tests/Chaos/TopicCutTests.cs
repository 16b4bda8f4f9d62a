using System.Globalization;
using Atoll.Chaos.Tests.Cluster;
using Atoll.Interop.Tests.Cql;
using Atoll.Interop.Tests.Kafka;
using Xunit;

namespace Atoll.Chaos.Tests;

/// <summary>
/// Clients of Kafka, unchanged, that log in over TLS, while links between brokers are cut in one direction and in both, and while brokers
/// are cut off from everybody: <see cref="FailoverClients"/>, a group of confluent_kafka's whose coordinator goes, and its processors that
/// work in transactions. What they do, and what they find lost, doubled or out of order, is in tests/Interop/Kafka.
/// </summary>
public sealed class TopicCutTests
{
    private const string Report = "topics and cuts";

    private static readonly TimeSpan CutFor = TimeSpan.FromSeconds(4); // an election takes less, the time-outs of clients take more

    [Fact]
    public async Task Nothing_is_lost_doubled_or_out_of_order_while_links_are_cut()
    {
        await using var cluster = await KafkaBrokers.StartSecureAsync(Report, Driver.Python, Driver.KafkaNode, Driver.KafkaDebian);
        var brokers = KafkaBrokers.Of(cluster);
        var login = new KafkaLogin(cluster.Authority!.Path);
        await login.CreateRoleAsync(cluster.Nodes[0].Host, ChaosCluster.Token);
        using var clients = new FailoverClients(brokers, login);
        using var group = DriverProcess.Start("/usr/bin/python3", "Kafka/groups.py", ["group", .. brokers], login.Environment);
        using var processors = DriverProcess.Start(
            "/usr/bin/python3", "Kafka/transactions.py", ["exactly-once", .. brokers], login.Environment);
        try
        {
            await FailoverClients.AllAsync(clients.RunAsync(), group.SaysAsync("coordinator"), processors.SaysAsync("running"));
            var coordinator = int.Parse(group.Lines("coordinator")[0].AsSpan("coordinator ".Length), CultureInfo.InvariantCulture) - 1;
            var (next, last) = ((coordinator + 1) % brokers.Length, (coordinator + 2) % brokers.Length);

            // Who coordinates the group, and whatever else it leads, is cut off from clients, too, while a member has died.
            cluster.Network.CutOff(coordinator);
            group.Write("killed");
            processors.Write("killed");
            await LastsAsync(() => cluster.Network.Rejoin(coordinator), clients.AdministerAsync());

            // Clients reach all of them, but one hears nothing of another any more.
            cluster.Network.CutOneWay(next, last);
            await LastsAsync(cluster.Network.MendAll, clients.AdministerAsync());

            // Each of two reaches the third only.
            cluster.Network.CutOneWay(coordinator, last);
            cluster.Network.CutOneWay(last, coordinator);
            await LastsAsync(cluster.Network.MendAll, Task.CompletedTask);

            cluster.Network.CutOff(last);
            await LastsAsync(() => cluster.Network.Rejoin(last), Task.CompletedTask);

            await FailoverClients.AllAsync(clients.EndAsync(), group.SaysAsync("done"), processors.SaysAsync("done"));
            cluster.IsDoneWith = true;
        }
        catch (Exception failure)
        {
            Assert.Fail(cluster.Tell($"{string.Join('\n', clients.Reports)}\n{failure.Message}"));
        }

        foreach (var line in clients.Reports.Append($"group: {string.Join("; ", group.Lines("messages "))}"))
        {
            Console.WriteLine($"report: {Report}: {line}");
        }

        async Task LastsAsync(Action mend, Task administered)
        {
            await Eventually.LastsAsync(CutFor);
            mend();
            await cluster.WholeAsync();
            await FailoverClients.AllAsync(clients.GoOnAsync(), administered);
        }
    }
}
