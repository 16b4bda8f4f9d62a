using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Execution;

/// <summary>Checks INSERT, UPDATE and DELETE against their table.</summary>
internal static class ModificationPlanner
{
    /// <summary>A plan of the statement.</summary>
    /// <exception cref="CqlException">The statement is wrong.</exception>
    public static ModificationPlan Plan(TermBinder binder, ModificationStatement statement)
    {
        if (binder.Table.IsCounter)
        {
            if (statement.Using.TimestampMicroseconds is not null)
            {
                throw CqlException.Invalid("Cannot provide custom timestamp for counter updates");
            }

            if (statement.Using.TimeToLiveSeconds is not null)
            {
                throw CqlException.Invalid("Cannot provide custom TTL for counter updates");
            }
        }

        var plan = statement switch
        {
            InsertStatement insert => Insert(binder, insert),
            InsertJsonStatement json => InsertJson(binder, json),
            UpdateStatement update => Update(binder, update),
            DeleteStatement delete => Delete(binder, delete),
            _ => throw CqlException.Invalid($"Unsupported statement: {statement}"),
        };
        if (plan.IsConditional && plan.Timestamp is not null)
        {
            throw CqlException.Invalid("Cannot provide custom timestamp for conditional updates");
        }

        if (plan.IsConditional && plan.IsCounter)
        {
            throw CqlException.Invalid("Conditional updates are not supported on counter tables");
        }

        return plan;
    }

    /// <summary>A column by its name.</summary>
    /// <exception cref="CqlException">The table doesn't have it.</exception>
    public static (int Position, ColumnDefinition Column) Column(TableDefinition table, string name)
    {
        for (var position = 0; position < table.Columns.Length; position++)
        {
            if (table.Columns[position].Name == name)
            {
                return (position, table.Columns[position]);
            }
        }

        throw WhereAnalyzer.UndefinedColumn(table, name);
    }

    private static ModificationPlan Insert(TermBinder binder, InsertStatement statement)
    {
        var table = binder.Table;
        if (statement.Columns.Count != statement.Values.Count)
        {
            throw CqlException.Invalid("Unmatched column names/values");
        }

        RefuseCounterInsert(table);
        var given = new SortedDictionary<string, BoundTerm>(StringComparer.Ordinal);
        var operations = new List<CellOperation>();
        for (var index = 0; index < statement.Columns.Count; index++)
        {
            var (_, column) = Column(table, statement.Columns[index]);
            var term = binder.Bind(statement.Values[index], column.Type, column.Name);
            if (!given.TryAdd(column.Name, term))
            {
                throw CqlException.Invalid($"The column names contains duplicates: {column.Name}");
            }

            if (!column.IsPrimaryKey)
            {
                operations.Add(new SetColumn(column, term));
            }
        }

        return Inserted(
            binder, given, operations, statement.IfNotExists, Using(binder, statement.Using.TimestampMicroseconds, "[timestamp]", true),
            Using(binder, statement.Using.TimeToLiveSeconds, "[ttl]", false));
    }

    private static ModificationPlan InsertJson(TermBinder binder, InsertJsonStatement statement)
    {
        var table = binder.Table;
        RefuseCounterInsert(table);
        var json = new JsonRow(table, binder.Bind(statement.Json, CqlTypes.Text, "[json]"));
        var given = table.Columns.Where(column => column.IsPrimaryKey)
            .ToDictionary(column => column.Name, column => (BoundTerm)new JsonTerm(column, json), StringComparer.Ordinal);
        var operations = table.Columns.Where(column => !column.IsPrimaryKey)
            .Select(column => (CellOperation)new SetFromJson(column, json, statement.IsDefaultUnset)).ToList();
        return Inserted(
            binder, given, operations, statement.IfNotExists, Using(binder, statement.Using.TimestampMicroseconds, "[timestamp]", true),
            Using(binder, statement.Using.TimeToLiveSeconds, "[ttl]", false));
    }

    private static ModificationPlan Inserted(
        TermBinder binder, IDictionary<string, BoundTerm> given, List<CellOperation> operations, bool ifNotExists, BoundTerm? timestamp,
        BoundTerm? timeToLive)
    {
        var table = binder.Table;
        var missing = table.PartitionKey.Where(column => !given.ContainsKey(column.Name)).Select(column => column.Name).ToArray();
        if (missing.Length > 0)
        {
            throw CqlException.Invalid($"Some partition key parts are missing: {string.Join(", ", missing)}");
        }

        var missingClustering = table.Clustering.Where(column => !given.ContainsKey(column.Name)).Select(column => column.Name).ToArray();
        var isStaticOnly = missingClustering.Length == table.Clustering.Length && missingClustering.Length > 0
            && operations.Count > 0 && operations.TrueForAll(operation => operation.Column.Kind == ColumnKind.Static);
        if (missingClustering.Length > 0 && !isStaticOnly)
        {
            throw CqlException.Invalid($"Some clustering keys are missing: {string.Join(", ", missingClustering)}");
        }

        var clustering = new ClusteringSlices(table);
        foreach (var column in isStaticOnly ? [] : table.Clustering)
        {
            clustering.Add(Equal(column, given[column.Name]));
        }

        return new ModificationPlan(binder.Markers)
        {
            Keyspace = binder.Keyspace,
            Table = table,
            PartitionKey = [.. table.PartitionKey.Select(column => Equal(column, given[column.Name]))],
            Clustering = clustering,
            Operations = operations,
            WritesMarker = true,
            IsStaticOnly = isStaticOnly,
            Timestamp = timestamp,
            TimeToLive = timeToLive,
            Existence = ifNotExists ? ExistenceCondition.NotExists : ExistenceCondition.None,
        };
    }

