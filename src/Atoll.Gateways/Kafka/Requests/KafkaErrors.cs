using Atoll.Gateways.Kafka.Protocol;
using Atoll.Node.Requests;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.StateMachines.Streams;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>
/// What the errors of the services are to Kafka's clients. The number decides what a client does: so each is one by which it asks for
/// metadata again, tries again, or fails, as it should.
/// </summary>
public static class KafkaErrors
{
    /// <summary>What a partition said.</summary>
    public static KafkaError Of(PartitionStatus status) => status switch
    {
        PartitionStatus.Ok => KafkaError.None,
        PartitionStatus.Invalid or PartitionStatus.CorruptBatch => KafkaError.CorruptMessage,
        PartitionStatus.OutOfOrderSequence => KafkaError.OutOfOrderSequenceNumber,
        PartitionStatus.UnknownProducer => KafkaError.UnknownProducerId,
        PartitionStatus.DuplicateSequence => KafkaError.DuplicateSequenceNumber,
        PartitionStatus.ProducerFenced => KafkaError.InvalidProducerEpoch,
        PartitionStatus.TransactionOver or PartitionStatus.InvalidTransactionState => KafkaError.InvalidTransactionState,
        PartitionStatus.OffsetOutOfRange => KafkaError.OffsetOutOfRange,
        PartitionStatus.TooManyProducers => KafkaError.PolicyViolation,
        _ => KafkaError.UnknownServerError,
    };

    /// <summary>
    /// How an append ended that no partition answered. Whoever leads is to be asked for again, and what may have taken effect is a
    /// time-out: a client that numbers its batches sends it again, and it is there once.
    /// </summary>
    public static KafkaError Of(ResponseStatus status) => status switch
    {
        ResponseStatus.Ok => KafkaError.None,
        ResponseStatus.NotLeader or ResponseStatus.StaleRoute or ResponseStatus.Unavailable => KafkaError.NotLeaderOrFollower,
        ResponseStatus.Overloaded => KafkaError.NotEnoughReplicas, // nothing happened; clients wait a little and send it again
        ResponseStatus.DiskFull or ResponseStatus.Faulted => KafkaError.StorageError,
        ResponseStatus.OutcomeUnknown => KafkaError.RequestTimedOut,
        ResponseStatus.Invalid => KafkaError.CorruptMessage,
        ResponseStatus.TooLarge => KafkaError.MessageTooLarge,
        ResponseStatus.UnknownSpace => KafkaError.UnknownTopicOrPartition,
        _ => KafkaError.UnknownServerError,
    };

    /// <summary>Why something about a topic or the cluster failed.</summary>
    public static KafkaError Of(AtollException error) => error switch
    {
        InvalidReplicasException => KafkaError.InvalidReplicationFactor,
        InvalidPartitionsException => KafkaError.InvalidPartitions,
        InvalidSettingsException => KafkaError.InvalidConfig,
        _ => error.Code switch
        {
            ErrorCode.UnknownSpace or ErrorCode.NotFound => KafkaError.UnknownTopicOrPartition,
            ErrorCode.SpaceExists => KafkaError.TopicAlreadyExists,
            ErrorCode.Invalid => KafkaError.InvalidRequest,
            ErrorCode.Unsupported => KafkaError.PolicyViolation,
            ErrorCode.TooLarge => KafkaError.MessageTooLarge,
            ErrorCode.DiskFull or ErrorCode.Faulted => KafkaError.StorageError,
            ErrorCode.Overloaded or ErrorCode.OutcomeUnknown => KafkaError.RequestTimedOut,
            ErrorCode.Unavailable => KafkaError.LeaderNotAvailable,
            _ => KafkaError.UnknownServerError,
        },
    };
}
