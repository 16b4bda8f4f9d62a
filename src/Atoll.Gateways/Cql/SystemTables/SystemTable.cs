using Atoll.Services.Tables;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;

namespace Atoll.Gateways.Cql.SystemTables;

/// <summary>A table of the system's: its columns, and where its rows come from.</summary>
internal sealed class SystemTable : IVirtualTable
{
    private readonly Func<IEnumerable<SystemRow>> _rows;

    /// <param name="keyspace">The keyspace.</param>
    /// <param name="name">The table.</param>
    /// <param name="columns">Its columns: those of the partition key, then clustering ones, then the others.</param>
    /// <param name="partitionKeyCount">How many of them make the partition key.</param>
    /// <param name="clusteringCount">How many behind them order the rows.</param>
    /// <param name="rows">Gives the rows as they are now.</param>
    public SystemTable(
        string keyspace, string name, IReadOnlyList<(string Name, CqlType Type)> columns, int partitionKeyCount, int clusteringCount,
        Func<IEnumerable<SystemRow>> rows)
    {
        _rows = rows;
        Definition = VirtualTables.Define(
            keyspace, name, [.. columns.Take(partitionKeyCount)], [.. columns.Skip(partitionKeyCount).Take(clusteringCount)],
            [.. columns.Skip(partitionKeyCount + clusteringCount)]);
    }

    /// <inheritdoc />
    public TableDefinition Definition { get; }

    /// <inheritdoc />
    public IEnumerable<ReadOnlyMemory<byte>?[]> Rows() => _rows().Select(row =>
        Definition.Columns.Select(column => row.Values.TryGetValue(column.Name, out var value) ? value : (ReadOnlyMemory<byte>?)null)
            .ToArray());
}

/// <summary>A row by the names of its columns; those that are not named are null.</summary>
internal sealed record SystemRow(IReadOnlyDictionary<string, byte[]> Values)
{
    public static SystemRow Of(params ReadOnlySpan<(string Name, byte[] Value)> values)
    {
        var row = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var (name, value) in values)
        {
            row.Add(name, value);
        }

        return new SystemRow(row);
    }
}
