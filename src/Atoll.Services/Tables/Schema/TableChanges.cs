using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Schema;

/// <summary>CREATE TABLE and DROP TABLE.</summary>
internal static class TableChanges
{
    /// <summary>A new table.</summary>
    /// <param name="keyspaceName">The keyspace.</param>
    /// <param name="statement">The statement.</param>
    /// <param name="newId">The table's identity, unless the statement names one.</param>
    public static SchemaEdit Create(string keyspaceName, CreateTableStatement statement, Guid newId)
    {
        SchemaNames.Check("Table", statement.Table.Name);
        return new SchemaEdit(
            keyspaceName,
            existing =>
            {
                var keyspace = existing ?? throw CqlException.Invalid($"Keyspace '{keyspaceName}' doesn't exist");
                if (keyspace.Tables.ContainsKey(statement.Table.Name))
                {
                    return statement.IfNotExists ? keyspace : throw CqlException.TableExists(keyspaceName, statement.Table.Name);
                }

                return keyspace.With(Build(keyspace, statement, newId));
            },
            new SchemaChange(SchemaChangeKind.Created, SchemaChangeTarget.Table, keyspaceName, statement.Table.Name));
    }

    public static SchemaEdit Drop(string keyspaceName, DropTableStatement statement) => new(
        keyspaceName,
        existing => existing is not null && existing.Tables.ContainsKey(statement.Table.Name)
            ? existing with { Tables = existing.Tables.Remove(statement.Table.Name) }
            : statement.IfExists ? existing : throw Missing(keyspaceName, statement.Table.Name),
        new SchemaChange(SchemaChangeKind.Dropped, SchemaChangeTarget.Table, keyspaceName, statement.Table.Name));

    public static CqlException Missing(string keyspace, string table) => CqlException.Invalid($"Table '{keyspace}.{table}' doesn't exist");

    /// <summary>Refuses types that no column outside of the primary key may have.</summary>
    public static CqlType ColumnType(TypeName name, KeyspaceDefinition keyspace)
    {
        var type = TypeResolver.Resolve(name, keyspace);
        return type is UserType { IsMultiCell: true } user && user.Fields.Any(field => field.Type.IsMultiCell)
            ? throw CqlException.Invalid("Non-frozen UDTs with nested non-frozen collections are not supported")
            : type;
    }

    private static TableDefinition Build(KeyspaceDefinition keyspace, CreateTableStatement statement, Guid newId)
    {
        var table = statement.Table.Name;
        if (statement.IsCompactStorage)
        {
            throw CqlException.Invalid("COMPACT STORAGE tables are not allowed starting with version 4.0");
        }

        if (statement.PartitionKey.IsEmpty)
        {
            throw CqlException.Invalid($"No PRIMARY KEY specifed for table '{table}' (exactly one required)");
        }

        var declared = new SortedDictionary<string, (CqlType Type, bool IsStatic)>(StringComparer.Ordinal);
        foreach (var column in statement.Columns)
        {
            if (!declared.TryAdd(column.Name, (ColumnType(column.Type, keyspace), column.IsStatic)))
            {
                throw CqlException.Invalid($"Duplicate column '{column.Name}' declaration for table '{table}'");
            }
        }

        var key = statement.PartitionKey.Concat(statement.ClusteringKey).ToArray();
        CheckKey(table, key, declared);
        var order = Order(statement);
        var columns = new List<ColumnDefinition>();
        uint id = 0;
        for (var index = 0; index < key.Length; index++)
        {
            var isClustering = index >= statement.PartitionKey.Count;
            columns.Add(new ColumnDefinition(
                key[index], declared[key[index]].Type.Freeze(), isClustering ? ColumnKind.Clustering : ColumnKind.PartitionKey,
                isClustering ? index - statement.PartitionKey.Count : index,
                isClustering ? order[index - statement.PartitionKey.Count] : ClusteringOrder.None, id++));
        }

        foreach (var (name, (type, isStatic)) in declared.Where(column => !key.Contains(column.Key)))
        {
            columns.Add(new ColumnDefinition(
                name, type, isStatic ? ColumnKind.Static : ColumnKind.Regular, -1, ClusteringOrder.None, id++));
        }

        CheckColumns(statement, columns);
        var properties = new PropertyReader(statement.Properties);
        var tableId = properties.Text("id") is { } given
            ? Guid.TryParse(given, out var parsed) ? parsed : throw CqlException.Configuration($"Invalid table id {given}")
            : newId;
        var options = TableOptionsReader.Read(properties, TableOptions.Default);
        var built = new TableDefinition(keyspace.Name, table, tableId, columns).WithOptions(options);
        return built.IsCounter && options.DefaultTimeToLiveSeconds > 0
            ? throw CqlException.Invalid("Cannot set default_time_to_live on a table with counters")
            : built;
    }

