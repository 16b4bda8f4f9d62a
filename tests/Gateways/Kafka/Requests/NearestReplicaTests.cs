using Atoll.Foundation.Identity;
using Atoll.Gateways.Kafka.Protocol;
using Xunit;

namespace Atoll.Gateways.Tests.Kafka.Requests;

/// <summary>
/// Clients that say where they are (KIP-392): a leader elsewhere sends them to a replica there, and that serves them. The host is node 1,
/// in z1; nodes 2 and 3 are in z2 and z3.
/// </summary>
public sealed class NearestReplicaTests
{
    [Theory]
    [InlineData(11)]
    [InlineData(13)]
    [InlineData(17)]
    public async Task A_leader_sends_a_client_to_the_replica_where_it_is(int version)
    {
        await using var host = new KafkaHost();
        var partition = await FetchAsync(host, "z2", version, waitMs: 30_000);
        Assert.Equal((KafkaError.None, 2, 1L), (partition.Error, partition.PreferredReadReplica, partition.HighWatermark));
        Assert.Equal(0, partition.Records!.Value.Length);
    }

    [Theory]
    [InlineData("z1", 11)]
    [InlineData("nowhere", 11)]
    [InlineData("", 11)]
    [InlineData("z2", 10)]
    public async Task A_leader_serves_those_who_are_nowhere_else(string rack, int version)
    {
        await using var host = new KafkaHost();
        var partition = await FetchAsync(host, rack, version);
        Assert.Equal((KafkaError.None, -1), (partition.Error, partition.PreferredReadReplica));
        Assert.NotEqual(0, partition.Records!.Value.Length);
    }

    [Fact]
    public async Task Nobody_is_sent_to_who_does_not_answer()
    {
        await using var host = new KafkaHost();
        host.Dead.Add(new NodeId(2));
        var partition = await FetchAsync(host, "z2");
        Assert.Equal(-1, partition.PreferredReadReplica);
        Assert.NotEqual(0, partition.Records!.Value.Length);
    }

    [Fact]
    public async Task A_follower_serves_those_who_are_where_it_is_and_nobody_else()
    {
        await using var host = new KafkaHost { Leader = new NodeId(3) };
        var partition = await FetchAsync(host, "z1");
        Assert.Equal((KafkaError.None, -1), (partition.Error, partition.PreferredReadReplica));
        Assert.NotEqual(0, partition.Records!.Value.Length);
        Assert.Equal(KafkaError.NotLeaderOrFollower, (await FetchAsync(host, "z2")).Error);
        Assert.Equal(KafkaError.NotLeaderOrFollower, (await FetchAsync(host, "")).Error);
    }

    // It may be cut off: then there is never anything new here.
    [Fact]
    public async Task A_follower_that_knows_of_no_leader_sends_them_back()
    {
        await using var host = new KafkaHost { Leader = new NodeId(3) };
        host.Dead.Add(host.Leader);
        Assert.Equal(KafkaError.NotLeaderOrFollower, (await FetchAsync(host, "z1")).Error);
    }

    private static async Task<FetchResponse.Partition> FetchAsync(KafkaHost host, string rack, int version = 12, int waitMs = 0)
    {
        var topic = (await host.Streams.TopicsAsync()).Find("t");
        if (topic is null)
        {
            topic = await host.CreateAsync("t");
            await host.Streams.AppendAsync(topic, 0, KafkaHost.Batch(-1, -1, "a"), TimeSpan.FromSeconds(5));
        }

        var response = await host.AskAsync<FetchResponse>(KafkaApi.Fetch, version, new FetchRequest
        {
            SessionEpoch = -1, RackId = rack, WaitMs = waitMs, BytesMin = 1,
            Topics =
            [
                new()
                {
                    Name = topic.Name, TopicId = version < 13 ? default : topic.Id,
                    Partitions = [new() { Index = 0, FetchOffset = 0, BytesMax = 1_000_000 }],
                },
            ],
        });
        return Assert.Single(Assert.Single(response.Topics).Partitions);
    }
}
