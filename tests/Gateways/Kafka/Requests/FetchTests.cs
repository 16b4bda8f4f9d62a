using Atoll.Gateways.Kafka.Protocol;
using Atoll.StateMachines.Streams;
using Xunit;

namespace Atoll.Gateways.Tests.Kafka.Requests;

public sealed class FetchTests
{
    [Theory]
    [InlineData(4)]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(17)]
    public async Task Batches_come_as_they_were_with_their_offsets_in_them(int version)
    {
        await using var host = new KafkaHost();
        var topic = await host.CreateAsync("t", 2);
        await host.ProduceAsync("t", KafkaHost.Batch(-1, -1, "a", "b"));
        var second = KafkaHost.Batch(-1, -1, "c");
        await host.ProduceAsync("t", second);
        var response = await host.AskAsync<FetchResponse>(KafkaApi.Fetch, version, Fetch(topic.Id, version, (0, 0), (1, 0)));
        var partitions = Assert.Single(response.Topics).Partitions;
        Assert.Equal((KafkaError.None, 3L, 0L), (partitions[0].Error, partitions[0].HighWatermark, partitions[0].Records!.Value.Span[7]));
        Assert.Equal((KafkaError.None, 0L, 0), (partitions[1].Error, partitions[1].HighWatermark, partitions[1].Records!.Value.Length));
        var records = partitions[0].Records!.Value;
        Assert.Equal(RecordBatchFault.None, RecordBatch.Read(records, out var first));
        Assert.Equal(RecordBatchFault.None, RecordBatch.Read(records[first.Memory.Length..], out var last));
        Assert.Equal((0L, 2L), (first.Header.BaseOffset, last.Header.BaseOffset));
        Assert.True(second.AsSpan(16).SequenceEqual(last.Memory.Span[16..]));
    }

    [Fact]
    public async Task What_is_not_there_has_the_number_by_which_clients_look_elsewhere()
    {
        await using var host = new KafkaHost();
        var topic = await host.CreateAsync("t");
        Assert.Equal(KafkaError.OffsetOutOfRange, await ErrorAsync(host, Fetch(topic.Id, 11, (0, 9))));
        Assert.Equal(KafkaError.UnknownTopicOrPartition, await ErrorAsync(host, Fetch(topic.Id, 11, (1, 0))));
        Assert.Equal(KafkaError.UnknownTopicId, await ErrorAsync(host, Fetch(Guid.NewGuid(), 13, (0, 0)), 13));
        Assert.Equal(KafkaError.UnsupportedForMessageFormat, await ErrorAsync(host, Fetch(topic.Id, 3, (0, 0)), 3));
        host.Leader = new(3);
        Assert.Equal(KafkaError.NotLeaderOrFollower, await ErrorAsync(host, Fetch(topic.Id, 11, (0, 0))));
    }

    [Fact]
    public async Task It_waits_until_there_is_enough_or_the_time_is_over()
    {
        await using var host = new KafkaHost();
        var topic = await host.CreateAsync("t");
        var request = Fetch(topic.Id, 11, (0, 0));
        (request.WaitMs, request.BytesMin) = (5_000, 100);
        var fetching = host.SendAsync(KafkaApi.Fetch, 11, request);
        Assert.False(fetching.IsCompleted);
        await host.ProduceAsync("t", KafkaHost.Batch(-1, -1, "a")); // some seventy bytes
        Assert.False(fetching.IsCompleted);
        await host.ProduceAsync("t", KafkaHost.Batch(-1, -1, "b"));
        var response = KafkaHost.Read<FetchResponse>(KafkaApi.Fetch, 11, await fetching);
        Assert.Equal(2, response.Topics[0].Partitions[0].HighWatermark);

        (request.Topics[0].Partitions[0].FetchOffset, request.BytesMin) = (2, 1);
        fetching = host.SendAsync(KafkaApi.Fetch, 11, request);
        while (host.Time.TimersSet == 0)
        {
            await Task.Yield(); // until it waits
        }

        host.Time.Advance(TimeSpan.FromSeconds(6));
        response = KafkaHost.Read<FetchResponse>(KafkaApi.Fetch, 11, await fetching);
        Assert.Equal(0, response.Topics[0].Partitions[0].Records!.Value.Length);
    }

    [Fact]
    public async Task A_session_tells_only_news()
    {
        await using var host = new KafkaHost();
        var topic = await host.CreateAsync("t", 3);
        await host.ProduceAsync("t", KafkaHost.Batch(-1, -1, "a"), partition: 1);
        var begin = Fetch(topic.Id, 12, (0, 0), (1, 0), (2, 0));
        (begin.SessionId, begin.SessionEpoch) = (0, 0);
        var first = await host.AskAsync<FetchResponse>(KafkaApi.Fetch, 12, begin);
        Assert.NotEqual(0, first.SessionId);
        Assert.Equal([0, 1, 2], Indexes(first));

        var next = Next(first.SessionId, 1);
        next.Topics = [new() { Name = "t", Partitions = [new() { Index = 1, FetchOffset = 1, BytesMax = 1_000_000 }] }];
        Assert.Empty(Indexes(await host.AskAsync<FetchResponse>(KafkaApi.Fetch, 12, next)));
        await host.ProduceAsync("t", KafkaHost.Batch(-1, -1, "b"), partition: 2);
        Assert.Equal([2], Indexes(await host.AskAsync<FetchResponse>(KafkaApi.Fetch, 12, Next(first.SessionId, 2))));

        var forget = Next(first.SessionId, 3);
        forget.ForgottenTopics = [new() { Topic = "t", Partitions = [2] }];
        Assert.Empty(Indexes(await host.AskAsync<FetchResponse>(KafkaApi.Fetch, 12, forget)));
        Assert.Equal(KafkaError.InvalidFetchSessionEpoch,
            (await host.AskAsync<FetchResponse>(KafkaApi.Fetch, 12, Next(first.SessionId, 3))).Error);
        Assert.Equal(KafkaError.FetchSessionIdNotFound,
            (await host.AskAsync<FetchResponse>(KafkaApi.Fetch, 12, Next(first.SessionId ^ 1, 4))).Error);
    }

    private static FetchRequest Fetch(Guid topicId, int version, params (int Index, long Offset)[] partitions) => new()
    {
        BytesMin = 1,
        SessionEpoch = -1,
        Topics =
        [
            new()
            {
                Name = version < 13 ? "t" : "", TopicId = version < 13 ? Guid.Empty : topicId,
                Partitions =
                [
                    .. partitions.Select(partition => new FetchRequest.Partition
                    {
                        Index = partition.Index, FetchOffset = partition.Offset, BytesMax = 1_000_000,
                    }),
                ],
            },
        ],
    };

    private static FetchRequest Next(int session, int epoch) => new() { SessionId = session, SessionEpoch = epoch, BytesMin = 1 };

    private static IEnumerable<int> Indexes(FetchResponse response) =>
        response.Topics.SelectMany(topic => topic.Partitions).Select(partition => partition.Index);

    private static async Task<KafkaError> ErrorAsync(KafkaHost host, FetchRequest request, int version = 11)
    {
        var response = await host.AskAsync<FetchResponse>(KafkaApi.Fetch, version, request);
        return Assert.Single(Assert.Single(response.Topics).Partitions).Error;
    }
}
