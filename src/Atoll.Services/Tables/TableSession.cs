using System.Runtime.CompilerServices;
using Atoll.Services.Errors;
using Atoll.Services.Tables.Execution;
using Atoll.Services.Tables.Language;
using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Schema;

namespace Atoll.Services.Tables;

/// <summary>A client's connection: parses, plans and executes its statements.</summary>
/// <param name="tables">The tables.</param>
internal sealed class TableSession(TablesService tables) : ITableSession
{
    private const int AttemptsMax = 3;

    private volatile string? _keyspace;

    public string? Keyspace
    {
        get => _keyspace;
        set => _keyspace = value;
    }

    public async ValueTask<PreparedStatement> PrepareAsync(string query, string? keyspace, CancellationToken cancellationToken)
    {
        var schema = await tables.LoadSchemaAsync(cancellationToken).ConfigureAwait(false);
        return Prepare(query, keyspace ?? Keyspace, schema);
    }

    public async ValueTask<StatementResult> ExecuteAsync(string query, StatementOptions options, CancellationToken cancellationToken)
    {
        var schema = await tables.LoadSchemaAsync(cancellationToken).ConfigureAwait(false);
        var keyspace = options.Keyspace ?? Keyspace;
        var statement = Parse(query);
        return tables.Planner(schema, keyspace).Plan(statement) is { } planned
            ? await RunAsync(planned, () => statement, keyspace, options, cancellationToken).ConfigureAwait(false)
            : await ExecuteOtherAsync(statement, schema, keyspace, options, cancellationToken).ConfigureAwait(false);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<StatementResult> ExecuteAsync(
        PreparedStatement statement, StatementOptions options, CancellationToken cancellationToken)
    {
        var schema = await tables.LoadSchemaAsync(cancellationToken).ConfigureAwait(false);
        if (statement.Plan is not PlannedStatement planned)
        {
            return await ExecuteOtherAsync(
                Parse(statement.Query), schema, statement.Keyspace ?? Keyspace, options, cancellationToken).ConfigureAwait(false);
        }

        return await RunAsync(planned, () => Parse(statement.Query), statement.Keyspace, options, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask<StatementResult> ExecuteBatchAsync(
        BatchKind kind, IReadOnlyList<BatchEntry> entries, StatementOptions options, CancellationToken cancellationToken)
    {
        var context = tables.Context(options);
        for (var attempt = 1; ; attempt++)
        {
            var schema = await tables.LoadSchemaAsync(cancellationToken).ConfigureAwait(false);
            var statements = new List<(ModificationPlan Plan, BoundValues Values)>(entries.Count);
            foreach (var entry in entries)
            {
                var plan = PlanOf(entry, schema, options) as ModificationPlan ?? throw CqlException.Invalid(
                    "Invalid statement in batch: only UPDATE, INSERT and DELETE statements are allowed.");
                statements.Add((plan, BoundValues.Bind(plan.Markers, entry.Values, entry.NamedValues, context.Functions)));
            }

            try
            {
                return await new Modifications(context, kind, null).ExecuteAsync(statements, isBatch: true, cancellationToken)
                    .ConfigureAwait(false);
            }
            catch (UnknownSpaceException error) when (attempt < AttemptsMax)
            {
                await CreateSpacesAsync(statements.Select(statement => statement.Plan.Table), error, cancellationToken)
                    .ConfigureAwait(false);
            }
        }
    }

    private static Statement Parse(string query)
    {
        try
        {
            return CqlParser.Parse(query);
        }
        catch (CqlSyntaxException error)
        {
            throw new CqlException(CqlErrorCode.Syntax, error.Message, innerException: error);
        }
    }

    private PreparedStatement Prepare(string query, string? keyspace, TableSchema schema)
    {
        var statement = Parse(query);
        var planned = tables.Planner(schema, keyspace).Plan(statement);
        return new PreparedStatement(
            query, keyspace, planned?.Plan.Markers.Specs ?? [], planned?.Plan.PartitionKeyIndexes ?? [], planned?.Plan.Result)
        {
            Plan = planned,
        };
    }

    private StatementPlan? PlanOf(BatchEntry entry, TableSchema schema, StatementOptions options)
    {
        if (entry.Prepared is not { } prepared)
        {
            return tables.Planner(schema, options.Keyspace ?? Keyspace).Plan(Parse(entry.Query ?? ""))?.Plan;
        }

        return prepared.Plan is PlannedStatement planned && planned.IsCurrent(schema)
            ? planned.Plan
            : tables.Planner(schema, prepared.Keyspace).Plan(Parse(prepared.Query))?.Plan;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<StatementResult> RunAsync(
        PlannedStatement planned, Func<Statement> statement, string? keyspace, StatementOptions options,
        CancellationToken cancellationToken)
    {
        var context = tables.Context(options);
        for (var attempt = 1; ; attempt++)
        {
            if (!planned.IsCurrent(tables.Schema))
            {
                // The schema has outrun it: what it says now may be an error, too.
                planned = tables.Planner(tables.Schema, keyspace).Plan(statement())!;
            }

            var values = BoundValues.Bind(planned.Plan.Markers, options.Values, options.NamedValues, context.Functions);
            try
            {
                return await planned.Plan.ExecuteAsync(context, values, cancellationToken).ConfigureAwait(false);
            }
            catch (UnknownSpaceException error) when (attempt < AttemptsMax)
            {
                await CreateSpacesAsync(planned.Tables, error, cancellationToken).ConfigureAwait(false);
            }
            catch (AtollException error)
            {
                throw ClusterErrors.Translate(error, options.Consistency, Replicas(planned), null);
            }
        }
    }

    private int Replicas(PlannedStatement planned) =>
        planned.Tables is [var table, ..] && tables.Schema.Keyspaces.TryGetValue(table.Keyspace, out var keyspace)
            ? ClusterErrors.Replicas(keyspace) : 3;

    // The schema has the table and the cluster not its space: it was just created, by somebody who has not come further; or just dropped.
    private async ValueTask CreateSpacesAsync(
        IEnumerable<TableDefinition> missing, UnknownSpaceException error, CancellationToken cancellationToken)
    {
        try
        {
            var schema = await tables.Catalog.RefreshAsync(cancellationToken).ConfigureAwait(false);
            foreach (var table in missing.Distinct())
            {
                if (!schema.TryGetTable(table.Keyspace, table.Name, out var now) || now.Id != table.Id)
                {
                    throw new CqlException(CqlErrorCode.Invalid, $"table {table.Name} does not exist", innerException: error);
                }

                await tables.SchemaStatements.CreateSpaceAsync(schema.Keyspaces[table.Keyspace], table, cancellationToken)
                    .ConfigureAwait(false);
            }
        }
        catch (AtollException failure)
        {
            throw ClusterErrors.Translate(failure, CqlConsistency.Quorum, ClusterErrors.ReplicasDefault, null);
        }
    }

    private async ValueTask<StatementResult> ExecuteOtherAsync(
        Statement statement, TableSchema schema, string? keyspace, StatementOptions options, CancellationToken cancellationToken)
    {
        switch (statement)
        {
            case UseStatement use:
                if (!schema.Keyspaces.ContainsKey(use.Keyspace))
                {
                    throw CqlException.Invalid($"Keyspace '{use.Keyspace}' does not exist");
                }

                Keyspace = use.Keyspace;
                return new KeyspaceResult(use.Keyspace);
            case DescribeStatement describe:
                return new DescribeStatements(schema, keyspace, tables.Options.ClusterName).Execute(describe);
            case TruncateStatement truncate:
                return await TruncateAsync(truncate, schema, keyspace, options, cancellationToken).ConfigureAwait(false);
        }

        try
        {
            return await tables.SchemaStatements.TryExecuteAsync(statement, keyspace, cancellationToken).ConfigureAwait(false)
                ?? await tables.RoleStatements.TryExecuteAsync(statement, options.User, cancellationToken).ConfigureAwait(false)
                ?? throw CqlException.Invalid($"Unsupported statement: {statement}");
        }
        catch (AtollException error)
        {
            throw ClusterErrors.Translate(error, options.Consistency, 3, CqlWriteType.Simple);
        }
    }

    private async ValueTask<StatementResult> TruncateAsync(
        TruncateStatement statement, TableSchema schema, string? keyspace, StatementOptions options, CancellationToken cancellationToken)
    {
        var (found, table) = StatementPlanner.TableOf(schema, statement.Table, keyspace);
        if (found.IsVirtual)
        {
            throw CqlException.Invalid("Cannot truncate virtual tables");
        }

        try
        {
            await tables.Shards.TruncateAsync(table.SpaceName, cancellationToken).ConfigureAwait(false);
        }
        catch (UnknownSpaceException error)
        {
            // Without a space there are no rows either.
            await CreateSpacesAsync([table], error, cancellationToken).ConfigureAwait(false);
        }
        catch (AtollException error)
        {
            throw new CqlException(
                CqlErrorCode.TruncateError, $"Error during truncate: {error.Message}", null,
                ClusterErrors.Translate(error, options.Consistency, ClusterErrors.Replicas(found), CqlWriteType.Simple));
        }

        return VoidResult.Instance;
    }
}
