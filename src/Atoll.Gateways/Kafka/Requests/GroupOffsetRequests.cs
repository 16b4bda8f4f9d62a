using System.Text;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Groups;
using Atoll.StateMachines.Groups;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>OffsetCommit, OffsetFetch and OffsetDelete: how far groups have come.</summary>
internal sealed class GroupOffsetRequests(KafkaSources sources, IGroups groups, TimeProvider time) : IKafkaRequests
{
    // From this version on, several groups are asked about at once.
    private const int SeveralFrom = 8;

    // From this version on clients say whether they want offsets that an open transaction is about to change (KIP-447). Those who cannot
    // are told when it has ended: a group that is shared out anew right then would work on the same records again. They wait for less than
    // they wait for an answer, and no longer for a transaction whose producer has died.
    private const int StableFrom = 7;

    private static readonly TimeSpan StableWaitMax = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan StablePause = TimeSpan.FromMilliseconds(50);

    public IEnumerable<KafkaHandler> Handlers =>
    [
        KafkaHandler.Of<OffsetCommitRequest>(KafkaApi.OffsetCommit, CommitAsync),
        KafkaHandler.Of<OffsetFetchRequest>(KafkaApi.OffsetFetch, FetchAsync),
        KafkaHandler.Of<OffsetDeleteRequest>(KafkaApi.OffsetDelete, DeleteAsync),
    ];

    private async ValueTask<IKafkaMessage?> CommitAsync(KafkaExchange exchange, OffsetCommitRequest request)
    {
        var catalog = await CatalogAsync(exchange, request).ConfigureAwait(false);
        var offsets = new List<OffsetToCommit>();
        var answers = new List<OffsetCommitResponse.Partition>();
        var topics = new List<OffsetCommitResponse.Topic>();
        foreach (var topic in request.Topics)
        {
            var partitions = new List<OffsetCommitResponse.Partition>();
            foreach (var partition in topic.Partitions)
            {
                var answer = new OffsetCommitResponse.Partition
                {
                    Index = partition.Index, Error = FaultOf(catalog, topic.Name, partition),
                };
                partitions.Add(answer);
                if (answer.Error == KafkaError.None)
                {
                    answers.Add(answer);
                    offsets.Add(new OffsetToCommit(
                        new TopicPartition(topic.Name, partition.Index),
                        new CommittedOffset(partition.CommittedOffset, partition.LeaderEpoch, partition.Metadata)));
                }
            }

            topics.Add(new OffsetCommitResponse.Topic { Name = topic.Name, Partitions = partitions });
        }

        var error = await CommitAsync(exchange, request, offsets).ConfigureAwait(false);
        foreach (var answer in answers)
        {
            answer.Error = error;
        }

        return new OffsetCommitResponse { Topics = topics };
    }

    private async ValueTask<KafkaError> CommitAsync(KafkaExchange exchange, OffsetCommitRequest request, List<OffsetToCommit> offsets)
    {
        try
        {
            return GroupErrors.Of(await groups.CommitAsync(
                new CommitOffsets(
                    request.GroupId, new MemberIdentity(request.MemberId, request.GroupInstanceId), request.GenerationId, offsets),
                exchange.Gone).ConfigureAwait(false));
        }
        catch (AtollException error)
        {
            return GroupErrors.Of(error);
        }
    }

    // A topic may be younger than what this node knows.
    private async ValueTask<TopicCatalog?> CatalogAsync(KafkaExchange exchange, OffsetCommitRequest request)
    {
        try
        {
            var catalog = await sources.Streams.TopicsAsync(exchange.Gone).ConfigureAwait(false);
            return request.Topics.All(topic => catalog.Find(topic.Name) is not null) ? catalog
                : await sources.Streams.RefreshAsync(exchange.Gone).ConfigureAwait(false);
        }
        catch (AtollException)
        {
            return null; // whether there are such topics is not known: the group is asked, and says at least whether it is there
        }
    }

    private static KafkaError FaultOf(TopicCatalog? catalog, string topic, OffsetCommitRequest.Partition partition) =>
        partition.CommittedOffset < 0 || partition.Index < 0 || topic.Length == 0 ? KafkaError.InvalidRequest
        : catalog is not null && catalog.Find(topic)?.Partition(partition.Index) is null ? KafkaError.UnknownTopicOrPartition
        : Encoding.UTF8.GetByteCount(partition.Metadata ?? "") > GroupLimits.OffsetMetadataBytesMax
            ? KafkaError.OffsetMetadataTooLarge : KafkaError.None;

