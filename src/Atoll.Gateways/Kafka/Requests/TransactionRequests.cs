using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Transactions;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Transactions;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>AddPartitionsToTxn, AddOffsetsToTxn and EndTxn: the life of a transaction.</summary>
internal sealed class TransactionRequests(KafkaSources sources, ITransactions transactions) : IKafkaRequests
{
    // The first versions with a number for those who were fenced off.
    private const int FencedFrom = 2;

    // Newer ones are for brokers among themselves.
    private const int AddPartitionsMax = 3;

    // Newer ones bump the epoch with every transaction, and add partitions with the first batch.
    private const int EndMax = 4;

    public IEnumerable<KafkaHandler> Handlers =>
    [
        KafkaHandler.Of<AddPartitionsToTxnRequest>(KafkaApi.AddPartitionsToTxn, AddPartitionsMax, AddPartitionsAsync),
        KafkaHandler.Of<AddOffsetsToTxnRequest>(KafkaApi.AddOffsetsToTxn, AddOffsetsAsync),
        KafkaHandler.Of<EndTxnRequest>(KafkaApi.EndTxn, EndMax, EndAsync),
    ];

    // All of them or none.
    private async ValueTask<IKafkaMessage?> AddPartitionsAsync(KafkaExchange exchange, AddPartitionsToTxnRequest request)
    {
        var error = KafkaError.None;
        TopicCatalog? catalog = null;
        try
        {
            catalog = await sources.Streams.TopicsAsync(exchange.Gone).ConfigureAwait(false);
            if (request.Topics.Any(topic => catalog.Find(topic.Name) is null))
            {
                catalog = await sources.Streams.RefreshAsync(exchange.Gone).ConfigureAwait(false);
            }
        }
        catch (AtollException failure)
        {
            error = GroupErrors.Of(failure);
        }

        var places = request.Topics
            .SelectMany(static topic => topic.Partitions.Select(partition => new TopicPartition(topic.Name, partition))).ToList();
        var unknown = places.Where(place => catalog?.Find(place.Topic)?.Partition(place.Partition) is null).ToHashSet();
        if (error == KafkaError.None && unknown.Count == 0)
        {
            error = await AddAsync(
                new AddToTransaction(request.TransactionalId, request.ProducerId, request.ProducerEpoch, places, []), exchange)
                .ConfigureAwait(false);
        }
        else if (error == KafkaError.None)
        {
            error = KafkaError.OperationNotAttempted;
        }

        return new AddPartitionsToTxnResponse
        {
            Topics =
            [
                .. request.Topics.Select(topic => new AddPartitionsToTxnResponse.Topic
                {
                    Name = topic.Name,
                    Partitions =
                    [
                        .. topic.Partitions.Select(partition => new AddPartitionsToTxnResponse.Partition
                        {
                            Index = partition,
                            Error = catalog is not null && unknown.Contains(new TopicPartition(topic.Name, partition))
                                ? KafkaError.UnknownTopicOrPartition : error,
                        }),
                    ],
                }),
            ],
        };
    }

    private async ValueTask<KafkaError> AddAsync(AddToTransaction add, KafkaExchange exchange)
    {
        try
        {
            return TransactionErrors.Of(
                (await transactions.AddAsync(add, exchange.Gone).ConfigureAwait(false)).Status, exchange.Version >= FencedFrom);
        }
        catch (AtollException error)
        {
            return GroupErrors.Of(error);
        }
    }

    private async ValueTask<IKafkaMessage?> AddOffsetsAsync(KafkaExchange exchange, AddOffsetsToTxnRequest request) =>
        new AddOffsetsToTxnResponse
        {
            Error = await AddAsync(
                new AddToTransaction(request.TransactionalId, request.ProducerId, request.ProducerEpoch, [], [request.GroupId]), exchange)
                .ConfigureAwait(false),
        };

    private ValueTask<IKafkaMessage?> EndAsync(KafkaExchange exchange, EndTxnRequest request) => GroupErrors.AnswerAsync(
        async () => new EndTxnResponse
        {
            Error = TransactionErrors.Of(
                (await transactions.EndAsync(
                    new EndTransaction(request.TransactionalId, request.ProducerId, request.ProducerEpoch, request.Committed),
                    exchange.Gone).ConfigureAwait(false)).Status,
                exchange.Version >= FencedFrom),
        },
        static error => new EndTxnResponse { Error = error });
}
