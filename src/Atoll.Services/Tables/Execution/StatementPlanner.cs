using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Execution;

/// <summary>A statement on rows, checked against a schema.</summary>
/// <param name="Plan">How it is executed.</param>
/// <param name="Tables">The tables that it was checked against: when the schema has others by now, it is checked anew.</param>
internal sealed record PlannedStatement(StatementPlan Plan, IReadOnlyList<TableDefinition> Tables)
{
    /// <summary>Whether its tables are still as they were.</summary>
    public bool IsCurrent(TableSchema schema) =>
        Tables.All(table => schema.TryGetTable(table.Keyspace, table.Name, out var now) && ReferenceEquals(now, table));
}

/// <summary>Checks statements on rows against a schema.</summary>
/// <param name="schema">The schema.</param>
/// <param name="keyspace">The keyspace of names without one.</param>
/// <param name="functions">The functions.</param>
/// <param name="virtualTables">The tables that are computed, by keyspace and name.</param>
internal sealed class StatementPlanner(
    TableSchema schema, string? keyspace, IFunctionRegistry functions, IReadOnlyDictionary<(string, string), IVirtualTable> virtualTables)
{
    /// <summary>A plan of the statement; null when it isn't one on rows.</summary>
    /// <exception cref="CqlException">The statement is wrong.</exception>
    public PlannedStatement? Plan(Statement statement)
    {
        var markers = new Markers(statement.Markers);
        switch (statement)
        {
            case SelectStatement select:
                var selectBinder = Binder(select.Table, markers, out var virtualTable);
                return new PlannedStatement(SelectPlanner.Plan(selectBinder, select, virtualTable), [selectBinder.Table]);
            case ModificationStatement modification:
                var plan = Modification(modification, markers);
                return new PlannedStatement(plan, [plan.Table]);
            case BatchStatement batch:
                if (batch.Using.TimeToLiveSeconds is not null)
                {
                    throw CqlException.Invalid("Global TTL on the BATCH statement is not supported.");
                }

                var timestamp = batch.Using.TimestampMicroseconds is null ? null : BatchTimestamp(batch, markers);
                var plans = batch.Statements.Select(inner => Modification(inner, markers)).ToArray();
                var kind = (BatchKind)(int)batch.Kind;
                return new PlannedStatement(
                    new BatchPlan(markers, kind, timestamp, plans), [.. plans.Select(inner => inner.Table).Distinct()]);
            default:
                return null;
        }
    }

    /// <summary>The keyspace that a name means.</summary>
    /// <exception cref="CqlException">It says none, and the session has none.</exception>
    public static string KeyspaceOf(QualifiedName name, string? current) => name.Keyspace ?? current ?? throw CqlException.Invalid(
        "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename");

    /// <summary>The table that a name means.</summary>
    /// <exception cref="CqlException">There is none.</exception>
    public static (KeyspaceDefinition Keyspace, TableDefinition Table) TableOf(TableSchema schema, QualifiedName name, string? current)
    {
        var keyspaceName = KeyspaceOf(name, current);
        if (!schema.Keyspaces.TryGetValue(keyspaceName, out var found))
        {
            throw CqlException.Invalid($"keyspace {keyspaceName} does not exist");
        }

        return found.Tables.TryGetValue(name.Name, out var table)
            ? (found, table)
            : throw CqlException.Invalid($"table {name.Name} does not exist");
    }

    private ModificationPlan Modification(ModificationStatement statement, Markers markers)
    {
        var binder = Binder(statement.Table, markers, out var virtualTable);
        return virtualTable is null
            ? ModificationPlanner.Plan(binder, statement)
            : throw CqlException.Invalid($"Modification is not supported by table {binder.Table.Keyspace}.{binder.Table.Name}");
    }

    private TermBinder Binder(QualifiedName name, Markers markers, out IVirtualTable? virtualTable)
    {
        var (found, table) = TableOf(schema, name, keyspace);
        virtualTables.TryGetValue((table.Keyspace, table.Name), out virtualTable);
        return new TermBinder(found, table, functions, markers);
    }

    private BoundTerm BatchTimestamp(BatchStatement batch, Markers markers)
    {
        if (batch.Using.TimestampMicroseconds is BindMarker marker)
        {
            markers.Set(marker, keyspace ?? "", "", "[timestamp]", CqlTypes.Bigint);
            return new MarkerTerm(CqlTypes.Bigint, marker.Index);
        }

        return new ConstantTerm(CqlTypes.Bigint, CqlValue.Of(
            TermBinder.OfLiteral((Literal)batch.Using.TimestampMicroseconds!, CqlTypes.Bigint, "[timestamp]")));
    }
}
