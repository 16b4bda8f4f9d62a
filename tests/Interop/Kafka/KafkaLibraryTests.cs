using Xunit;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>
/// Clients of Kafka that npm and NuGet have, unchanged, against three real processes: kafkajs and @platformatic/kafka, which share no code
/// with any other, and Confluent.Kafka over Debian's librdkafka. What the former do is in clients.js beside this file.
/// </summary>
public sealed class KafkaLibraryTests(LibraryCluster cluster) : IClassFixture<LibraryCluster>
{
    [Fact]
    public Task Clients_administer_produce_in_every_way_read_in_groups_and_work_in_transactions() => Task.WhenAll(
        ClientProgram.RunAsync(cluster.Processes, "clients.js", ["kafkajs", "plain"]),
        ClientProgram.RunAsync(cluster.Processes, "clients.js", ["platformatic", "plain"]),
        ClientProgram.RunAsync(cluster.Processes, "clients.js", ["platformatic", "assigned"]),
        Task.Run(new DotNetClient(cluster.Bootstrap).WorkAsync));

    // Without @platformatic/kafka, which does not go on in transactions: its other programs are with those of KafkaClientTests.
    [Fact]
    public async Task Producers_groups_and_transactions_go_on_while_a_broker_is_killed_and_comes_back()
    {
        using var kafkajs = ClientProgram.Start(cluster.Processes, "clients.js", "kafkajs", "failover");
        var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var dotNet = new DotNetFailover(cluster.Bootstrap);
        var running = Task.Run(() => dotNet.RunAsync(enough.Task));
        try
        {
            await Task.WhenAll(dotNet.ProgressAsync(running), kafkajs.SaysAsync("running"));
            cluster.Processes.Node(2).Dispose();
            await ProgressAsync();
            await cluster.Processes.Start(2, new Dictionary<string, string>()).SaysAsync("serves at");
            await ProgressAsync();
            enough.SetResult();
            kafkajs.EndInput();
            await Task.WhenAll(running, kafkajs.SaysAsync("done"));
            TestContext.Current.SendDiagnosticMessage($"{kafkajs.Output}\n{dotNet}");
        }
        catch (InvalidOperationException failure)
        {
            Assert.Fail($"{failure.Message}\n{cluster.Processes.Logs()}");
        }

        Task ProgressAsync() => Task.WhenAll(dotNet.ProgressAsync(running), kafkajs.AskAsync("progress?", "progress"));
    }
}
