using Atoll.Foundation.Compression;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.StateMachines.Streams;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>ListOffsets, OffsetForLeaderEpoch and DeleteRecords: the positions of partitions.</summary>
internal sealed class OffsetRequests(KafkaSources sources) : IKafkaRequests
{
    // Answers before this version have a list of offsets.
    private const int SingleFrom = 1;
    private const int MaxTimestampFrom = 7;
    private const long LocalEarliest = -4;

    public IEnumerable<KafkaHandler> Handlers =>
    [
        KafkaHandler.Of<ListOffsetsRequest>(KafkaApi.ListOffsets, 8, ListAsync),
        KafkaHandler.Of<OffsetForLeaderEpochRequest>(KafkaApi.OffsetForLeaderEpoch, FindEpochsAsync),
        KafkaHandler.Of<DeleteRecordsRequest>(KafkaApi.DeleteRecords, DeleteAsync),
    ];

    private async ValueTask<IKafkaMessage?> ListAsync(KafkaExchange exchange, ListOffsetsRequest request)
    {
        var partitions = new KafkaPartitions(sources, exchange.Gone);
        var topics = request.Topics.Select(async topic => new ListOffsetsResponse.Topic
        {
            Name = topic.Name,
            Partitions = await Task.WhenAll(topic.Partitions.Select(async partition =>
            {
                var answer = new ListOffsetsResponse.Partition { Index = partition.Index };
                answer.Error = await partitions.AskAsync(topic.Name, partition.Index, found =>
                    ListAsync(exchange, request, partition, found, answer)).ConfigureAwait(false);
                return answer;
            })).ConfigureAwait(false),
        });
        return new ListOffsetsResponse { Topics = await Task.WhenAll(topics).ConfigureAwait(false) };
    }

    private async Task<KafkaError> ListAsync(
        KafkaExchange exchange, ListOffsetsRequest request, ListOffsetsRequest.Partition wanted, Topic topic,
        ListOffsetsResponse.Partition answer)
    {
        // What is kept here and what is kept elsewhere is the same: there is no elsewhere.
        var timestamp = wanted.Timestamp == LocalEarliest ? PartitionFind.Earliest : wanted.Timestamp;
        if (timestamp < PartitionFind.MaxTimestamp || (timestamp == PartitionFind.MaxTimestamp && exchange.Version < MaxTimestampFrom))
        {
            return KafkaError.InvalidRequest;
        }

        var find = new PartitionFind(timestamp, request.IsolationLevel == 1);
        var found = await sources.Streams.FindAsync(topic, wanted.Index, find, exchange.Gone).ConfigureAwait(false);
        if (found.Status != PartitionStatus.Ok)
        {
            return KafkaErrors.Of(found.Status);
        }

        var (offset, at) = (found.Offset, found.Timestamp);
        if (found.Batch is { } place)
        {
            (offset, at) = await FindRecordAsync(topic, wanted.Index, find, found, place, exchange.Gone).ConfigureAwait(false);
        }

        answer.Offset = offset;
        answer.Timestamp = at;
        answer.LeaderEpoch = found.LeaderEpoch;
        answer.Offsets = exchange.Version < SingleFrom && offset >= 0 ? [offset] : [];
        return KafkaError.None;
    }

    // Which record of the batch it is. When the batch cannot be looked into, it is its first: its reader passes over what is too old.
    private async Task<(long Offset, long Timestamp)> FindRecordAsync(
        Topic topic, int partition, PartitionFind find, FoundOffset found, BatchPlace place, CancellationToken cancellation)
    {
        var fetched = await sources.Streams.FetchAsync(
            topic, partition, new PartitionFetch(found.Offset, place.Bytes, IsCommitted: false), TimeSpan.Zero,
            Node.Requests.ReadLevel.Linearizable, cancellation).ConfigureAwait(false);
        var wanted = find.Timestamp == PartitionFind.MaxTimestamp ? found.Timestamp : find.Timestamp;
        if (RecordBatch.Read(fetched.Records, out var batch) == RecordBatchFault.None
            && batch.Header is { IsControl: false } header && header.BaseOffset == place.BaseOffset
            && new RecordCodec().Decompress(batch, out var records) == CompressionFault.None)
        {
            var reader = new RecordReader(records, header.RecordCount, header.LastOffsetDelta);
            while (reader.TryNext(out var record))
            {
                var timestamp = header.BaseTimestamp + record.TimestampDelta;
                if (timestamp >= wanted && header.BaseOffset + record.OffsetDelta >= found.Offset)
                {
                    return (header.BaseOffset + record.OffsetDelta, timestamp);
                }
            }
        }

        return (found.Offset, found.Timestamp);
    }

    private async ValueTask<IKafkaMessage?> FindEpochsAsync(KafkaExchange exchange, OffsetForLeaderEpochRequest request)
    {
        var partitions = new KafkaPartitions(sources, exchange.Gone);
        var topics = request.Topics.Select(async topic => new OffsetForLeaderEpochResponse.Topic
        {
            Name = topic.Name,
            Partitions = await Task.WhenAll(topic.Partitions.Select(async partition =>
            {
                var answer = new OffsetForLeaderEpochResponse.EpochEnd { Index = partition.Index };
                answer.Error = await partitions.AskAsync(topic.Name, partition.Index, async found =>
                {
                    var end = await sources.Streams.FindEpochEndAsync(found, partition.Index, partition.LeaderEpoch, exchange.Gone)
                        .ConfigureAwait(false);
                    (answer.LeaderEpoch, answer.EndOffset) = (end.LeaderEpoch, end.Offset);
                    return KafkaErrors.Of(end.Status);
                }).ConfigureAwait(false);
                return answer;
            })).ConfigureAwait(false),
        });
        return new OffsetForLeaderEpochResponse { Topics = await Task.WhenAll(topics).ConfigureAwait(false) };
    }

    private async ValueTask<IKafkaMessage?> DeleteAsync(KafkaExchange exchange, DeleteRecordsRequest request)
    {
        var partitions = new KafkaPartitions(sources, exchange.Gone);
        var topics = request.Topics.Select(async topic => new DeleteRecordsResponse.Topic
        {
            Name = topic.Name,
            Partitions = await Task.WhenAll(topic.Partitions.Select(async partition =>
            {
                var answer = new DeleteRecordsResponse.Partition { Index = partition.Index, LowWatermark = -1 };
                answer.Error = partition.Offset < PartitionCommand.EndOffset ? KafkaError.OffsetOutOfRange
                    : await partitions.AskAsync(topic.Name, partition.Index, async found =>
                    {
                        var result = await sources.Streams.DeleteBeforeAsync(found, partition.Index, partition.Offset, exchange.Gone)
                            .ConfigureAwait(false);
                        answer.LowWatermark = result.Status == PartitionStatus.Ok ? result.LogStart : -1;
                        return KafkaErrors.Of(result.Status);
                    }).ConfigureAwait(false);
                return answer;
            })).ConfigureAwait(false),
        });
        return new DeleteRecordsResponse { Topics = await Task.WhenAll(topics).ConfigureAwait(false) };
    }
}
