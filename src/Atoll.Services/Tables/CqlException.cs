using System.Net;

namespace Atoll.Services.Tables;

#pragma warning disable CA1032 // an error of CQL always has a code: the standard constructors would make ones without

/// <summary>A statement did not succeed: the code and the message are what a CQL client sees.</summary>
public sealed class CqlException : Exception
{
    /// <summary>An error of that kind.</summary>
    public CqlException(CqlErrorCode code, string message, CqlErrorDetails? details = null, Exception? innerException = null)
        : base(message, innerException)
    {
        Code = code;
        Details = details;
    }

    /// <summary>The kind of error.</summary>
    public CqlErrorCode Code { get; }

    /// <summary>What the protocol sends with errors of this kind; null when it sends nothing.</summary>
    public CqlErrorDetails? Details { get; }

    /// <summary>The statement is wrong.</summary>
    public static CqlException Invalid(string message) => new(CqlErrorCode.Invalid, message);

    /// <summary>The statement's options are wrong.</summary>
    public static CqlException Configuration(string message) => new(CqlErrorCode.ConfigError, message);

    /// <summary>There is a keyspace of that name.</summary>
    public static CqlException KeyspaceExists(string keyspace) => new(
        CqlErrorCode.AlreadyExists, $"Cannot add existing keyspace \"{keyspace}\"", new AlreadyExistsDetails(keyspace, ""));

    /// <summary>There is a table of that name.</summary>
    public static CqlException TableExists(string keyspace, string table) => new(
        CqlErrorCode.AlreadyExists, $"Cannot add already existing table \"{table}\" to keyspace \"{keyspace}\"",
        new AlreadyExistsDetails(keyspace, table));
}

#pragma warning restore CA1032

/// <summary>What the protocol sends with an error beside its message.</summary>
public abstract record CqlErrorDetails;

/// <summary>Of <see cref="CqlErrorCode.Unavailable"/>.</summary>
/// <param name="Consistency">The level that could not be met.</param>
/// <param name="Required">Replicas that it needs.</param>
/// <param name="Alive">Replicas that are up.</param>
public sealed record UnavailableDetails(CqlConsistency Consistency, int Required, int Alive) : CqlErrorDetails;

/// <summary>Of <see cref="CqlErrorCode.WriteTimeout"/>.</summary>
/// <param name="Consistency">The level that was not met.</param>
/// <param name="Received">Replicas that acknowledged.</param>
/// <param name="BlockFor">Replicas whose acknowledgement was needed.</param>
/// <param name="WriteType">What was written.</param>
/// <param name="Contentions">For <see cref="CqlWriteType.Cas"/> in protocol version 5: how often another write was in the way.</param>
public sealed record WriteTimeoutDetails(
    CqlConsistency Consistency, int Received, int BlockFor, CqlWriteType WriteType, int Contentions = 0) : CqlErrorDetails;

/// <summary>Of <see cref="CqlErrorCode.ReadTimeout"/>.</summary>
/// <param name="Consistency">The level that was not met.</param>
/// <param name="Received">Replicas that answered.</param>
/// <param name="BlockFor">Replicas whose answer was needed.</param>
/// <param name="DataPresent">Whether the replica that was asked for data, not a digest, was among them.</param>
public sealed record ReadTimeoutDetails(CqlConsistency Consistency, int Received, int BlockFor, bool DataPresent) : CqlErrorDetails;

/// <summary>A replica that failed, and why (a code of native_protocol_v5.spec, section 8).</summary>
/// <param name="Replica">Its address.</param>
/// <param name="Reason">The reason: 0 is unknown, 1 too many tombstones, 2 an index not ready.</param>
public sealed record ReplicaFailure(IPAddress Replica, ushort Reason);

/// <summary>Of <see cref="CqlErrorCode.ReadFailure"/>.</summary>
/// <param name="Consistency">The level that was not met.</param>
/// <param name="Received">Replicas that answered.</param>
/// <param name="BlockFor">Replicas whose answer was needed.</param>
/// <param name="Failures">Replicas that failed.</param>
/// <param name="DataPresent">Whether the replica that was asked for data answered.</param>
public sealed record ReadFailureDetails(
    CqlConsistency Consistency, int Received, int BlockFor, IReadOnlyList<ReplicaFailure> Failures, bool DataPresent) : CqlErrorDetails;

/// <summary>Of <see cref="CqlErrorCode.FunctionFailure"/>.</summary>
/// <param name="Keyspace">The function's keyspace.</param>
/// <param name="Function">Its name.</param>
/// <param name="ArgumentTypes">The CQL names of its arguments' types.</param>
public sealed record FunctionFailureDetails(string Keyspace, string Function, IReadOnlyList<string> ArgumentTypes) : CqlErrorDetails;

/// <summary>Of <see cref="CqlErrorCode.WriteFailure"/>.</summary>
/// <param name="Consistency">The level that was not met.</param>
/// <param name="Received">Replicas that acknowledged.</param>
/// <param name="BlockFor">Replicas whose acknowledgement was needed.</param>
/// <param name="Failures">Replicas that failed.</param>
/// <param name="WriteType">What was written.</param>
public sealed record WriteFailureDetails(
    CqlConsistency Consistency, int Received, int BlockFor, IReadOnlyList<ReplicaFailure> Failures, CqlWriteType WriteType)
    : CqlErrorDetails;

/// <summary>Of <see cref="CqlErrorCode.CasWriteUnknown"/>.</summary>
/// <param name="Consistency">The level that was not met.</param>
/// <param name="Received">Replicas that acknowledged.</param>
/// <param name="BlockFor">Replicas whose acknowledgement was needed.</param>
public sealed record CasWriteUnknownDetails(CqlConsistency Consistency, int Received, int BlockFor) : CqlErrorDetails;

/// <summary>Of <see cref="CqlErrorCode.AlreadyExists"/>.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Table">The table; empty when it is the keyspace that exists.</param>
public sealed record AlreadyExistsDetails(string Keyspace, string Table) : CqlErrorDetails;

/// <summary>Of <see cref="CqlErrorCode.Unprepared"/>.</summary>
/// <param name="Id">The id that is not known.</param>
public sealed record UnpreparedDetails(ReadOnlyMemory<byte> Id) : CqlErrorDetails;

/// <summary>What a write that failed was; the protocol sends the name in upper case with underscores.</summary>
public enum CqlWriteType
{
    /// <summary>Not batched, not a counter: SIMPLE.</summary>
    Simple,

    /// <summary>A logged batch, which was written to the log of batches: BATCH.</summary>
    Batch,

    /// <summary>An unlogged batch: UNLOGGED_BATCH.</summary>
    UnloggedBatch,

    /// <summary>A counter's update, batched or not: COUNTER.</summary>
    Counter,

    /// <summary>The write of a batch to the log of batches: BATCH_LOG.</summary>
    BatchLog,

    /// <summary>A conditional write: CAS.</summary>
    Cas,

    /// <summary>The update of a materialized view: VIEW.</summary>
    View,

    /// <summary>A write to a table with change data capture: CDC.</summary>
    Cdc,
}
