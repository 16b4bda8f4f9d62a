using System.Buffers.Binary;
using Atoll.Foundation.Identity;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Node.Requests;
using Xunit;

namespace Atoll.Gateways.Tests.Kafka.Requests;

/// <summary>ElectLeaders: partitions go to the first of their replicas, and to nobody who lacks what was acknowledged.</summary>
public sealed class ElectionTests
{
    private static readonly NodeId Somebody = new(99);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_partition_goes_to_the_first_of_its_replicas(int version)
    {
        await using var host = new KafkaHost();
        var preferred = (await host.CreateAsync("t")).Partitions[0].PreferredLeader;
        host.Leader = Somebody;
        var asked = Answer(host, to => host.Leader = to);
        Assert.Equal(KafkaError.None, await ElectAsync(host, "t", version: version));
        Assert.Equal(preferred, Assert.Single(asked));
        Assert.Equal(KafkaError.ElectionNotNeeded, await ElectAsync(host, "t", version: version));
        Assert.Single(asked);
    }

    [Fact]
    public async Task It_takes_as_long_as_it_takes_and_no_longer_than_the_client_waits()
    {
        await using var host = new KafkaHost();
        var preferred = (await host.CreateAsync("t")).Partitions[0].PreferredLeader;
        host.Leader = Somebody;
        Answer(host, static _ => { });
        Assert.Equal(KafkaError.RequestTimedOut, await ElectAsync(host, "t", timeoutMs: 0));
        Assert.Equal(KafkaError.RequestTimedOut, await ElectAsync(host, "t", timeoutMs: int.MinValue));

        var hasBegun = new TaskCompletionSource();
        Answer(host, _ => hasBegun.TrySetResult());
        var waiting = ElectAsync(host, "t");
        await hasBegun.Task;
        host.Leader = preferred;
        while (!waiting.IsCompleted)
        {
            host.Time.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Yield();
        }

        Assert.Equal(KafkaError.None, await waiting);
    }

    [Fact]
    public async Task Who_does_not_answer_gets_nothing()
    {
        await using var host = new KafkaHost();
        host.Dead.Add((await host.CreateAsync("t")).Partitions[0].PreferredLeader);
        host.Leader = Somebody;
        var asked = Answer(host, static _ => { });
        Assert.Equal(KafkaError.PreferredLeaderNotAvailable, await ElectAsync(host, "t"));
        Assert.Empty(asked);
    }

    [Fact]
    public async Task What_is_not_there_is_unknown()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t");
        Assert.Equal(KafkaError.UnknownTopicOrPartition, await ElectAsync(host, "nothing"));
        Assert.Equal(KafkaError.UnknownTopicOrPartition, await ElectAsync(host, "t", partition: 1));
        Assert.Equal(KafkaError.UnknownTopicOrPartition, await ElectAsync(host, "t", partition: -1));
    }

    [Fact]
    public async Task Nobody_is_elected_who_lacks_what_was_acknowledged()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t");
        Assert.Equal(KafkaError.ElectionNotNeeded, await ElectAsync(host, "t", type: 1));
        host.Leader = NodeId.None;
        var asked = Answer(host, static _ => { });
        Assert.Equal(KafkaError.EligibleLeadersNotAvailable, await ElectAsync(host, "t", type: 1));
        Assert.Empty(asked);

        var strange = await host.AskAsync<ElectLeadersResponse>(KafkaApi.ElectLeaders, 2, new ElectLeadersRequest { ElectionType = 7 });
        Assert.Equal(KafkaError.InvalidRequest, strange.Error);
    }

    [Fact]
    public async Task Who_asks_for_all_is_told_of_those_that_were_not_right()
    {
        await using var host = new KafkaHost();
        var topic = await host.CreateAsync("t", 6);
        host.Leader = topic.Partitions[0].PreferredLeader;
        var asked = Answer(host, static _ => { });
        var response = await host.AskAsync<ElectLeadersResponse>(
            KafkaApi.ElectLeaders, 2, new ElectLeadersRequest { Topics = null, TimeoutMs = 0 });
        var others = topic.Partitions.Index().Where(pair => pair.Item.PreferredLeader != host.Leader).Select(static pair => pair.Index);
        Assert.NotEmpty(others);
        Assert.Equal(others, Assert.Single(response.Topics).Partitions.Select(static partition => partition.Index));
        Assert.Equal(others.Count(), asked.Count);
    }

    // Who was asked to hand over to whom.
    private static List<NodeId> Answer(KafkaHost host, Action<NodeId> handOver)
    {
        var asked = new List<NodeId>();
        host.Port.Disturb = request =>
        {
            if (request.Kind != RequestKind.TransferLeadership)
            {
                return null;
            }

            var to = new NodeId(BinaryPrimitives.ReadUInt32LittleEndian(request.Payload.Span));
            lock (asked)
            {
                asked.Add(to);
            }

            handOver(to);
            return new Response { Status = ResponseStatus.Ok };
        };
        return asked;
    }

    private static async Task<KafkaError> ElectAsync(
        KafkaHost host, string topic, int partition = 0, int version = 2, sbyte type = 0, int timeoutMs = 5_000)
    {
        var response = await host.AskAsync<ElectLeadersResponse>(KafkaApi.ElectLeaders, version, new ElectLeadersRequest
        {
            ElectionType = type, TimeoutMs = timeoutMs, Topics = [new() { Name = topic, Partitions = [partition] }],
        });
        Assert.Equal(KafkaError.None, response.Error);
        return Assert.Single(Assert.Single(response.Topics).Partitions).Error;
    }
}
