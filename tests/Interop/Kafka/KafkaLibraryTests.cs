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
}
