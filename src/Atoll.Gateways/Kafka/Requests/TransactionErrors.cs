using Atoll.Gateways.Kafka.Protocol;
using Atoll.StateMachines.Transactions;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>What became of a command of a transaction, as Kafka's clients expect it.</summary>
internal static class TransactionErrors
{
    /// <summary>What the coordinator said.</summary>
    /// <param name="status">It.</param>
    /// <param name="knowsFenced">Whether the version of the call has a number for the fenced off; else an older one.</param>
    public static KafkaError Of(TransactionStatus status, bool knowsFenced) => status switch
    {
        TransactionStatus.Ok => KafkaError.None,
        TransactionStatus.Invalid => KafkaError.InvalidRequest,
        TransactionStatus.Concurrent => KafkaError.ConcurrentTransactions,
        TransactionStatus.Fenced => knowsFenced ? KafkaError.ProducerFenced : KafkaError.InvalidProducerEpoch,
        TransactionStatus.UnknownProducer => KafkaError.InvalidProducerIdMapping,
        TransactionStatus.InvalidState => KafkaError.InvalidTransactionState,
        TransactionStatus.InvalidTimeout => KafkaError.InvalidTransactionTimeout,
        TransactionStatus.TooMany => KafkaError.PolicyViolation,
        _ => KafkaError.UnknownServerError,
    };
}
