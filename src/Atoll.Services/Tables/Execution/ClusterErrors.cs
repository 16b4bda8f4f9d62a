using System.Net;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Services.Errors;
using Atoll.Services.Tables.Schema;

namespace Atoll.Services.Tables.Execution;

/// <summary>
/// Errors of the cluster as errors of CQL. Eventual tables say how many replicas answered; for strong ones numbers are made up that mean
/// "one too few", because drivers look at them.
/// </summary>
internal static class ClusterErrors
{
    /// <summary>Replicas of what belongs to no keyspace.</summary>
    public const int ReplicasDefault = 3;

    /// <summary>The error that a client of CQL sees.</summary>
    /// <param name="error">What happened.</param>
    /// <param name="consistency">The consistency that was asked for.</param>
    /// <param name="replicas">The table's replicas.</param>
    /// <param name="write">What was written; null for a read.</param>
    public static CqlException Translate(AtollException error, CqlConsistency consistency, int replicas, CqlWriteType? write)
    {
        if (error is QuorumShortfallException missed)
        {
            return OfShortfall(missed, consistency, write);
        }

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

    /// <summary>The error of a modification; a conditional one's names the level of the part that failed.</summary>
    /// <param name="error">What happened.</param>
    /// <param name="options">What came with the statement.</param>
    /// <param name="keyspace">The table's keyspace.</param>
    /// <param name="write">What was written.</param>
    public static CqlException OfWrite(
        AtollException error, StatementOptions options, KeyspaceDefinition keyspace, CqlWriteType write)
    {
        // What is decided is then written as any other modification is, at the level of the commit.
        var shortfall = (error as QuorumShortfallException)?.Shortfall;
        var isDeciding = write == CqlWriteType.Cas && shortfall is { Write: WriteKind.CompareAndSet };
        return Translate(
            error, isDeciding ? StatementConsistency.SerialOf(options) : options.Consistency, Replicas(keyspace),
            write == CqlWriteType.Cas && shortfall is { Write: not WriteKind.CompareAndSet } ? CqlWriteType.Simple : write);
    }

    /// <summary>The error of a logged batch of which a part failed when all of it was written down.</summary>
    public static CqlException OfWrittenDown(AtollException error, CqlConsistency consistency)
    {
        var (received, required) = (error as QuorumShortfallException)?.Shortfall is { } shortfall
            ? (shortfall.Outcome == EventualOutcome.Unavailable ? 0 : shortfall.Received, shortfall.Required)
            : (ReplicasDefault / 2, (ReplicasDefault / 2) + 1);
        return new CqlException(
            CqlErrorCode.WriteTimeout, $"Operation timed out: {error.Message}; the batch is written down, and will be done",
            new WriteTimeoutDetails(consistency, received, required, CqlWriteType.Batch), error);
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

    /// <summary>How many replicas the tables of a keyspace have.</summary>
    public static int Replicas(KeyspaceDefinition keyspace) => KeyspaceChanges.ReplicationFactor(keyspace);

    private static CqlException OfShortfall(QuorumShortfallException error, CqlConsistency consistency, CqlWriteType? write)
    {
        var (outcome, received, required, failures, isDataPresent, _) = error.Shortfall;
        var late = $"Operation timed out - received only {received} responses.";
        var failed = $"Operation failed - received {received} responses and {failures} failures";
        return (outcome, write) switch
        {
            (EventualOutcome.Unavailable, _) => new CqlException(
                CqlErrorCode.Unavailable, $"Cannot achieve consistency level {Name(consistency)}",
                new UnavailableDetails(consistency, required, received), error),

            // A round that ended before anything was proposed is a timeout; what was proposed may yet be decided.
            (_, CqlWriteType.Cas) when error.Code == ErrorCode.OutcomeUnknown => new CqlException(
                CqlErrorCode.CasWriteUnknown,
                received < required
                    ? $"CAS operation result is unknown - proposal accepted by {received} but not a quorum."
                    : "CAS operation result is unknown - others were decided meanwhile.",
                new CasWriteUnknownDetails(consistency, received, required), error),
            (EventualOutcome.Failed, { } type) => new CqlException(
                CqlErrorCode.WriteFailure, failed,
                new WriteFailureDetails(consistency, received, required, Failures(failures), type), error),
            (EventualOutcome.Failed, null) => new CqlException(
                CqlErrorCode.ReadFailure, failed,
                new ReadFailureDetails(consistency, received, required, Failures(failures), isDataPresent), error),
            (_, { } type) => new CqlException(
                CqlErrorCode.WriteTimeout, late, new WriteTimeoutDetails(consistency, received, required, type), error),
            _ => new CqlException(
                CqlErrorCode.ReadTimeout, late, new ReadTimeoutDetails(consistency, received, required, isDataPresent), error),
        };
    }

    // Which replicas refused is not known here, only how many; drivers put addresses into a map.
    private static ReplicaFailure[] Failures(int count) =>
        [.. Enumerable.Range(1, count).Select(number => new ReplicaFailure(new IPAddress([0, 0, 0, (byte)number]), 0))];
}
