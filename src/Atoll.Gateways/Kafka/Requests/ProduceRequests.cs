using Atoll.Foundation.Identity;
using Atoll.Gateways.Kafka.Connections;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Node.Requests;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Streams;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>
/// Produce: appends batches, each as it came. All are committed by a quorum of synced replicas; who asks for no acknowledgement, or for the
/// leader's only, gets as much, and the answer to it at the same time (or none).
/// </summary>
internal sealed class ProduceRequests(KafkaSources sources, KafkaGatewayOptions options) : IKafkaRequests
{
    // The first version with batches of format 2.
    private const int BatchesFrom = 3;

    // Brokers of those versions say so where a newer one knows more.
    private const int StorageErrorFrom = 4;
    private const int LeaderFrom = 10;

    // How long an append may wait while nobody leads: longer than an election, shorter than clients are patient.
    private static readonly TimeSpan ElectionPatience = TimeSpan.FromSeconds(4);

    private static readonly Task<Response> NotLeading = Task.FromResult(new Response(ResponseStatus.NotLeader));

    public IEnumerable<KafkaHandler> Handlers => [KafkaHandler.Of<ProduceRequest>(KafkaApi.Produce, ServeAsync)];

    // A client's batches are appended in the order in which it sent them: nothing is awaited before all of a request is sent where that can
    // be, and else those that come behind wait, too. And a client that has gone since may have wanted no answer: it is served all the same.
    private ValueTask<IKafkaMessage?> ServeAsync(KafkaExchange exchange, ProduceRequest request)
    {
        var catalog = sources.Streams.TopicsAsync();
        var leaders = sources.Leaders.ViewAsync();
        return exchange.Client.Appending.IsCompleted && catalog.IsCompletedSuccessfully && leaders.IsCompletedSuccessfully
            ? AppendAsync(exchange, request, catalog.Result, leaders.Result)
            : WaitAsync(exchange, request, catalog, leaders);
    }

    private async ValueTask<IKafkaMessage?> WaitAsync(
        KafkaExchange exchange, ProduceRequest request, ValueTask<TopicCatalog> catalog, ValueTask<LeaderView> leaders)
    {
        var before = exchange.Client.Appending;
        var sent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        exchange.Client.Appending = sent.Task;
        ValueTask<IKafkaMessage?> answering;
        try
        {
            var view = await leaders.ConfigureAwait(false);
            var topics = await OrNoneAsync(catalog).ConfigureAwait(false);
            await before.ConfigureAwait(false);
            answering = AppendAsync(exchange, request, topics, view);
        }
        finally
        {
            sent.SetResult();
        }

        return await answering.ConfigureAwait(false);
    }

    private static async ValueTask<TopicCatalog> OrNoneAsync(ValueTask<TopicCatalog> catalog)
    {
        try
        {
            return await catalog.ConfigureAwait(false);
        }
        catch (AtollException)
        {
            return TopicCatalog.Of(DirectoryView.Empty);
        }
    }

    private async ValueTask<IKafkaMessage?> AppendAsync(
        KafkaExchange exchange, ProduceRequest request, TopicCatalog catalog, LeaderView leaders)
    {
        var appends = request.Topics.Select(topic => topic.Partitions.Select(partition =>
            AppendAsync(exchange, request, catalog.Find(topic.Name), partition, leaders)).ToArray()).ToArray();
        var answers = await Task.WhenAll(appends.Select(static topic => Task.WhenAll(topic))).ConfigureAwait(false);
        if (request.Acks == 0)
        {
            // Nothing is said to who did not ask; what went wrong shows by the connection's end, as with Kafka's brokers.
            return answers.SelectMany(static topic => topic).Any(static answer => answer.Error != KafkaError.None)
                ? throw new KafkaConnectionException("an append without acknowledgement was refused") : null;
        }

        var response = new ProduceResponse
        {
            Topics =
            [
                .. request.Topics.Zip(answers, static (topic, partitions) => new ProduceResponse.Topic
                {
                    Name = topic.Name, Partitions = partitions,
                }),
            ],
        };
        if (exchange.Version >= LeaderFrom && Leaders(answers) is { Count: > 0 } nodes)
        {
            response.Endpoints =
            [
                .. sources.Self.BrokersOf(catalog.View).Where(broker => nodes.Contains((int)broker.Id.Value))
                    .Select(static broker => new ProduceResponse.Endpoint
                    {
                        NodeId = (int)broker.Id.Value, Host = broker.Host, Port = broker.Port, Rack = broker.Rack,
                    }),
            ];
        }

        return response;
    }

