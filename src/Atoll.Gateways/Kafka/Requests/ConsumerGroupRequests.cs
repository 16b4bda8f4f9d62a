using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Groups;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Groups.Assigned;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>ConsumerGroupHeartbeat and ConsumerGroupDescribe: groups whose coordinator shares out the partitions (KIP-848).</summary>
internal sealed class ConsumerGroupRequests(KafkaSources sources, IGroups groups) : IKafkaRequests
{
    // From this version on clients choose the ids of their members.
    private const int OwnIdFrom = 1;

    public IEnumerable<KafkaHandler> Handlers =>
    [
        KafkaHandler.Of<ConsumerGroupHeartbeatRequest>(KafkaApi.ConsumerGroupHeartbeat, HeartbeatAsync),
        KafkaHandler.Of<ConsumerGroupDescribeRequest>(KafkaApi.ConsumerGroupDescribe, DescribeAsync),
    ];

    /// <summary>What Kafka calls where such a group is.</summary>
    public static string NameOf(GroupState state) => state switch
    {
        GroupState.Empty => "Empty",
        GroupState.Stable => "Stable",
        _ => "Reconciling",
    };

    private async ValueTask<IKafkaMessage?> HeartbeatAsync(KafkaExchange exchange, ConsumerGroupHeartbeatRequest request)
    {
        if (FaultOf(exchange, request) is { } fault)
        {
            return Refused(KafkaError.InvalidRequest, fault);
        }

        try
        {
            var beat = BeatOf(exchange, request);
            var view = await groups.HeartbeatAsync(
                beat, await CatalogAsync(exchange, beat).ConfigureAwait(false), exchange.Gone).ConfigureAwait(false);
            if (view.Status != GroupStatus.Ok)
            {
                return view.Status == GroupStatus.InconsistentProtocol
                    ? Refused(KafkaError.GroupIdNotFound, "the group has members that share out the partitions themselves")
                    : Refused(GroupErrors.Of(view.Status), null);
            }

            return new ConsumerGroupHeartbeatResponse
            {
                MemberId = view.MemberId,
                MemberEpoch = view.Epoch,
                HeartbeatIntervalMs = GroupLimits.AssignedHeartbeatMilliseconds,
                Assignment = view.Assigned is not { } assigned ? null : new ConsumerGroupHeartbeatResponse.MemberAssignment
                {
                    Topics =
                    [
                        .. assigned.GroupBy(static partition => partition.Topic)
                            .Select(static topic => new ConsumerGroupHeartbeatResponse.TopicPartitions
                            {
                                TopicId = topic.Key, Partitions = [.. topic.Select(static partition => partition.Partition)],
                            }),
                    ],
                },
            };
        }
        catch (InvalidPatternException error)
        {
            return Refused(KafkaError.InvalidRegularExpression, error.Message);
        }
        catch (AtollException error)
        {
            return Refused(GroupErrors.Of(error), error.Message);
        }
    }

    private static ConsumerGroupHeartbeatResponse Refused(KafkaError error, string? why) => new() { Error = error, ErrorText = why };

    // What a request must have that Kafka's brokers insist on; null when it has.
    private static string? FaultOf(KafkaExchange exchange, ConsumerGroupHeartbeatRequest request) =>
        request.GroupId.Length == 0 ? "GroupId can't be empty"
        : request.InstanceId is "" ? "InstanceId can't be empty"
        : request.RackId is "" ? "RackId can't be empty"
        : request.SubscribedTopicNames?.Any(static name => name.Length is 0 or > GroupLimits.NameCharactersMax) == true
            ? "a subscribed topic has no name that topics have"
        : request.SubscribedTopicRegex is { Length: > GroupLimits.PatternCharactersMax } ? "SubscribedTopicRegex is too long"
        : request.OwnedPartitions?.SelectMany(static topic => topic.Partitions).Any(static partition => partition < 0) == true
            ? "TopicPartitions has a partition below zero"
        : request.MemberId.Length > GroupLimits.NameCharactersMax || request.InstanceId?.Length > GroupLimits.NameCharactersMax
            || request.RackId?.Length > GroupLimits.NameCharactersMax ? "an id is too long"
        : request.MemberEpoch switch
        {
            < HeartbeatEpochs.LeaveForNow => "MemberEpoch is invalid",
            HeartbeatEpochs.LeaveForNow when request.InstanceId is null => "InstanceId can't be null",
            not HeartbeatEpochs.Join when request.MemberId.Length == 0 => "MemberId can't be empty",
            not HeartbeatEpochs.Join => null,
            _ when exchange.Version >= OwnIdFrom && request.MemberId.Length == 0 => "MemberId can't be empty",
            _ when request.RebalanceTimeoutMs <= 0 => "RebalanceTimeoutMs must be provided in first request",
            _ when request.OwnedPartitions is not { Count: 0 } => "TopicPartitions must be empty when (re-)joining",
            _ when request.SubscribedTopicNames is null && request.SubscribedTopicRegex is null =>
                "SubscribedTopicNames or SubscribedTopicRegex must be set in first request",
            _ => null,
        };