    private static void CheckKey(string table, string[] key, SortedDictionary<string, (CqlType Type, bool IsStatic)> declared)
    {
        foreach (var name in key)
        {
            if (!declared.TryGetValue(name, out var column))
            {
                throw CqlException.Invalid($"Unknown column '{name}' referenced in PRIMARY KEY for table '{table}'");
            }

            if (key.Count(other => other == name) > 1)
            {
                throw CqlException.Invalid($"Duplicate column '{name}' in PRIMARY KEY clause for table '{table}'");
            }

            var (type, isStatic) = column;
            if (isStatic)
            {
                throw CqlException.Invalid($"Static column '{name}' cannot be part of the PRIMARY KEY");
            }

            if (type.IsMultiCell)
            {
                throw CqlException.Invalid(type.IsCollection
                    ? $"Invalid non-frozen collection type {type} for PRIMARY KEY column '{name}'"
                    : $"Invalid non-frozen user-defined type {type} for PRIMARY KEY column '{name}'");
            }

            if (type.Code is CqlTypeCode.Counter || !CqlComparer.IsOrdered(type))
            {
                throw CqlException.Invalid(type.Code is CqlTypeCode.Counter or CqlTypeCode.Duration
                    ? $"{type} type is not supported for PRIMARY KEY column '{name}'"
                    : $"duration type is not supported for PRIMARY KEY column '{name}'");
            }
        }
    }

    private static ClusteringOrder[] Order(CreateTableStatement statement)
    {
        if (statement.ClusteringOrder.IsEmpty)
        {
            return [.. statement.ClusteringKey.Select(_ => ClusteringOrder.Ascending)];
        }

        if (statement.ClusteringOrder.Count > statement.ClusteringKey.Count)
        {
            throw CqlException.Invalid("Only clustering columns can be defined in CLUSTERING ORDER directive: "
                + $"{statement.ClusteringOrder[statement.ClusteringKey.Count].Column} are not clustering columns");
        }

        return [.. statement.ClusteringKey.Select((column, index) =>
        {
            if (index >= statement.ClusteringOrder.Count)
            {
                throw CqlException.Invalid($"Missing CLUSTERING ORDER for column {column}");
            }

            var ordering = statement.ClusteringOrder[index];
            return ordering.Column != column
                ? throw CqlException.Invalid("Clustering key columns must exactly match columns in CLUSTERING ORDER BY directive")
                : ordering.IsDescending ? ClusteringOrder.Descending : ClusteringOrder.Ascending;
        })];
    }

    private static void CheckColumns(CreateTableStatement statement, List<ColumnDefinition> columns)
    {
        if (statement.ClusteringKey.IsEmpty && columns.Exists(column => column.Kind == ColumnKind.Static))
        {
            throw CqlException.Invalid(
                "Static columns are only useful (and thus allowed) if the table has at least one clustering column");
        }

        var others = columns.Where(column => !column.IsPrimaryKey).ToArray();
        var counters = others.Count(column => column.Type.Code == CqlTypeCode.Counter);
        if (counters > 0 && counters < others.Length)
        {
            throw CqlException.Invalid("Cannot mix counter and non counter columns in the same table");
        }
    }
}
