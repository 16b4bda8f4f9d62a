using System.Text;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Groups;
using Atoll.StateMachines.Groups;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>TxnOffsetCommit: offsets of a group that are committed when a transaction is.</summary>
internal sealed class TransactionOffsetRequests(KafkaSources sources, IGroups groups) : IKafkaRequests
{
    public IEnumerable<KafkaHandler> Handlers => [KafkaHandler.Of<TxnOffsetCommitRequest>(KafkaApi.TxnOffsetCommit, CommitAsync)];

    // All of them or none: a transaction with half of its offsets would be none.
    private async ValueTask<IKafkaMessage?> CommitAsync(KafkaExchange exchange, TxnOffsetCommitRequest request)
    {
        var offsets = new List<OffsetToCommit>();
        var faults = new Dictionary<TopicPartition, KafkaError>();
        var error = KafkaError.None;
        try
        {
            var catalog = await sources.Streams.TopicsAsync(exchange.Gone).ConfigureAwait(false);
            catalog = request.Topics.All(topic => catalog.Find(topic.Name) is not null) ? catalog
                : await sources.Streams.RefreshAsync(exchange.Gone).ConfigureAwait(false);
            foreach (var (topic, partition) in request.Topics.SelectMany(
                static topic => topic.Partitions.Select(partition => (topic.Name, partition))))
            {
                var place = new TopicPartition(topic, partition.Index);
                offsets.Add(new OffsetToCommit(
                    place, new CommittedOffset(partition.CommittedOffset, partition.LeaderEpoch, partition.Metadata)));
                if (FaultOf(catalog, topic, partition) is var fault && fault != KafkaError.None)
                {
                    faults[place] = fault;
                }
            }

            error = faults.Count > 0 ? KafkaError.OperationNotAttempted
                : GroupErrors.Of(await groups.CommitAsync(
                    new CommitInTransaction(
                        new CommitOffsets(
                            request.GroupId, new MemberIdentity(request.MemberId, request.GroupInstanceId), request.GenerationId, offsets),
                        request.ProducerId, request.ProducerEpoch),
                    exchange.Gone).ConfigureAwait(false));
        }
        catch (AtollException failure)
        {
            error = GroupErrors.Of(failure);
        }

        return new TxnOffsetCommitResponse
        {
            Topics =
            [
                .. request.Topics.Select(topic => new TxnOffsetCommitResponse.Topic
                {
                    Name = topic.Name,
                    Partitions =
                    [
                        .. topic.Partitions.Select(partition => new TxnOffsetCommitResponse.Partition
                        {
                            Index = partition.Index,
                            Error = faults.GetValueOrDefault(new TopicPartition(topic.Name, partition.Index), error),
                        }),
                    ],
                }),
            ],
        };
    }

    private static KafkaError FaultOf(TopicCatalog catalog, string topic, TxnOffsetCommitRequest.Partition partition) =>
        partition.CommittedOffset < 0 || partition.Index < 0 || topic.Length == 0 ? KafkaError.InvalidRequest
        : catalog.Find(topic)?.Partition(partition.Index) is null ? KafkaError.UnknownTopicOrPartition
        : Encoding.UTF8.GetByteCount(partition.Metadata ?? "") > GroupLimits.OffsetMetadataBytesMax
            ? KafkaError.OffsetMetadataTooLarge : KafkaError.None;
}