    private static HashSet<int> Leaders(ProduceResponse.Partition[][] answers) =>
    [
        .. answers.SelectMany(static topic => topic).Select(static answer => answer.CurrentLeader?.LeaderId ?? -1)
            .Where(static id => id >= 0),
    ];

    private async Task<ProduceResponse.Partition> AppendAsync(
        KafkaExchange exchange, ProduceRequest request, Topic? topic, ProduceRequest.Partition partition, LeaderView leaders)
    {
        var answer = new ProduceResponse.Partition { Index = partition.Index, BaseOffset = -1 };
        if (topic?.Partition(partition.Index) is not { } shard)
        {
            // A client that is told so asks for metadata again, and this node asks the directory then.
            answer.Error = KafkaError.UnknownTopicOrPartition;
            return answer;
        }

        if (Refuse(exchange, request, topic, partition, answer, out var header))
        {
            return answer;
        }

        var leader = leaders.LeaderOf(shard.Id);
        if (leader.Node != NodeId.None && leader.Node != leaders.Self && request.Acks != 0)
        {
            exchange.Client.Appends.Add(shard.Id, new SentBatch(header, NotLeading));
            answer.Error = KafkaError.NotLeaderOrFollower;
            answer.CurrentLeader = exchange.Client.ReadsOptionalFields
                ? new ProduceResponse.Leader { LeaderId = (int)leader.Node.Value, LeaderEpoch = leader.Epoch } : null;
            return answer;
        }

        var asked = TimeSpan.FromMilliseconds(Math.Max(1, request.TimeoutMs));
        var timeout = asked < options.AppendTimeoutMax ? asked : options.AppendTimeoutMax;
        timeout = leader.Node == NodeId.None && timeout > ElectionPatience ? ElectionPatience : timeout;
        var before = exchange.Client.Appends.Before(shard.Id);
        var appending = AppendBehindAsync(topic, partition, header, timeout, before);
        exchange.Client.Appends.Add(shard.Id, new SentBatch(header, appending));
        var response = await appending.ConfigureAwait(false);
        if (response.Status != ResponseStatus.Ok || !PartitionResult.TryRead(response.Body, out var result))
        {
            answer.Error = response.Status == ResponseStatus.Ok ? KafkaError.UnknownServerError : KafkaErrors.Of(response.Status);
            answer.ErrorText = response.Detail;
            answer.Error = answer.Error == KafkaError.StorageError && exchange.Version < StorageErrorFrom
                ? KafkaError.NotLeaderOrFollower : answer.Error;
            return answer;
        }

        answer.Error = KafkaErrors.Of(result.Status);
        answer.BaseOffset = result.BaseOffset;
        answer.LogStartOffset = result.LogStart;
        return answer;
    }

