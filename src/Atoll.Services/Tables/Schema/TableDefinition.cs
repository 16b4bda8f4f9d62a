using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Atoll.Foundation.Checks;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Schema;

/// <summary>A table. Immutable: a change of the schema makes another.</summary>
public sealed class TableDefinition
{
    private readonly FrozenDictionary<string, ColumnDefinition> _byName;
    private string? _spaceName;
    private readonly FrozenDictionary<uint, ColumnDefinition> _byId;

    /// <summary>A table of those columns, which may come in any order.</summary>
    public TableDefinition(string keyspace, string name, Guid id, IEnumerable<ColumnDefinition> columns)
    {
        Keyspace = keyspace;
        Name = name;
        Id = id;
        Columns =
        [
            .. columns.OrderBy(column => column.Kind).ThenBy(column => column.Position)
                .ThenBy(column => column.Name, StringComparer.Ordinal),
        ];
        PartitionKey = [.. Columns.Where(column => column.Kind == ColumnKind.PartitionKey)];
        Clustering = [.. Columns.Where(column => column.Kind == ColumnKind.Clustering)];
        Statics = [.. Columns.Where(column => column.Kind == ColumnKind.Static)];
        Regulars = [.. Columns.Where(column => column.Kind == ColumnKind.Regular)];
        _byName = Columns.ToFrozenDictionary(column => column.Name, StringComparer.Ordinal);
        _byId = Columns.ToFrozenDictionary(column => column.Id);
        IsCounter = Columns.Any(column => column.Type.Code == CqlTypeCode.Counter);
        NextColumnId = Columns.Max(column => column.Id) + 1;
        Check.That(PartitionKey.Length > 0);
    }

    private TableDefinition(TableDefinition other, TableOptions options, ImmutableArray<IndexDefinition> indexes, uint nextColumnId)
    {
        (Keyspace, Name, Id, Columns) = (other.Keyspace, other.Name, other.Id, other.Columns);
        (PartitionKey, Clustering, Statics, Regulars) = (other.PartitionKey, other.Clustering, other.Statics, other.Regulars);
        (_byName, _byId, IsCounter) = (other._byName, other._byId, other.IsCounter);
        Options = options;
        Indexes = indexes;
        NextColumnId = nextColumnId;
        Check.That(Columns.All(column => column.Id < nextColumnId));
    }

    /// <summary>The keyspace.</summary>
    public string Keyspace { get; }

    /// <summary>The name, distinct within the keyspace.</summary>
    public string Name { get; }

    /// <summary>The identity: a table that is dropped and created anew has another.</summary>
    public Guid Id { get; }

    /// <summary>
    /// All columns in the order of SELECT *: the partition key, the clustering columns, the static ones by name, the others by name.
    /// </summary>
    public ImmutableArray<ColumnDefinition> Columns { get; }

    /// <summary>The columns of the partition key, in order; at least one.</summary>
    public ImmutableArray<ColumnDefinition> PartitionKey { get; }

    /// <summary>The clustering columns, in order.</summary>
    public ImmutableArray<ColumnDefinition> Clustering { get; }

    /// <summary>The static columns, by name.</summary>
    public ImmutableArray<ColumnDefinition> Statics { get; }

    /// <summary>The columns that are neither static nor part of the primary key, by name.</summary>
    public ImmutableArray<ColumnDefinition> Regulars { get; }

    /// <summary>The options.</summary>
    public TableOptions Options { get; private init; } = TableOptions.Default;

    /// <summary>The indexes, by name.</summary>
    public ImmutableArray<IndexDefinition> Indexes { get; private init; } = [];

    /// <summary>Whether its columns outside of the primary key are counters.</summary>
    public bool IsCounter { get; }

    /// <summary>The id that the next column added gets; grows only.</summary>
    public uint NextColumnId { get; private init; }

    /// <summary>
    /// The name of the space that holds its rows: with the beginning of its identity, so that a table that is created where another was
    /// dropped never meets its rows, whatever failed in between.
    /// </summary>
    public string SpaceName => _spaceName ??= $"{Keyspace}.{Name}.{Id.ToString("N")[..8]}";

    /// <summary>The column of that name.</summary>
    public bool TryGetColumn(string name, [NotNullWhen(true)] out ColumnDefinition? column) => _byName.TryGetValue(name, out column);

    /// <summary>The column whose cells are stored under that id; a column that was dropped is not found.</summary>
    public bool TryGetColumn(uint id, [NotNullWhen(true)] out ColumnDefinition? column) => _byId.TryGetValue(id, out column);

    /// <summary>The same table with other options.</summary>
    public TableDefinition WithOptions(TableOptions options) => new(this, options, Indexes, NextColumnId);

    /// <summary>The same table with other indexes.</summary>
    public TableDefinition WithIndexes(IEnumerable<IndexDefinition> indexes) =>
        new(this, Options, [.. indexes.OrderBy(index => index.Name, StringComparer.Ordinal)], NextColumnId);

    /// <summary>The same table with other columns; ids that were given stay given.</summary>
    public TableDefinition WithColumns(IEnumerable<ColumnDefinition> columns)
    {
        var changed = new TableDefinition(Keyspace, Name, Id, columns);
        return new TableDefinition(changed, Options, Indexes, Math.Max(NextColumnId, changed.NextColumnId));
    }

    /// <summary>The same table whose next column gets that id.</summary>
    internal TableDefinition WithNextColumnId(uint nextColumnId) => new(this, Options, Indexes, nextColumnId);
}
