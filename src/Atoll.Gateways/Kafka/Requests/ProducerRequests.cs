using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Errors;
using Atoll.Services.Streams.Transactions;
using Atoll.StateMachines.Transactions;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>InitProducerId: numbers for producers that number their batches, and epochs for those of transactional ids.</summary>
internal sealed class ProducerRequests(KafkaSources sources) : IKafkaRequests
{
    // The first version with a number for those who were fenced off.
    private const int FencedFrom = 4;

    public IEnumerable<KafkaHandler> Handlers => [KafkaHandler.Of<InitProducerIdRequest>(KafkaApi.InitProducerId, InitAsync)];

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
