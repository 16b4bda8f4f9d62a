using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Errors;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>InitProducerId: numbers for producers that number their batches.</summary>
internal sealed class ProducerRequests(KafkaSources sources) : IKafkaRequests
{
    public IEnumerable<KafkaHandler> Handlers => [KafkaHandler.Of<InitProducerIdRequest>(KafkaApi.InitProducerId, InitAsync)];

    private async ValueTask<IKafkaMessage?> InitAsync(KafkaExchange exchange, InitProducerIdRequest request)
    {
        if (request.TransactionalId is not null)
        {
            return new InitProducerIdResponse { Error = KafkaError.TransactionalIdAuthorizationFailed, ProducerEpoch = -1 };
        }

        try
        {
            // A producer that comes again, because it does not know what became of a batch, is a new one: that is always right.
            var id = await sources.Streams.NewProducerIdAsync(exchange.Gone).ConfigureAwait(false);
            return new InitProducerIdResponse { ProducerId = id, ProducerEpoch = 0 };
        }
        catch (AtollException)
        {
            return new InitProducerIdResponse { Error = KafkaError.CoordinatorLoadInProgress, ProducerEpoch = -1 };
        }
    }
}
