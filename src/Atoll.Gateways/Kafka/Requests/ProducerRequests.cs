using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Errors;
using Atoll.Services.Streams.Transactions;
using Atoll.StateMachines.Transactions;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>
/// InitProducerId: numbers for producers that number their batches, and epochs for those of transactional ids; and DescribeProducers, which
/// tells people what partitions remember of them.
/// </summary>
internal sealed class ProducerRequests(KafkaSources sources) : IKafkaRequests
{
    // The first version with a number for those who were fenced off.
    private const int FencedFrom = 4;

    // Who ended a transaction here is not remembered: a number of its own, as Kafka's brokers say it of producers without transactions.
    private const int NoCoordinatorEpoch = -1;

    public IEnumerable<KafkaHandler> Handlers =>
    [
        KafkaHandler.Of<InitProducerIdRequest>(KafkaApi.InitProducerId, InitAsync),
        KafkaHandler.Of<DescribeProducersRequest>(KafkaApi.DescribeProducers, DescribeAsync),
    ];

    private async ValueTask<IKafkaMessage?> InitAsync(KafkaExchange exchange, InitProducerIdRequest request)
    {
        if (request.TransactionalId is { } transactionalId)
        {
            return sources.Transactions is { } transactions
                ? await InitAsync(transactions, transactionalId, exchange, request).ConfigureAwait(false)
                : Refused(KafkaError.TransactionalIdAuthorizationFailed);
        }

        try
        {
            // A producer that comes again, because it does not know what became of a batch, is a new one: that is always right.
            var id = await sources.Streams.NewProducerIdAsync(exchange.Gone).ConfigureAwait(false);
            return new InitProducerIdResponse { ProducerId = id, ProducerEpoch = 0 };
        }
        catch (AtollException)
        {
            return Refused(KafkaError.CoordinatorLoadInProgress);
        }
    }

    private async ValueTask<IKafkaMessage?> DescribeAsync(KafkaExchange exchange, DescribeProducersRequest request)
    {
        var partitions = new KafkaPartitions(sources, exchange.Gone);
        var topics = request.Topics.Select(async topic => new DescribeProducersResponse.Topic
        {
            Name = topic.Name,
            Partitions = await Task.WhenAll(topic.Partitions.Select(index => DescribeAsync(partitions, topic.Name, index, exchange.Gone)))
                .ConfigureAwait(false),
        });
        return new DescribeProducersResponse { Topics = await Task.WhenAll(topics).ConfigureAwait(false) };
    }

    private async Task<DescribeProducersResponse.Partition> DescribeAsync(
        KafkaPartitions partitions, string topic, int index, CancellationToken cancellation)
    {
        var answer = new DescribeProducersResponse.Partition { Index = index };
        answer.Error = await partitions.AskAsync(topic, index, async found =>
        {
            var known = await sources.Streams.ProducersAsync(found, index, cancellation).ConfigureAwait(false);
            answer.ActiveProducers =
            [
                .. known.Producers.Select(static producer => new DescribeProducersResponse.Producer
                {
                    ProducerId = producer.Id,
                    ProducerEpoch = producer.Epoch,
                    LastSequence = producer.LastSequence,
                    LastTimestamp = producer.LastActiveMs,
                    CoordinatorEpoch = NoCoordinatorEpoch,
                    CurrentTxnStartOffset = producer.TransactionStart,
                }),
            ];
            return KafkaErrors.Of(known.Status);
        }).ConfigureAwait(false);
        return answer;
    }

    private static InitProducerIdResponse Refused(KafkaError error) => new() { Error = error, ProducerEpoch = -1 };

    private static ValueTask<IKafkaMessage?> InitAsync(
        ITransactions transactions, string id, KafkaExchange exchange, InitProducerIdRequest request) => GroupErrors.AnswerAsync(
        async () =>
        {
            var init = await transactions.InitAsync(
                id, request.TransactionTimeoutMs, request.ProducerId, request.ProducerEpoch, exchange.Gone).ConfigureAwait(false);
            return init.Status == TransactionStatus.Ok
                ? new InitProducerIdResponse { ProducerId = init.ProducerId, ProducerEpoch = init.Epoch }
                : Refused(TransactionErrors.Of(init.Status, exchange.Version >= FencedFrom));
        },
        Refused);
}
