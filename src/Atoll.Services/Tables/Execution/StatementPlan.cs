using Atoll.Services.Errors;
using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Storage;

namespace Atoll.Services.Tables.Execution;

/// <summary>What a statement is executed with, beside its values.</summary>
/// <param name="Shards">The rows.</param>
/// <param name="Options">What came with the statement.</param>
/// <param name="Functions">What functions may know.</param>
/// <param name="Batches">The log of batches.</param>
internal sealed record StatementContext(IRowShards Shards, StatementOptions Options, FunctionContext Functions, BatchLog Batches)
{
    /// <summary>The time that expiry is judged by, in Unix milliseconds.</summary>
    public long NowMilliseconds => Functions.NowMilliseconds;
}

/// <summary>A statement that was checked against a schema, ready to be executed any number of times.</summary>
/// <param name="markers">Its markers.</param>
internal abstract class StatementPlan(Markers markers)
{
    /// <summary>The bind markers.</summary>
    public Markers Markers { get; } = markers;

    /// <summary>See <see cref="PreparedStatement.PartitionKeyIndexes"/>.</summary>
    public virtual IReadOnlyList<int> PartitionKeyIndexes => [];

    /// <summary>See <see cref="PreparedStatement.Result"/>.</summary>
    public virtual IReadOnlyList<ColumnSpec>? Result => null;

    /// <summary>Executes it.</summary>
    public abstract ValueTask<StatementResult> ExecuteAsync(
        StatementContext context, BoundValues values, CancellationToken cancellationToken);
}

/// <summary>Errors of the cluster as errors of CQL.</summary>
internal static class ClusterErrors
{
    /// <summary>The error that a client of CQL sees.</summary>
    /// <param name="error">What happened.</param>
    /// <param name="consistency">The consistency that was asked for.</param>
    /// <param name="replicas">The table's replicas.</param>
    /// <param name="write">What was written; null for a read.</param>
    public static CqlException Translate(AtollException error, CqlConsistency consistency, int replicas, CqlWriteType? write)
    {
        var required = (replicas / 2) + 1;
        return error.Code switch
        {
            ErrorCode.Unavailable => new CqlException(
                CqlErrorCode.Unavailable, $"Cannot achieve consistency level {Name(consistency)}: {error.Message}",
                new UnavailableDetails(consistency, required, required - 1), error),
            ErrorCode.OutcomeUnknown when write is { } type => new CqlException(
                CqlErrorCode.WriteTimeout, $"Operation timed out: {error.Message}",
                new WriteTimeoutDetails(consistency, required - 1, required, type), error),
            ErrorCode.OutcomeUnknown => new CqlException(
                CqlErrorCode.ReadTimeout, $"Operation timed out: {error.Message}",
                new ReadTimeoutDetails(consistency, required - 1, required, false), error),
            ErrorCode.Overloaded or ErrorCode.DiskFull => new CqlException(CqlErrorCode.Overloaded, error.Message, innerException: error),
            ErrorCode.TooLarge or ErrorCode.Invalid or ErrorCode.Unsupported =>
                new CqlException(CqlErrorCode.Invalid, error.Message, innerException: error),
            ErrorCode.Unauthenticated => new CqlException(CqlErrorCode.Unauthorized, error.Message, innerException: error),
            ErrorCode.RequestExpired when write is { } type => new CqlException(
                CqlErrorCode.WriteTimeout, error.Message, new WriteTimeoutDetails(consistency, required - 1, required, type), error),
            _ => new CqlException(CqlErrorCode.ServerError, error.Message, innerException: error),
        };
    }

    /// <summary>The level's name in CQL.</summary>
    public static string Name(CqlConsistency consistency) => consistency switch
    {
        CqlConsistency.LocalQuorum => "LOCAL_QUORUM",
        CqlConsistency.EachQuorum => "EACH_QUORUM",
        CqlConsistency.LocalSerial => "LOCAL_SERIAL",
        CqlConsistency.LocalOne => "LOCAL_ONE",
        _ => consistency.ToString().ToUpperInvariant(),
    };

    /// <summary>Replicas of what belongs to no keyspace.</summary>
    public const int ReplicasDefault = 3;

    /// <summary>How many replicas the tables of a keyspace have.</summary>
    public static int Replicas(KeyspaceDefinition keyspace) => KeyspaceChanges.ReplicationFactor(keyspace);
}
