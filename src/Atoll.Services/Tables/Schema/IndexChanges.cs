using System.Collections.Immutable;
using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Schema;

/// <summary>CREATE INDEX and DROP INDEX.</summary>
internal static class IndexChanges
{
    public static SchemaEdit Create(string keyspaceName, CreateIndexStatement statement)
    {
        var tableName = statement.Table.Name;
        return new SchemaEdit(
            keyspaceName,
            existing =>
            {
                if (existing is null || !existing.Tables.TryGetValue(tableName, out var table))
                {
                    throw TableChanges.Missing(keyspaceName, tableName);
                }

                if (statement.Name is { } given && AllOf(existing).Any(index => index.Name == given))
                {
                    return statement.IfNotExists ? existing : throw CqlException.Invalid($"Index '{given}' already exists");
                }

                var index = Build(existing, table, statement);
                var same = table.Indexes.FirstOrDefault(other => other.Column == index.Column && other.Target == index.Target);
                if (same is not null)
                {
                    return statement.IfNotExists
                        ? existing
                        : throw CqlException.Invalid($"Index {index.Name} is a duplicate of existing index {same.Name}");
                }

                return existing.With(table.WithIndexes(table.Indexes.Add(index)));
            },
            new SchemaChange(SchemaChangeKind.Updated, SchemaChangeTarget.Table, keyspaceName, tableName));
    }

    /// <summary>Removes an index; what is reported is a change of its table, which the present schema knows.</summary>
    public static SchemaEdit Drop(string keyspaceName, DropIndexStatement statement, TableSchema schema)
    {
        var name = statement.Index.Name;
        var tableName = schema.Keyspaces.TryGetValue(keyspaceName, out var known) ? TableOf(known, name)?.Name ?? "" : "";
        return new SchemaEdit(
            keyspaceName,
            existing => existing is not null && TableOf(existing, name) is { } table
                ? existing.With(table.WithIndexes(table.Indexes.Where(index => index.Name != name)))
                : statement.IfExists ? existing : throw CqlException.Invalid($"Index '{keyspaceName}.{name}' doesn't exist"),
            new SchemaChange(SchemaChangeKind.Updated, SchemaChangeTarget.Table, keyspaceName, tableName));
    }

    private static TableDefinition? TableOf(KeyspaceDefinition keyspace, string index) =>
        keyspace.Tables.Values.FirstOrDefault(table => table.Indexes.Any(candidate => candidate.Name == index));

    private static IEnumerable<IndexDefinition> AllOf(KeyspaceDefinition keyspace) =>
        keyspace.Tables.Values.SelectMany(table => table.Indexes);

    private static IndexDefinition Build(KeyspaceDefinition keyspace, TableDefinition table, CreateIndexStatement statement)
    {
        if (statement.IsCustom)
        {
            throw CqlException.Configuration(
                $"Custom indexes are not supported (class '{statement.ClassName}'): create an index without CUSTOM");
        }

        if (statement.Targets.Count != 1)
        {
            throw CqlException.Invalid("Only CUSTOM indexes support multiple columns");
        }

        if (table.IsCounter)
        {
            throw CqlException.Invalid("Secondary indexes on counter tables are not supported");
        }

        new PropertyReader(statement.Properties).End();
        var target = statement.Targets[0];
        if (!table.TryGetColumn(target.Column, out var column))
        {
            throw CqlException.Invalid($"Column '{target.Column}' doesn't exist");
        }

        var kind = TargetOf(target.Kind, column, table);
        var name = statement.Name ?? Named(keyspace, table, column);
        SchemaNames.Check("Index", name);
        return new IndexDefinition(name, column.Name, kind, null, ImmutableSortedDictionary<string, string>.Empty);
    }

    private static IndexTarget TargetOf(IndexedPart kind, ColumnDefinition column, TableDefinition table)
    {
        if (column.Kind == ColumnKind.PartitionKey && table.PartitionKey.Length == 1)
        {
            throw CqlException.Invalid($"Cannot create secondary index on the only partition key column {column.Name}");
        }

        if (!CqlComparer.IsOrdered(column.Type))
        {
            throw CqlException.Invalid(column.Type.Code == CqlTypeCode.Duration
                ? "Secondary indexes are not supported on duration columns"
                : $"Secondary indexes are not supported on {(column.Type is UserType ? "UDTs" : "collections")} containing durations");
        }

        switch (kind)
        {
            case IndexedPart.Full:
                return column.Type is { IsCollection: true, IsFrozen: true }
                    ? IndexTarget.Full
                    : throw CqlException.Invalid("full() indexes can only be created on frozen collections");
            case IndexedPart.Column or IndexedPart.Values
                when column.Type.IsCollection && column.Type.IsFrozen && kind != IndexedPart.Column:
                throw CqlException.Invalid(
                    $"Cannot create values() index on frozen column {column.Name}. Frozen collections are immutable and must be "
                    + $"fully indexed by using the 'full({column.Name})' modifier");
            case IndexedPart.Column or IndexedPart.Values:
                return column.Type is UserType { IsMultiCell: true }
                    ? throw CqlException.Invalid($"Cannot create index on non-frozen UDT column {column.Name}")
                    : column.Type is { IsCollection: true, IsFrozen: true } ? IndexTarget.Full : IndexTarget.Values;
            default:
                var target = kind == IndexedPart.Keys ? IndexTarget.Keys : IndexTarget.Entries;
                return column.Type is MapType { IsMultiCell: true }
                    ? target
                    : throw CqlException.Invalid(
                        $"Cannot create index on {kind.ToString().ToLowerInvariant()} of column {column.Name} with non-map type");
        }
    }

    private static string Named(KeyspaceDefinition keyspace, TableDefinition table, ColumnDefinition column)
    {
        var stem = string.Concat($"{table.Name}_{column.Name}_idx".Where(letter => char.IsAsciiLetterOrDigit(letter) || letter == '_'));
        stem = stem.Length > SchemaNames.LengthMax - 4 ? stem[..(SchemaNames.LengthMax - 4)] : stem;
        var name = stem;
        for (var number = 1; AllOf(keyspace).Any(index => index.Name == name); number++)
        {
            name = $"{stem}_{number}";
        }

        return name;
    }
}
