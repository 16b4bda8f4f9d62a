using Atoll.Gateways.Kafka.Protocol;
using Xunit;

namespace Atoll.Gateways.Tests.Kafka.Requests;

/// <summary>Groups whose coordinator shares out the partitions, as Kafka's newer clients speak with them (KIP-848).</summary>
public sealed class ConsumerGroupTests
{
    [Fact]
    public async Task Two_members_share_a_topic_and_new_partitions_and_one_that_leaves_gives_back_its_share()
    {
        await using var host = new KafkaHost();
        var topic = await host.CreateAsync("t", 4);
        var first = await BeatAsync(host, Join("a"));
        Assert.Equal((KafkaError.None, "a", 1), (first.Error, first.MemberId, first.MemberEpoch));
        Assert.True(first.HeartbeatIntervalMs > 0);
        Assert.Equal([0, 1, 2, 3], Partitions(first, topic.Id));
        Assert.Empty(Partitions(await BeatAsync(host, Join("b")), topic.Id)!);

        var told = await BeatAsync(host, Beat("a", 1, topic.Id, 0, 1, 2, 3));
        var kept = Partitions(told, topic.Id)!;
        Assert.Equal(2, kept.Count);
        Assert.Equal(2, (await BeatAsync(host, Beat("a", 1, topic.Id, [.. kept]))).MemberEpoch);
        var given = Partitions(await BeatAsync(host, Beat("b", 2)), topic.Id)!;
        Assert.Equal([0, 1, 2, 3], kept.Concat(given).Order());
        Assert.Null((await BeatAsync(host, Beat("b", 2))).Assignment);

        await host.Streams.GrowAsync("t", 6);
        await BeatAsync(host, Beat("a", 2));
        await BeatAsync(host, Beat("b", 2));
        var described = await DescribeAsync(host, "g");
        Assert.Equal(("Stable", "uniform"), (described.GroupState, described.AssignorName));
        Assert.Equal((3, 3), (described.GroupEpoch, described.AssignmentEpoch));
        Assert.All(described.Members, static member => Assert.Equal(3, Assert.Single(member.Assignment.Topics).Partitions.Count));
        Assert.All(described.Members, static member => Assert.Equal(["t"], member.SubscribedTopicNames));

        Assert.Equal(KafkaError.None, (await BeatAsync(host, Beat("b", -1))).Error);
        Assert.Equal(6, Partitions(await BeatAsync(host, Beat("a", 3)), topic.Id)!.Count);
    }

    [Fact]
    public async Task Names_may_match_an_expression_and_topics_that_come_later_do_too()
    {
        await using var host = new KafkaHost();
        var one = await host.CreateAsync("orders-1", 1);
        await host.CreateAsync("bills", 1);
        var join = Join("a");
        (join.SubscribedTopicNames, join.SubscribedTopicRegex) = (null, "orders-.*");
        Assert.Equal([0], Partitions(await BeatAsync(host, join), one.Id));
        var two = await host.CreateAsync("orders-2", 1);
        await host.Streams.RefreshAsync(TestContext.Current.CancellationToken);
        Assert.Equal([0], Partitions(await BeatAsync(host, Beat("a", 1)), two.Id));
        Assert.Equal("orders-.*", Assert.Single((await DescribeAsync(host, "g")).Members).SubscribedTopicRegex);

        join.SubscribedTopicRegex = "(";
        Assert.Equal(KafkaError.InvalidRegularExpression, (await BeatAsync(host, join)).Error);
        join.SubscribedTopicRegex = "(?=a)a";
        Assert.Equal(KafkaError.InvalidRegularExpression, (await BeatAsync(host, join)).Error);
    }

    [Theory]
    [InlineData("", 1, "GroupId can't be empty")]
    [InlineData("g", -3, "MemberEpoch is invalid")]
    [InlineData("g", -2, "InstanceId can't be null")]
    public async Task A_heartbeat_that_no_client_sends_is_told_what_is_wrong(string group, int epoch, string words)
    {
        await using var host = new KafkaHost();
        var answer = await BeatAsync(host, new ConsumerGroupHeartbeatRequest { GroupId = group, MemberId = "a", MemberEpoch = epoch });
        Assert.Equal((KafkaError.InvalidRequest, words), (answer.Error, answer.ErrorText));
    }

    [Fact]
    public async Task Who_is_no_member_or_at_another_epoch_is_told_by_the_number_that_clients_know()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t", 1);
        Assert.Equal(KafkaError.UnknownMemberId, (await BeatAsync(host, Beat("a", 1))).Error);
        await BeatAsync(host, Join("a"));
        Assert.Equal(KafkaError.FencedMemberEpoch, (await BeatAsync(host, Beat("a", 9))).Error);
        var join = Join("b");
        join.ServerAssignor = "mine";
        Assert.Equal(KafkaError.UnsupportedAssignor, (await BeatAsync(host, join)).Error);
        Assert.Equal(KafkaError.GroupIdNotFound, (await DescribeAsync(host, "other")).Error);
        Assert.Equal(KafkaError.StaleMemberEpoch, await CommitAsync(host, 0));
        Assert.Equal(KafkaError.None, await CommitAsync(host, 1));
        var listed = await host.AskAsync<ListGroupsResponse>(KafkaApi.ListGroups, 5, new ListGroupsRequest { TypesFilter = ["consumer"] });
        var found = Assert.Single(listed.Groups);
        Assert.Equal(("g", "Stable", "consumer"), (found.GroupId, found.GroupState, found.GroupType));
    }

    private static async Task<KafkaError> CommitAsync(KafkaHost host, int epoch)
    {
        var answer = await host.AskAsync<OffsetCommitResponse>(KafkaApi.OffsetCommit, 9, new OffsetCommitRequest
        {
            GroupId = "g", MemberId = "a", GenerationId = epoch,
            Topics = [new() { Name = "t", Partitions = [new() { Index = 0, CommittedOffset = 1, LeaderEpoch = -1 }] }],
        });
        return Assert.Single(Assert.Single(answer.Topics).Partitions).Error;
    }

    private static ConsumerGroupHeartbeatRequest Join(string member) => new()
    {
        GroupId = "g", MemberId = member, MemberEpoch = 0, RebalanceTimeoutMs = 1_000, SubscribedTopicNames = ["t"], OwnedPartitions = [],
    };

    private static ConsumerGroupHeartbeatRequest Beat(string member, int epoch, Guid? topic = null, params int[] owned) => new()
    {
        GroupId = "g", MemberId = member, MemberEpoch = epoch,
        OwnedPartitions = topic is null ? null : [new() { TopicId = topic.Value, Partitions = owned }],
    };

    private static Task<ConsumerGroupHeartbeatResponse> BeatAsync(KafkaHost host, ConsumerGroupHeartbeatRequest request) =>
        host.AskAsync<ConsumerGroupHeartbeatResponse>(KafkaApi.ConsumerGroupHeartbeat, 1, request);

    private static async Task<ConsumerGroupDescribeResponse.Group> DescribeAsync(KafkaHost host, string group) => Assert.Single(
        (await host.AskAsync<ConsumerGroupDescribeResponse>(
            KafkaApi.ConsumerGroupDescribe, 0, new ConsumerGroupDescribeRequest { GroupIds = [group] })).Groups);

    private static IReadOnlyList<int>? Partitions(ConsumerGroupHeartbeatResponse answer, Guid topic) => answer.Assignment is null ? null
        : answer.Assignment.Topics.SingleOrDefault(assigned => assigned.TopicId == topic)?.Partitions ?? [];
}