    // A batch that overtook the one before it is refused, as that is missing. Its client would hear that the first was appended and the
    // second is out of order, and must take that for a loss (librdkafka gives up): so it is sent again, once, behind the first. And where
    // the first was not appended the second was not, either, for the same reason: that it is out of order would be true, too, but makes a
    // client begin anew with other numbers (librdkafka does), and then what was appended before, and never acknowledged, is there twice.
    private async Task<Response> AppendBehindAsync(
        Topic topic, ProduceRequest.Partition partition, RecordBatchHeader header, TimeSpan timeout, SentBatch? before)
    {
        var records = partition.Records ?? default;
        var mayOvertake = before is { Answer.IsCompleted: false };
        var response = await sources.Streams.AppendAsync(topic, partition.Index, records, timeout).ConfigureAwait(false);
        if (before is null || response.Status != ResponseStatus.Ok || !PartitionResult.TryRead(response.Body, out var result)
            || result.Status is not (PartitionStatus.OutOfOrderSequence or PartitionStatus.UnknownProducer))
        {
            return response;
        }

        await ((Task)before.Answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return before.Answer.IsCompletedSuccessfully && before.Answer.Result.Status != ResponseStatus.Ok && before.Precedes(header)
            ? new Response(ResponseStatus.Unavailable, Detail: $"the batch before it was not appended: {before.Answer.Result.Status}")
            : !mayOvertake ? response
            : await sources.Streams.AppendAsync(topic, partition.Index, records, timeout).ConfigureAwait(false);
    }

    // What can be known of a batch before it is sent anywhere: true when it is refused.
    private static bool Refuse(
        KafkaExchange exchange, ProduceRequest request, Topic topic, ProduceRequest.Partition partition, ProduceResponse.Partition answer,
        out RecordBatchHeader header)
    {
        (answer.Error, answer.ErrorText) = FaultOf(exchange, request, topic, partition, out var batch);
        header = batch.Header;
        if (answer.Error == KafkaError.None && topic.Settings.Compaction is not null)
        {
            RefuseWithoutKeys(topic, partition.Index, batch, answer);
        }

        return answer.Error != KafkaError.None;
    }

    private static (KafkaError Error, string? Text) FaultOf(
        KafkaExchange exchange, ProduceRequest request, Topic topic, ProduceRequest.Partition partition, out RecordBatch batch)
    {
        batch = default;
        if (exchange.Version < BatchesFrom)
        {
            return (KafkaError.UnsupportedForMessageFormat, "batches of format 2 are taken, which versions from 3 on have");
        }

        if (request.Acks is not (-1 or 0 or 1))
        {
            return (KafkaError.InvalidRequiredAcks, "acks is 0, 1 or -1");
        }

        var records = partition.Records ?? default;
        if (records.Length > topic.Settings.BatchBytesMax)
        {
            return (KafkaError.MessageTooLarge,
                $"a batch of {records.Length} bytes; max.message.bytes of the topic is {topic.Settings.BatchBytesMax}");
        }

        var fault = RecordBatch.ReadProduced(records, out batch);
        return fault == RecordBatchFault.Format ? (KafkaError.UnsupportedForMessageFormat, "batches of format 2 are taken, no older ones")
            : fault == RecordBatchFault.LeftOver ? (KafkaError.InvalidRecord, "one batch for each partition is taken")
            : fault != RecordBatchFault.None ? (KafkaError.CorruptMessage, $"the batch cannot be taken: {fault}")
            : batch.Header.IsTransactional && request.TransactionalId is null
                ? (KafkaError.InvalidTransactionState, "a batch of a transaction comes with a transactional id")
            : (KafkaError.None, null);
    }

    // Nothing of the batch is appended, as with Kafka's brokers.
    private static void RefuseWithoutKeys(Topic topic, int partition, in RecordBatch batch, ProduceResponse.Partition answer)
    {
        var missing = new List<int>();
        if (!RecordKeys.TryFindMissing(batch, missing))
        {
            (answer.Error, answer.ErrorText) = (
                KafkaError.InvalidRecord, $"the records cannot be read, or have more than {RecordKeys.DecompressedBytesMax} bytes");
        }
        else if (missing.Count > 0)
        {
            answer.Error = KafkaError.InvalidRecord;
            answer.ErrorText = new MissingKeyException(topic.Name).Message;
            answer.RecordErrors =
            [
                .. missing.Select(number => new ProduceResponse.RecordError
                {
                    BatchIndex = number, ErrorText = $"the record has no key, and partition {partition} of \"{topic.Name}\" is compacted",
                }),
            ];
        }
    }
}
