using System.Runtime.CompilerServices;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Wire;
using Atoll.Services.Errors;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Roles;

namespace Atoll.Gateways.Cql.Statements;

/// <summary>Statements of clients, served by the tables: requests become calls of a session, and results answers. Thread-safe.</summary>
public sealed class StatementServer(ITables tables, PreparedStatements prepared)
{
    /// <summary>A session for a connection.</summary>
    public ITableSession OpenSession() => tables.OpenSession();

    /// <summary>Serves a statement.</summary>
    /// <param name="session">The connection's session.</param>
    /// <param name="version">The connection's version.</param>
    /// <param name="user">Who asks; null when nobody has to say who they are.</param>
    /// <param name="request">QUERY, PREPARE, EXECUTE or BATCH.</param>
    /// <param name="cancellation">Ends the wait: the client has gone.</param>
    /// <returns>The answer, which may be an error. Faults that are none of a statement's are thrown.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<CqlResponse> ServeAsync(
        ITableSession session, CqlVersion version, TableUser? user, CqlRequest request, CancellationToken cancellation)
    {
        try
        {
            return request switch
            {
                QueryRequest query => Rows(
                    await session.ExecuteAsync(query.Query, Complete(query.Options, request, user), cancellation).ConfigureAwait(false),
                    false, default),
                ExecuteRequest execute => await ExecuteAsync(session, version, user, execute, cancellation).ConfigureAwait(false),
                PrepareRequest prepare => await PrepareAsync(session, prepare, cancellation).ConfigureAwait(false),
                BatchRequest batch => await ExecuteBatchAsync(session, user, batch, cancellation).ConfigureAwait(false),
                _ => new ErrorResponse(CqlErrorCode.ProtocolError, $"Unexpected message {request.Opcode}"),
            };
        }
        catch (CqlException error)
        {
            return new ErrorResponse(error.Code, error.Message, error.Details);
        }
        catch (AtollException error)
        {
            return new ErrorResponse(CodeOf(error), error.Message);
        }
    }

    private static StatementOptions Complete(StatementOptions options, CqlRequest request, TableUser? user) =>
        request.Tracing || user is not null ? options with { Tracing = request.Tracing, User = user } : options;

    private async ValueTask<CqlResponse> PrepareAsync(ITableSession session, PrepareRequest request, CancellationToken cancellation)
    {
        var statement = await session.PrepareAsync(request.Query, request.Keyspace, cancellation).ConfigureAwait(false);
        prepared.Keep(statement);
        return new PreparedResponse(
            statement.Id, statement.ResultMetadataId, statement.Variables, statement.PartitionKeyIndexes, statement.Result ?? []);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<CqlResponse> ExecuteAsync(
        ITableSession session, CqlVersion version, TableUser? user, ExecuteRequest request, CancellationToken cancellation)
    {
        if (!prepared.TryGet(request.Id.Span, out var statement))
        {
            return Unprepared(request.Id);
        }

        var result = await session.ExecuteAsync(statement, Complete(request.Options, request, user), cancellation).ConfigureAwait(false);
        if (result is not RowsResult { Columns: var columns } || statement.Result is null)
        {
            return Rows(result, false, default);
        }

        // The client reads rows by the columns that it was told when it prepared the statement; the table may have others by now.
        var isAsPrepared = ReferenceEquals(columns, statement.Result) || columns.SequenceEqual(statement.Result);
        if (version < CqlVersion.V5)
        {
            return Rows(result, request.SkipMetadata && isAsPrepared, default);
        }

        var metadataId = isAsPrepared ? statement.ResultMetadataId : PreparedStatement.MetadataIdOf(columns);
        var isKnown = request.ResultMetadataId.Span.SequenceEqual(metadataId);
        return Rows(result, request.SkipMetadata && isKnown, isKnown ? default : metadataId);
    }

    private async ValueTask<CqlResponse> ExecuteBatchAsync(
        ITableSession session, TableUser? user, BatchRequest request, CancellationToken cancellation)
    {
        var entries = new BatchEntry[request.Items.Count];
        for (var i = 0; i < entries.Length; i++)
        {
            var item = request.Items[i];
            PreparedStatement? statement = null;
            if (item.Query is null && !prepared.TryGet(item.PreparedId.Span, out statement))
            {
                return Unprepared(item.PreparedId);
            }

            entries[i] = new BatchEntry { Prepared = statement, Query = item.Query, Values = item.Values };
        }

        var result = await session.ExecuteBatchAsync(request.Kind, entries, Complete(request.Options, request, user), cancellation)
            .ConfigureAwait(false);
        return Rows(result, false, default);
    }

    private static ErrorResponse Unprepared(ReadOnlyMemory<byte> id) => new(
        CqlErrorCode.Unprepared, $"The prepared statement {Convert.ToHexStringLower(id.Span)} is not known here: prepare it again",
        new UnpreparedDetails(id));

    private static CqlResponse Rows(StatementResult result, bool skipMetadata, ReadOnlyMemory<byte> newMetadataId)
    {
        CqlResponse response = result switch
        {
            RowsResult rows => new RowsResponse(rows.Columns, rows.Rows, rows.PagingState)
            {
                SkipMetadata = skipMetadata, NewMetadataId = newMetadataId,
            },
            KeyspaceResult keyspace => new KeyspaceResponse(keyspace.Keyspace),
            SchemaChangeResult change => new SchemaChangeResponse(change.Change),
            _ => new VoidResponse(),
        };
        return result.TraceId is null && result.Warnings.Count == 0
            ? response
            : response with { TraceId = result.TraceId, Warnings = result.Warnings };
    }

    // What the tables let through from below has no counts for a driver to look at; the code alone tells it whether to try again.
    private static CqlErrorCode CodeOf(AtollException error) => error switch
    {
        QuorumShortfallException { Code: ErrorCode.OutcomeUnknown } => CqlErrorCode.WriteTimeout,
        QuorumShortfallException => CqlErrorCode.Unavailable,
        OverloadedException => CqlErrorCode.Overloaded,
        UnavailableException => CqlErrorCode.Unavailable,
        OutcomeUnknownException => CqlErrorCode.WriteTimeout,
        InvalidRequestException or TooLargeException => CqlErrorCode.Invalid,
        _ => CqlErrorCode.ServerError,
    };
}