    private static ModificationPlan Update(TermBinder binder, UpdateStatement statement)
    {
        var table = binder.Table;

        // Terms are bound in the order in which their markers are given names: that of the text.
        var timestamp = Using(binder, statement.Using.TimestampMicroseconds, "[timestamp]", true);
        var timeToLive = Using(binder, statement.Using.TimeToLiveSeconds, "[ttl]", false);
        var operations = AssignmentPlanner.Plan(binder, statement.Assignments);
        var restrictions = WhereAnalyzer.Analyze(binder, statement.Where, WhereKind.Update, false);
        var isStaticOnly = operations.TrueForAll(operation => operation.Column.Kind == ColumnKind.Static);
        var conditions = statement.Conditions.Select(condition => ConditionPlanner.Plan(binder, condition)).ToArray();
        if (isStaticOnly && !table.Clustering.IsEmpty)
        {
            isStaticOnly = !conditions.Any(condition => condition.Column.Kind == ColumnKind.Regular);
            if (isStaticOnly && restrictions.RestrictsClustering)
            {
                throw CqlException.Invalid(
                    "Invalid restrictions on clustering columns since the UPDATE statement modifies only static columns");
            }
        }

        CheckWholeKey(table, restrictions, isStaticOnly && !table.Clustering.IsEmpty, "UPDATE");
        return new ModificationPlan(binder.Markers)
        {
            Keyspace = binder.Keyspace,
            Table = table,
            PartitionKey = restrictions.PartitionKey!,
            Clustering = restrictions.Clustering,
            Operations = operations,
            IsStaticOnly = isStaticOnly && !table.Clustering.IsEmpty,
            Timestamp = timestamp,
            TimeToLive = timeToLive,
            Existence = statement.IfExists ? ExistenceCondition.Exists : ExistenceCondition.None,
            Conditions = CheckConditional(statement.IfExists, conditions, restrictions),
        };
    }

    private static ModificationPlan Delete(TermBinder binder, DeleteStatement statement)
    {
        var table = binder.Table;
        if (statement.Using.TimeToLiveSeconds is not null)
        {
            throw CqlException.Invalid("DELETE statements cannot have a TTL");
        }

        var timestamp = Using(binder, statement.Using.TimestampMicroseconds, "[timestamp]", true);
        var operations = statement.Targets.Select(target => AssignmentPlanner.Delete(binder, target)).ToList();
        var restrictions = WhereAnalyzer.Analyze(binder, statement.Where, WhereKind.Delete, false);
        var conditions = statement.Conditions.Select(condition => ConditionPlanner.Plan(binder, condition)).ToArray();
        var isStaticOnly = operations.Count > 0 && !restrictions.RestrictsClustering && !table.Clustering.IsEmpty
            && operations.TrueForAll(operation => operation.Column.Kind == ColumnKind.Static);
        if (operations.Count > 0)
        {
            if (!isStaticOnly && (!restrictions.Clustering.IsWhole || restrictions.Clustering.HasSlice))
            {
                throw CqlException.Invalid("DELETE statements must restrict all PRIMARY KEY columns with equality relations in order to "
                    + "delete non static columns");
            }
        }

        var needsRow = statement.IfExists || conditions.Any(condition => condition.Column.Kind == ColumnKind.Regular);
        if (needsRow && !isStaticOnly && !restrictions.Clustering.IsWhole)
        {
            throw CqlException.Invalid("DELETE statements must restrict all PRIMARY KEY columns with equality relations in order to use IF "
                + "condition on non static columns");
        }

        return new ModificationPlan(binder.Markers)
        {
            Keyspace = binder.Keyspace,
            Table = table,
            PartitionKey = restrictions.PartitionKey!,
            Clustering = restrictions.Clustering,
            Operations = operations,
            DeletesRows = operations.Count == 0,
            IsStaticOnly = isStaticOnly,
            Timestamp = timestamp,
            Existence = statement.IfExists ? ExistenceCondition.Exists : ExistenceCondition.None,
            Conditions = CheckConditional(statement.IfExists, conditions, restrictions),
        };
    }

    private static ConditionPlan[] CheckConditional(bool ifExists, ConditionPlan[] conditions, Restrictions restrictions)
    {
        if (ifExists || conditions.Length > 0)
        {
            if (!restrictions.PartitionKey!.All(part => part.IsSingle))
            {
                throw CqlException.Invalid("IN on the partition key is not supported with conditional updates");
            }

            if (!restrictions.Clustering.IsSingle)
            {
                throw CqlException.Invalid("IN on the clustering key columns is not supported with conditional updates");
            }
        }

        return conditions;
    }

    private static void CheckWholeKey(TableDefinition table, Restrictions restrictions, bool isStaticOnly, string statement)
    {
        if (isStaticOnly)
        {
            return;
        }

        if (restrictions.Clustering.HasSlice)
        {
            throw CqlException.Invalid($"Slice restrictions are not supported on the clustering columns in {statement} statements");
        }

        if (!restrictions.Clustering.IsWhole)
        {
            var missing = table.Clustering.Skip(restrictions.Clustering.PrefixColumns).Select(column => column.Name);
            throw CqlException.Invalid($"Some clustering keys are missing: {string.Join(", ", missing)}");
        }
    }

    private static void RefuseCounterInsert(TableDefinition table)
    {
        if (table.IsCounter)
        {
            throw CqlException.Invalid("INSERT statements are not allowed on counter tables, use UPDATE instead");
        }
    }

    private static KeyValues Equal(ColumnDefinition column, BoundTerm term) =>
        new(column.Name, column.Type, [term], null) { IsEquality = true };

    private static BoundTerm? Using(TermBinder binder, Term? term, string name, bool isTimestamp) =>
        term is null ? null : binder.Bind(term, isTimestamp ? CqlTypes.Bigint : CqlTypes.Int, name);
}
