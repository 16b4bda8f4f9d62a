using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Schema;

/// <summary>ALTER TABLE.</summary>
internal static class TableAlterations
{
    public static SchemaEdit Alter(string keyspaceName, AlterTableStatement statement)
    {
        var name = statement.Table.Name;
        return new SchemaEdit(
            keyspaceName,
            existing => existing is not null && existing.Tables.TryGetValue(name, out var table)
                ? Apply(table, statement.Action, existing) is var changed && ReferenceEquals(changed, table)
                    ? existing : existing.With(changed)
                : statement.IfExists ? existing : throw TableChanges.Missing(keyspaceName, name),
            new SchemaChange(SchemaChangeKind.Updated, SchemaChangeTarget.Table, keyspaceName, name));
    }

    private static TableDefinition Apply(TableDefinition table, AlterTableAction action, KeyspaceDefinition keyspace) => action switch
    {
        AddColumns add => Add(table, add, keyspace),
        DropColumns drop => Drop(table, drop),
        RenameColumns rename => Rename(table, rename),
        AlterTableProperties properties => WithOptions(table, properties),
        AlterColumnType => throw CqlException.Invalid("Altering column types is no longer supported"),
        DropCompactStorage => throw CqlException.Invalid("Cannot DROP COMPACT STORAGE on table without COMPACT STORAGE"),
        _ => throw CqlException.Invalid("ALTER TABLE cannot do that"),
    };

    private static TableDefinition Add(TableDefinition table, AddColumns add, KeyspaceDefinition keyspace)
    {
        var columns = table.Columns.ToList();
        var nextId = table.NextColumnId;
        foreach (var column in add.Columns)
        {
            if (columns.Exists(other => other.Name == column.Name))
            {
                if (add.IfNotExists)
                {
                    continue;
                }

                throw CqlException.Invalid($"Column with name '{column.Name}' already exists");
            }

            var type = TableChanges.ColumnType(column.Type, keyspace);
            if (column.IsStatic && table.Clustering.IsEmpty)
            {
                throw CqlException.Invalid(
                    "Static columns are only useful (and thus allowed) if the table has at least one clustering column");
            }

            if ((type.Code == CqlTypeCode.Counter) != table.IsCounter && table.Regulars.Length + table.Statics.Length > 0)
            {
                throw CqlException.Invalid(table.IsCounter
                    ? "Cannot have a non counter column in a counter table"
                    : "Cannot have a counter column in a non counter table");
            }

            columns.Add(new ColumnDefinition(
                column.Name, type, column.IsStatic ? ColumnKind.Static : ColumnKind.Regular, -1, ClusteringOrder.None, nextId++));
        }

        return columns.Count == table.Columns.Length ? table : table.WithColumns(columns);
    }

    private static TableDefinition Drop(TableDefinition table, DropColumns drop)
    {
        var columns = table.Columns.ToList();
        foreach (var name in drop.Columns)
        {
            if (!table.TryGetColumn(name, out var column) || !columns.Remove(column))
            {
                if (drop.IfExists)
                {
                    continue;
                }

                throw CqlException.Invalid($"Column {name} was not found in table '{table.Keyspace}.{table.Name}'");
            }

            if (column.IsPrimaryKey)
            {
                throw CqlException.Invalid($"Cannot drop PRIMARY KEY column {name}");
            }

            var dependent = table.Indexes.Where(index => index.Column == name).Select(index => index.Name).ToArray();
            if (dependent.Length > 0)
            {
                throw CqlException.Invalid(
                    $"Cannot drop column {name} because it has dependent secondary indexes ({string.Join(", ", dependent)})");
            }
        }

        return columns.Count == table.Columns.Length ? table : table.WithColumns(columns);
    }

    private static TableDefinition Rename(TableDefinition table, RenameColumns rename)
    {
        var columns = table.Columns.ToList();
        var isChanged = false;
        foreach (var (from, to) in rename.Renames)
        {
            var position = columns.FindIndex(column => column.Name == from);
            if (position < 0)
            {
                if (rename.IfExists)
                {
                    continue;
                }

                throw CqlException.Invalid($"Column {from} was not found in table {table.Keyspace}.{table.Name}");
            }

            if (!columns[position].IsPrimaryKey)
            {
                throw CqlException.Invalid($"Cannot rename non-primary key column {from}");
            }

            if (columns.Exists(column => column.Name == to))
            {
                throw CqlException.Invalid(
                    $"Cannot rename column {from} to {to} in table '{table.Keyspace}.{table.Name}'; another column with that name "
                    + "already exists");
            }

            if (table.Indexes.Any(index => index.Column == from))
            {
                throw CqlException.Invalid($"Can't rename column {from} because it has dependent secondary indexes");
            }

            columns[position] = columns[position] with { Name = to };
            isChanged = true;
        }

        return isChanged ? table.WithColumns(columns) : table;
    }

    private static TableDefinition WithOptions(TableDefinition table, AlterTableProperties properties)
    {
        var options = TableOptionsReader.Read(new PropertyReader(properties.Properties), table.Options);
        return table.IsCounter && options.DefaultTimeToLiveSeconds > 0
            ? throw CqlException.Invalid("Cannot set default_time_to_live on a table with counters")
            : table.WithOptions(options);
    }
}
