using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Node.Requests;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Streams;
using Xunit;

namespace Atoll.Gateways.Tests.Kafka.Requests;

public sealed class KafkaRequestTests
{
    [Fact]
    public async Task What_is_announced_is_what_is_served_in_every_version()
    {
        await using var host = new KafkaHost();
        var versions = await host.AskAsync<ApiVersionsResponse>(KafkaApi.ApiVersions, 3, new ApiVersionsRequest());
        foreach (var api in versions.ApiKeys)
        {
            // librdkafka judges what a broker can do by the oldest versions.
            Assert.Equal(KafkaApiDefinition.Find(api.ApiKey)!.VersionMin, api.MinVersion);
            for (int version = api.MinVersion; version <= api.MaxVersion; version++)
            {
                var definition = KafkaApiDefinition.Find(api.ApiKey)!;
                var reply = await host.SendAsync(definition.Api, version, definition.NewRequest());
                Assert.Null(reply.WhyClosed);
                Assert.True(reply.Body is not null || definition.Api == KafkaApi.Produce, $"{definition.Api} {version}");
            }
        }
    }

    [Fact]
    public async Task A_newer_client_is_told_in_the_oldest_version_which_ones_there_are()
    {
        await using var host = new KafkaHost();
        byte[] newer = [0, 18, 0, 99, 0, 0, 0, 77, 1, 2, 3];
        var reply = await host.Table.ServeAsync(newer, host.Client);
        var response = KafkaHost.Read<ApiVersionsResponse>(KafkaApi.ApiVersions, 0, reply);
        Assert.Equal(KafkaError.UnsupportedVersion, response.Error);
        Assert.Equal((18, 0, 4), Assert.Single(response.ApiKeys) is var api ? (api.ApiKey, api.MinVersion, api.MaxVersion) : default);
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 0, 18 })]
    [InlineData(new byte[] { 7, 7, 0, 0, 0, 0, 0, 1 })]
    [InlineData(new byte[] { 0, 0, 0, 99, 0, 0, 0, 1 })]
    [InlineData(new byte[] { 0, 3, 0, 1, 0, 0, 0, 1, 255, 255, 0, 0, 9, 9 })]
    public async Task What_cannot_be_understood_ends_the_connection(byte[] frame)
    {
        await using var host = new KafkaHost();
        Assert.NotNull((await host.Table.ServeAsync(frame, host.Client)).WhyClosed);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(9)]
    [InlineData(12)]
    public async Task Metadata_tells_brokers_topics_and_leaders(int version)
    {
        await using var host = new KafkaHost();
        var topic = await host.CreateAsync("t", 2);
        var request = new MetadataRequest { Topics = version == 0 ? [] : null };
        var response = await host.AskAsync<MetadataResponse>(KafkaApi.Metadata, version, request);
        Assert.Equal([(1, "127.0.0.1", 9092), (2, "127.0.0.2", 9092), (3, "127.0.0.3", 9092)],
            response.Brokers.Select(broker => (broker.NodeId, broker.Host, broker.Port)));
        Assert.Equal(version == 0 ? -1 : 1, response.ControllerId);
        var found = Assert.Single(response.Topics);
        Assert.Equal(("t", KafkaError.None, version >= 10 ? topic.Id : Guid.Empty), (found.Name, found.Error, found.TopicId));
        Assert.Equal([(0, 1, KafkaError.None), (1, 1, KafkaError.None)],
            found.Partitions.Select(partition => (partition.Index, partition.LeaderId, partition.Error)));
        Assert.All(found.Partitions, partition => Assert.Equal([1, 2, 3], partition.Replicas.Order()));
    }

    [Fact]
    public async Task A_topic_is_created_when_a_client_asks_for_it_and_says_that_it_may_be()
    {
        await using var host = new KafkaHost();
        var request = new MetadataRequest { Topics = [new() { Name = "new" }, new() { Name = "in valid" }] };
        request.AllowAutoTopicCreation = false;
        var refused = await host.AskAsync<MetadataResponse>(KafkaApi.Metadata, 9, request);
        Assert.Equal([KafkaError.UnknownTopicOrPartition, KafkaError.InvalidTopic], refused.Topics.Select(topic => topic.Error));
        request.AllowAutoTopicCreation = true;
        var created = await host.AskAsync<MetadataResponse>(KafkaApi.Metadata, 9, request);
        Assert.Equal([("in valid", KafkaError.InvalidTopic), ("new", KafkaError.None)],
            created.Topics.Select(topic => (topic.Name!, topic.Error)));
        var byId = new MetadataRequest { Topics = [new() { TopicId = Guid.NewGuid() }] };
        var unknown = await host.AskAsync<MetadataResponse>(KafkaApi.Metadata, 12, byId);
        Assert.Equal(KafkaError.UnknownTopicId, Assert.Single(unknown.Topics).Error);
    }

    [Fact]
    public async Task Batches_get_offsets_and_come_again_only_once()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t");
        Assert.Equal((KafkaError.None, 0L), Outcome(await host.ProduceAsync("t", KafkaHost.Batch(-1, -1, "a", "b"))));
        Assert.Equal((KafkaError.None, 2L), Outcome(await host.ProduceAsync("t", KafkaHost.Batch(7, 0, "c"), version: 3, acks: 1)));
        Assert.Equal((KafkaError.None, 3L), Outcome(await host.ProduceAsync("t", KafkaHost.Batch(7, 1, "d"))));
        Assert.Equal((KafkaError.None, 2L), Outcome(await host.ProduceAsync("t", KafkaHost.Batch(7, 0, "c"))));
        Assert.Equal((KafkaError.OutOfOrderSequenceNumber, -1L), Outcome(await host.ProduceAsync("t", KafkaHost.Batch(7, 5, "e"))));
        var silent = await host.SendAsync(KafkaApi.Produce, 9, new ProduceRequest
        {
            Acks = 0, Topics = [new() { Name = "t", Partitions = [new() { Records = KafkaHost.Batch(-1, -1, "f") }] }],
        });
        Assert.Null(silent.Body);
        Assert.Equal((KafkaError.None, 5L), Outcome(await host.ProduceAsync("t", KafkaHost.Batch(-1, -1, "g"))));
    }

    [Fact]
    public async Task What_cannot_be_appended_is_refused_by_the_number_that_clients_know()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t");
        var good = KafkaHost.Batch(-1, -1, "a");
        var bad = KafkaHost.Batch(-1, -1, "a");
        bad[^1] ^= 1;
        byte[] two = [.. good, .. good];
        var old = KafkaHost.Batch(-1, -1, "a");
        old[16] = 1;
        Assert.Equal(KafkaError.CorruptMessage, (await host.ProduceAsync("t", bad)).Error);
        Assert.Equal(KafkaError.InvalidRecord, (await host.ProduceAsync("t", two)).Error);
        Assert.Equal(KafkaError.UnsupportedForMessageFormat, (await host.ProduceAsync("t", old)).Error);
        Assert.Equal(KafkaError.UnsupportedForMessageFormat, (await host.ProduceAsync("t", good, version: 2)).Error);
        Assert.Equal(KafkaError.MessageTooLarge, (await host.ProduceAsync("t", new byte[1_100_000])).Error);
        Assert.Equal(KafkaError.InvalidRequiredAcks, (await host.ProduceAsync("t", good, acks: 2)).Error);
        Assert.Equal(KafkaError.UnknownTopicOrPartition, (await host.ProduceAsync("t", good, partition: 1)).Error);
        Assert.Equal(KafkaError.UnknownTopicOrPartition, (await host.ProduceAsync("none", good)).Error);
        await host.AskAsync<ApiVersionsResponse>(KafkaApi.ApiVersions, 3, new ApiVersionsRequest { ClientSoftwareName = "librdkafka" });
        host.Leader = new(2);
        var elsewhere = await host.ProduceAsync("t", good, version: 10);
        Assert.Equal((KafkaError.NotLeaderOrFollower, 2, 5),
            (elsewhere.Error, elsewhere.CurrentLeader!.LeaderId, elsewhere.CurrentLeader.LeaderEpoch));
    }

    [Fact]
    public async Task Batches_that_overtook_the_one_before_them_are_appended_behind_it()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t");
        await host.ProduceAsync("t", KafkaHost.Batch(7, 0, "a"));
        var writes = 0;
        host.Port.Holds = request => request.Kind == RequestKind.Write && writes++ == 0;
        var first = host.ProduceAsync("t", KafkaHost.Batch(7, 1, "b"));
        var second = host.ProduceAsync("t", KafkaHost.Batch(7, 2, "c"));
        var third = host.ProduceAsync("t", KafkaHost.Batch(7, 3, "d"));
        host.Port.Release();
        Assert.Equal((KafkaError.None, 1L), Outcome(await first));
        Assert.Equal((KafkaError.None, 2L), Outcome(await second));
        Assert.Equal((KafkaError.None, 3L), Outcome(await third));
        Assert.Equal(KafkaError.OutOfOrderSequenceNumber, (await host.ProduceAsync("t", KafkaHost.Batch(7, 5, "f"))).Error);
    }

    // librdkafka takes "out of order" for a reason to number anew what it sends again, and part of that may be there already.
    [Fact]
    public async Task Batches_behind_one_that_was_not_appended_are_refused_as_that_one_was()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t");
        await host.ProduceAsync("t", KafkaHost.Batch(7, 0, "a"));
        host.Leader = new(2);
        Assert.Equal(KafkaError.NotLeaderOrFollower, (await host.ProduceAsync("t", KafkaHost.Batch(7, 1, "b"))).Error);
        host.Leader = new(1);
        Assert.Equal(KafkaError.NotLeaderOrFollower, (await host.ProduceAsync("t", KafkaHost.Batch(7, 2, "c"))).Error);
        Assert.Equal(KafkaError.NotLeaderOrFollower, (await host.ProduceAsync("t", KafkaHost.Batch(7, 3, "d"))).Error);

        // What does not follow by its number is out of order still, as is the same once more.
        Assert.Equal(KafkaError.OutOfOrderSequenceNumber, (await host.ProduceAsync("t", KafkaHost.Batch(7, 5, "f"))).Error);
        Assert.Equal(KafkaError.OutOfOrderSequenceNumber, (await host.ProduceAsync("t", KafkaHost.Batch(7, 5, "f"))).Error);
        Assert.Equal((KafkaError.None, 1L), Outcome(await host.ProduceAsync("t", KafkaHost.Batch(7, 1, "b"))));
        Assert.Equal((KafkaError.None, 2L), Outcome(await host.ProduceAsync("t", KafkaHost.Batch(7, 2, "c"))));
        Assert.Equal((KafkaError.None, 3L), Outcome(await host.ProduceAsync("t", KafkaHost.Batch(7, 3, "d"))));
    }

    [Fact]
    public async Task A_batch_behind_one_that_was_not_appended_this_time_is_appended_where_that_one_is_there_already()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t");
        await host.ProduceAsync("t", KafkaHost.Batch(7, 0, "a"));
        host.Leader = new(2);
        Assert.Equal(KafkaError.NotLeaderOrFollower, (await host.ProduceAsync("t", KafkaHost.Batch(7, 0, "a"))).Error);
        host.Leader = new(1);
        Assert.Equal((KafkaError.None, 1L), Outcome(await host.ProduceAsync("t", KafkaHost.Batch(7, 1, "b"))));
    }

    // @platformatic/kafka asks for the versions on its first connection only, and cannot read such fields on any.
    [Theory]
    [InlineData("platformatic-kafka")]
    [InlineData(null)]
    public async Task A_client_that_may_not_be_able_to_read_optional_fields_is_sent_none(string? software)
    {
        await using var host = new KafkaHost();
        var topic = await host.CreateAsync("t");
        if (software is not null)
        {
            await host.AskAsync<ApiVersionsResponse>(KafkaApi.ApiVersions, 3, new ApiVersionsRequest { ClientSoftwareName = software });
        }

        host.Leader = new(2);
        var refused = await host.ProduceAsync("t", KafkaHost.Batch(-1, -1, "a"), version: 10);
        Assert.Equal((KafkaError.NotLeaderOrFollower, null), (refused.Error, refused.CurrentLeader));
        var fetched = await host.AskAsync<FetchResponse>(KafkaApi.Fetch, 17, new FetchRequest
        {
            BytesMax = 1_000,
            Topics =
            [
                new FetchRequest.Topic { TopicId = topic.Id, Partitions = [new FetchRequest.Partition { BytesMax = 1_000 }] },
            ],
        });
        var partition = Assert.Single(Assert.Single(fetched.Topics).Partitions);
        Assert.Equal((KafkaError.NotLeaderOrFollower, null), (partition.Error, partition.CurrentLeader));
        Assert.Empty(fetched.Endpoints);
    }

    [Theory]
    [InlineData(ResponseStatus.NotLeader, KafkaError.NotLeaderOrFollower)]
    [InlineData(ResponseStatus.Unavailable, KafkaError.NotLeaderOrFollower)]
    [InlineData(ResponseStatus.Overloaded, KafkaError.NotEnoughReplicas)]
    [InlineData(ResponseStatus.OutcomeUnknown, KafkaError.RequestTimedOut)]
    [InlineData(ResponseStatus.DiskFull, KafkaError.StorageError)]
    [InlineData(ResponseStatus.UnknownSpace, KafkaError.UnknownTopicOrPartition)]
    public async Task An_append_that_failed_is_sent_once_and_answered_with_what_makes_clients_try_again(
        ResponseStatus status, KafkaError error)
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t");
        var sent = 0;
        host.Port.Disturb = request => request.Kind == RequestKind.Write && ++sent > 0 ? new Response(status) : null;
        Assert.Equal(error, (await host.ProduceAsync("t", KafkaHost.Batch(-1, -1, "a"))).Error);
        Assert.Equal(1, sent);
    }

    [Fact]
    public async Task Offsets_are_found_by_their_end_and_by_time_and_what_is_before_one_is_deleted()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t");
        await host.ProduceAsync("t", KafkaHost.Batch(-1, -1, "a", "b", "c")); // at 1000, 1001, 1002
        Assert.Equal((0L, 3L, 1L, -1L), (await OffsetAsync(host, -2), await OffsetAsync(host, -1), await OffsetAsync(host, 1_001),
            await OffsetAsync(host, 9_999)));
        var deleted = await host.AskAsync<DeleteRecordsResponse>(KafkaApi.DeleteRecords, 2, new DeleteRecordsRequest
        {
            Topics = [new() { Name = "t", Partitions = [new() { Index = 0, Offset = 2 }] }],
        });
        Assert.Equal((KafkaError.None, 2L), deleted.Topics[0].Partitions[0] is var low ? (low.Error, low.LowWatermark) : default);
        Assert.Equal(2, await OffsetAsync(host, -2));
        var epochs = await host.AskAsync<OffsetForLeaderEpochResponse>(KafkaApi.OffsetForLeaderEpoch, 4, new OffsetForLeaderEpochRequest
        {
            Topics = [new() { Name = "t", Partitions = [new() { Index = 0, LeaderEpoch = 1 }] }],
        });
        Assert.Equal((KafkaError.None, 1, 3L),
            epochs.Topics[0].Partitions[0] is var end ? (end.Error, end.LeaderEpoch, end.EndOffset) : default);
    }

    [Fact]
    public async Task Topics_and_their_settings_are_created_changed_and_deleted()
    {
        await using var host = new KafkaHost();
        CreateTopicsRequest.Config retention = new() { Name = "retention.ms", Value = "5000" };
        CreateTopicsRequest.Config mangling = new() { Name = "cleanup.policy", Value = "mangle" };
        var creation = new CreateTopicsRequest
        {
            Topics =
            [
                new() { Name = "a", PartitionCount = 2, ReplicationFactor = 3, Configs = [retention] },
                new() { Name = "b", PartitionCount = -1, ReplicationFactor = 2 },
                new() { Name = "c", PartitionCount = 0, ReplicationFactor = -1 },
                new() { Name = "d", PartitionCount = 1, ReplicationFactor = -1, Configs = [mangling] },
                new() { Name = "e/f", PartitionCount = 1, ReplicationFactor = -1 },
            ],
        };
        var created = await host.AskAsync<CreateTopicsResponse>(KafkaApi.CreateTopics, 7, creation);
        Assert.Equal(
            [
                KafkaError.None, KafkaError.InvalidReplicationFactor, KafkaError.InvalidPartitions, KafkaError.InvalidConfig,
                KafkaError.InvalidTopic,
            ],
            created.Topics.Select(topic => topic.Error));
        Assert.Equal((2, 3), (created.Topics[0].PartitionCount, created.Topics[0].ReplicationFactor));
        var again = await host.AskAsync<CreateTopicsResponse>(
            KafkaApi.CreateTopics, 4, new CreateTopicsRequest { Topics = [creation.Topics[0]] });
        Assert.Equal(KafkaError.TopicAlreadyExists, again.Topics[0].Error);
        Assert.Equal(5_000, (await host.Streams.TopicsAsync()).Find("a")!.Settings.Partition.RetentionMilliseconds);

        var steps = new IncrementalAlterConfigsRequest
        {
            Resources = [new() { Type = 2, Name = "a", Configs = [new() { Name = "max.message.bytes", Value = "500" }] }],
        };
        var altered = await host.AskAsync<IncrementalAlterConfigsResponse>(KafkaApi.IncrementalAlterConfigs, 1, steps);
        Assert.Equal(KafkaError.None, altered.Resources[0].Error);
        var described = await host.AskAsync<DescribeConfigsResponse>(KafkaApi.DescribeConfigs, 4, new DescribeConfigsRequest
        {
            Resources = [new() { Type = 2, Name = "a", Names = ["retention.ms", "max.message.bytes", "segment.ms"] }],
        });
        Assert.Equal([("max.message.bytes", "500"), ("retention.ms", "5000"), ("segment.ms", "3600000")],
            described.Results[0].Configs.Select(config => (config.Name, config.Value!)).Order());

        var deleted = await host.AskAsync<DeleteTopicsResponse>(
            KafkaApi.DeleteTopics, 1, new DeleteTopicsRequest { TopicNames = ["a", "never"] });
        Assert.Equal([KafkaError.None, KafkaError.UnknownTopicOrPartition], deleted.Topics.Select(topic => topic.Error));
        Assert.Empty((await host.Streams.TopicsAsync()).Topics);
    }

    [Fact]
    public async Task A_topic_gets_more_partitions_which_have_its_settings_and_what_is_in_the_others_stays()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t", 2);
        await host.Streams.AlterAsync(
            "t", settings => settings.TrySet("segment.bytes", "2000", out var changed) is null ? changed : settings);
        var batch = KafkaHost.Batch(-1, -1, "a");
        Assert.Equal((KafkaError.None, 0L), Outcome(await host.ProduceAsync("t", batch, partition: 1)));
        Assert.Equal(KafkaError.UnknownTopicOrPartition, (await host.ProduceAsync("t", batch, partition: 4)).Error);

        Assert.Equal(KafkaError.None, await GrowAsync(host, "t", 5, validatesOnly: true));
        Assert.Equal(2, (await host.Streams.TopicsAsync()).Find("t")!.Partitions.Length);
        Assert.Equal(KafkaError.InvalidReplicaAssignment, await GrowAsync(host, "t", 5, assigned: true));
        host.Port.Requests.Clear();
        Assert.Equal(KafkaError.None, await GrowAsync(host, "t", 5));
        Assert.Equal(5, host.Port.Requests.Where(IsConfigure).Select(request => request.Shard).Distinct().Count());
        Assert.Equal((KafkaError.None, 1L), Outcome(await host.ProduceAsync("t", batch, partition: 1)));
        Assert.Equal((KafkaError.None, 0L), Outcome(await host.ProduceAsync("t", batch, partition: 4)));
        var metadata = await host.AskAsync<MetadataResponse>(KafkaApi.Metadata, 9, new MetadataRequest { Topics = [new() { Name = "t" }] });
        Assert.Equal([0, 1, 2, 3, 4], metadata.Topics[0].Partitions.Select(partition => partition.Index));

        foreach (var (name, count, error) in new[]
        {
            ("t", 5, KafkaError.InvalidPartitions), ("t", 4, KafkaError.InvalidPartitions), ("t", 0, KafkaError.InvalidPartitions),
            ("t", -1, KafkaError.InvalidPartitions), ("t", 1025, KafkaError.InvalidPartitions),
            ("none", 5, KafkaError.UnknownTopicOrPartition),
        })
        {
            Assert.Equal(error, await GrowAsync(host, name, count, validatesOnly: true));
            Assert.Equal(error, await GrowAsync(host, name, count));
        }

        CreatePartitionsRequest.Topic twice = new() { Name = "t", Count = 6 };
        var refused = await host.AskAsync<CreatePartitionsResponse>(
            KafkaApi.CreatePartitions, 3, new CreatePartitionsRequest { Topics = [twice, twice] });
        Assert.Equal([KafkaError.InvalidRequest, KafkaError.InvalidRequest], refused.Results.Select(result => result.Error));
        Assert.Equal(5, (await host.Streams.TopicsAsync()).Find("t")!.Partitions.Length);
    }

    [Fact]
    public async Task Who_grows_a_topic_at_the_same_time_makes_it_as_large_as_the_largest_wish_and_is_told_when_it_is_larger_already()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t", 2);

        // Another caller is between: the one that wants more goes on from there, the one that wants less is told.
        var others = new Queue<int>([4, 9]);
        host.Port.Disturb = request =>
        {
            if (request.Shard == ShardId.Directory && request.Kind == RequestKind.Write && others.TryDequeue(out var other))
            {
                var space = host.Port.View.Spaces[0];
                var writer = new WireWriter();
                DirectoryCommand.WriteGrowSpace(writer, space.Id, space.Options.ShardCount, other);
                host.Port.Answer(new Request { Kind = RequestKind.Write, Shard = ShardId.Directory, Payload = writer.ToArray() });
            }

            return null;
        };
        Assert.Equal(KafkaError.None, await GrowAsync(host, "t", 10));
        Assert.Equal(10, (await host.Streams.TopicsAsync()).Find("t")!.Partitions.Length);
        others.Enqueue(20);
        Assert.Equal(KafkaError.InvalidPartitions, await GrowAsync(host, "t", 15));
        Assert.Equal(20, (await host.Streams.RefreshAsync()).Find("t")!.Partitions.Length);
    }

    [Fact]
    public async Task Producers_get_numbers_that_nobody_else_has()
    {
        await using var host = new KafkaHost();
        var numbers = new HashSet<long>();
        for (var i = 0; i < 1_100; i++)
        {
            var given = await host.AskAsync<InitProducerIdResponse>(KafkaApi.InitProducerId, 4, new InitProducerIdRequest());
            Assert.Equal((KafkaError.None, 0), (given.Error, given.ProducerEpoch));
            Assert.True(numbers.Add(given.ProducerId));
        }
    }

    private static bool IsConfigure(Request request) =>
        request.Kind == RequestKind.Write && PartitionCommand.KindOf(request.Payload.Span) == PartitionCommandKind.Configure;

    private static async Task<KafkaError> GrowAsync(
        KafkaHost host, string name, int count, bool validatesOnly = false, bool assigned = false)
    {
        var response = await host.AskAsync<CreatePartitionsResponse>(KafkaApi.CreatePartitions, 3, new CreatePartitionsRequest
        {
            ValidateOnly = validatesOnly,
            Topics = [new() { Name = name, Count = count, Assignments = assigned ? [new() { NodeIds = [1, 2, 3] }] : null }],
        });
        Assert.Equal(response.Results[0].Error == KafkaError.None, response.Results[0].ErrorText is null);
        return response.Results[0].Error;
    }

    private static (KafkaError Error, long Offset) Outcome(ProduceResponse.Partition answer) => (answer.Error, answer.BaseOffset);

    private static async Task<long> OffsetAsync(KafkaHost host, long timestamp)
    {
        var response = await host.AskAsync<ListOffsetsResponse>(KafkaApi.ListOffsets, 5, new ListOffsetsRequest
        {
            Topics = [new() { Name = "t", Partitions = [new() { Timestamp = timestamp }] }],
        });
        Assert.Equal(KafkaError.None, response.Topics[0].Partitions[0].Error);
        return response.Topics[0].Partitions[0].Offset;
    }
}