    private static ConsumerHeartbeat BeatOf(KafkaExchange exchange, ConsumerGroupHeartbeatRequest request) =>
        new(request.GroupId, request.MemberId, request.MemberEpoch)
        {
            InstanceId = request.InstanceId,
            RackId = request.RackId,
            ClientId = GroupRequests.Cut(exchange.Client.Name),
            ClientHost = exchange.Client.Address.ToString(),
            RebalanceMilliseconds = request.RebalanceTimeoutMs > 0 ? request.RebalanceTimeoutMs : -1,
            Names = request.SubscribedTopicNames,
            Pattern = request.SubscribedTopicRegex,
            Assignor = request.ServerAssignor,
            Owned = request.OwnedPartitions is null ? null :
            [
                .. request.OwnedPartitions.SelectMany(static topic =>
                    topic.Partitions.Select(partition => new PartitionId(topic.TopicId, partition))),
            ],
        };

    // A topic may be younger than what this node knows.
    private async ValueTask<TopicCatalog> CatalogAsync(KafkaExchange exchange, ConsumerHeartbeat beat)
    {
        var catalog = await sources.Streams.TopicsAsync(exchange.Gone).ConfigureAwait(false);
        return beat.Names is null || beat.Names.All(name => catalog.Find(name) is not null) ? catalog
            : await sources.Streams.RefreshAsync(exchange.Gone).ConfigureAwait(false);
    }

    private async ValueTask<IKafkaMessage?> DescribeAsync(KafkaExchange exchange, ConsumerGroupDescribeRequest request) =>
        new ConsumerGroupDescribeResponse
        {
            Groups = await Task.WhenAll(request.GroupIds.Select(group => DescribeAsync(exchange, group))).ConfigureAwait(false),
        };

    private async Task<ConsumerGroupDescribeResponse.Group> DescribeAsync(KafkaExchange exchange, string group)
    {
        var answer = new ConsumerGroupDescribeResponse.Group { GroupId = group, GroupState = "", AssignorName = "" };
        try
        {
            var found = await groups.DescribeAssignedAsync(group, exchange.Gone).ConfigureAwait(false);
            if (found.Status != GroupStatus.Ok)
            {
                (answer.Error, answer.ErrorText) = (KafkaError.GroupIdNotFound, $"there is no consumer group {group}");
                return answer;
            }

            var ids = found.Group.Topics;
            answer.GroupState = NameOf(found.State);
            answer.GroupEpoch = found.Group.Epoch;
            answer.AssignmentEpoch = found.Group.Epoch;
            answer.AssignorName = found.Group.Assignor;
            answer.Members =
            [
                .. found.Members.Select(described => new ConsumerGroupDescribeResponse.Member
                {
                    MemberId = described.Member.Id,
                    InstanceId = described.Member.InstanceId,
                    RackId = described.Member.RackId,
                    MemberEpoch = described.Member.Epoch,
                    ClientId = described.Member.ClientId,
                    ClientHost = "/" + described.Member.ClientHost,
                    SubscribedTopicNames = [.. described.Member.Names],
                    SubscribedTopicRegex = described.Member.Pattern.Length == 0 ? null : described.Member.Pattern,
                    Assignment = AssignmentOf(described.Assigned),
                    TargetAssignment = AssignmentOf(described.Target),
                }),
            ];

            ConsumerGroupDescribeResponse.MemberAssignment AssignmentOf(IReadOnlyList<TopicPartition> partitions) => new()
            {
                Topics =
                [
                    .. partitions.GroupBy(static place => place.Topic, StringComparer.Ordinal)
                        .Select(topic => new ConsumerGroupDescribeResponse.TopicPartitions
                        {
                            TopicId = ids[topic.Key].Id, TopicName = topic.Key,
                            Partitions = [.. topic.Select(static place => place.Partition)],
                        }),
                ],
            };
        }
        catch (AtollException error)
        {
            (answer.Error, answer.ErrorText) = (GroupErrors.Of(error), error.Message);
        }

        return answer;
    }
}