    private async ValueTask<IKafkaMessage?> FetchAsync(KafkaExchange exchange, OffsetFetchRequest request)
    {
        if (exchange.Version >= SeveralFrom)
        {
            return new OffsetFetchResponse
            {
                Groups = await Task.WhenAll(request.Groups.Select(group => FetchAsync(exchange, request, group))).ConfigureAwait(false),
            };
        }

        var wanted = request.Topics?.SelectMany(static topic =>
            topic.Partitions.Select(partition => new TopicPartition(topic.Name, partition))).ToList();
        var (error, offsets, unstable) = await FetchAsync(exchange, request, request.GroupId, wanted).ConfigureAwait(false);
        return new OffsetFetchResponse
        {
            Error = error,
            Topics =
            [
                .. offsets.GroupBy(static offset => offset.Place.Topic, StringComparer.Ordinal)
                    .Select(topic => new OffsetFetchResponse.Topic
                    {
                        Name = topic.Key,
                        Partitions =
                        [
                            .. topic.Select(offset => new OffsetFetchResponse.Partition
                            {
                                Index = offset.Place.Partition, CommittedOffset = offset.Committed.Offset,
                                LeaderEpoch = offset.Committed.LeaderEpoch, Metadata = offset.Committed.Metadata,
                                Error = unstable.Contains(offset.Place) ? KafkaError.UnstableOffsetCommit : error,
                            }),
                        ],
                    }),
            ],
        };
    }

    private async Task<OffsetFetchResponse.Group> FetchAsync(
        KafkaExchange exchange, OffsetFetchRequest request, OffsetFetchRequest.Group group)
    {
        var wanted = group.Topics?.SelectMany(static topic =>
            topic.Partitions.Select(partition => new TopicPartition(topic.Name, partition))).ToList();
        var (error, offsets, unstable) = await FetchAsync(exchange, request, group.GroupId, wanted).ConfigureAwait(false);
        return new OffsetFetchResponse.Group
        {
            GroupId = group.GroupId,
            Error = error,
            Topics = error != KafkaError.None ? [] :
            [
                .. offsets.GroupBy(static offset => offset.Place.Topic, StringComparer.Ordinal)
                    .Select(topic => new OffsetFetchResponse.GroupTopic
                    {
                        Name = topic.Key,
                        Partitions =
                        [
                            .. topic.Select(offset => new OffsetFetchResponse.GroupPartition
                            {
                                Index = offset.Place.Partition, CommittedOffset = offset.Committed.Offset,
                                LeaderEpoch = offset.Committed.LeaderEpoch, Metadata = offset.Committed.Metadata,
                                Error = unstable.Contains(offset.Place) ? KafkaError.UnstableOffsetCommit : KafkaError.None,
                            }),
                        ],
                    }),
            ],
        };
    }

    // With an error, every partition that was asked for has it: versions without an error of their own have nothing else. Offsets that an
    // open transaction is about to change come with an error for who wants none of those, and as they were.
    private async Task<(KafkaError Error, IReadOnlyList<OffsetToCommit> Offsets, HashSet<TopicPartition> Unstable)> FetchAsync(
        KafkaExchange exchange, OffsetFetchRequest request, string group, IReadOnlyCollection<TopicPartition>? wanted)
    {
        try
        {
            var started = time.GetTimestamp();
            var found = await groups.OffsetsAsync(group, wanted, exchange.Gone).ConfigureAwait(false);
            while (exchange.Version < StableFrom && found.Unstable.Count > 0 && time.GetElapsedTime(started) < StableWaitMax)
            {
                await Task.Delay(StablePause, time, exchange.Gone).ConfigureAwait(false);
                found = await groups.OffsetsAsync(group, wanted, exchange.Gone).ConfigureAwait(false);
            }

            HashSet<TopicPartition> unstable = request.RequireStable ? [.. found.Unstable] : [];

            // Who asks for all of them, and has committed the first one in this transaction, is told of that one too.
            var missing = wanted is null ? unstable.Except(found.Offsets.Select(static offset => offset.Place)) : [];
            return (GroupErrors.Of(found.Status),
                [.. found.Offsets, .. missing.Select(static place => new OffsetToCommit(place, CommittedOffset.None))], unstable);
        }
        catch (AtollException error)
        {
            return (GroupErrors.Of(error),
                [.. (wanted ?? []).Select(static place => new OffsetToCommit(place, CommittedOffset.None))], []);
        }
    }

    private ValueTask<IKafkaMessage?> DeleteAsync(KafkaExchange exchange, OffsetDeleteRequest request) => GroupErrors.AnswerAsync(
        async () =>
        {
            var places = request.Topics.SelectMany(static topic =>
                topic.Partitions.Select(partition => new TopicPartition(topic.Name, partition.Index))).ToList();
            var deleted = await groups.DeleteOffsetsAsync(new DeleteOffsets(request.GroupId, places), exchange.Gone)
                .ConfigureAwait(false);
            return new OffsetDeleteResponse
            {
                Error = GroupErrors.Of(deleted.Status),
                Topics =
                [
                    .. places.Zip(deleted.Parts).GroupBy(static pair => pair.First.Topic, StringComparer.Ordinal)
                        .Select(static topic => new OffsetDeleteResponse.Topic
                        {
                            Name = topic.Key,
                            Partitions =
                            [
                                .. topic.Select(static pair => new OffsetDeleteResponse.Partition
                                {
                                    Index = pair.First.Partition, Error = GroupErrors.Of(pair.Second),
                                }),
                            ],
                        }),
                ],
            };
        },
        static error => new OffsetDeleteResponse { Error = error });
}
