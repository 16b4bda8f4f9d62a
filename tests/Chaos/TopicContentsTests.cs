using Atoll.Chaos.Tests.Cluster;
using Atoll.Interop.Tests.Cql;
using Xunit;

namespace Atoll.Chaos.Tests;

/// <summary>
/// An index of files through a topic, by four idempotent producers of librdkafka to a group of three consumers, while every node in turn is
/// killed and a consumer dies; tests/Interop/Kafka/contents.py does it. ATOLL_CONTENTS names a file to send instead of the made-up one
/// (<see cref="ContentsTests"/>).
/// </summary>
public sealed class TopicContentsTests
{
    // A node is killed at one share and started at the next one; at the shares between, contents.py kills and replaces a consumer.
    private static readonly (int Killed, int Started)[] Shares = [(1, 2), (3, 4), (6, 7)];

    [Fact]
    public async Task All_messages_are_read_once_and_in_order_although_every_node_and_a_consumer_are_killed()
    {
        await using var cluster = await KafkaBrokers.StartAsync("topic of files", Driver.KafkaDebian);
        using var driver = DriverProcess.Start(
            "/usr/bin/python3", "Kafka/contents.py", [ContentsTests.Paths, .. KafkaBrokers.Of(cluster)]);
        try
        {
            foreach (var (node, (killed, started)) in cluster.Nodes.Zip(Shares))
            {
                await driver.SaysAsync($"share {killed} ");
                await cluster.WholeAsync();
                node.Kill();
                await driver.SaysAsync($"share {started} ");
                node.Start();
            }

            await driver.SaysAsync("produced");
            await driver.SaysAsync("done");
            cluster.IsDoneWith = true;
        }
        catch (Exception failure) when (failure is InvalidOperationException or TimeoutException)
        {
            Assert.Fail(cluster.Tell(failure.Message));
        }

        foreach (var line in driver.Lines("report: ").Concat(driver.Lines("ok: ")))
        {
            Console.WriteLine("report: topic of files: " + line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..]);
        }
    }
}
