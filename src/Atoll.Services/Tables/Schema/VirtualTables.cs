using System.Security.Cryptography;
using System.Text;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Schema;

/// <summary>Definitions of tables that are computed.</summary>
public static class VirtualTables
{
    /// <summary>
    /// A definition. Its identity is made from its name, so that it is the same on every node.
    /// </summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="name">The table.</param>
    /// <param name="partitionKey">The columns of the partition key.</param>
    /// <param name="clustering">The clustering columns, ascending.</param>
    /// <param name="others">The other columns.</param>
    public static TableDefinition Define(
        string keyspace, string name, IReadOnlyList<(string Name, CqlType Type)> partitionKey,
        IReadOnlyList<(string Name, CqlType Type)> clustering, IReadOnlyList<(string Name, CqlType Type)> others)
    {
        uint id = 0;
        var columns = partitionKey
            .Select((column, position) =>
                new ColumnDefinition(column.Name, column.Type, ColumnKind.PartitionKey, position, ClusteringOrder.None, id++))
            .Concat(clustering.Select((column, position) =>
                new ColumnDefinition(column.Name, column.Type, ColumnKind.Clustering, position, ClusteringOrder.Ascending, id++)))
            .Concat(others.Select(column =>
                new ColumnDefinition(column.Name, column.Type, ColumnKind.Regular, -1, ClusteringOrder.None, id++)))
            .ToArray();
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{keyspace}.{name}")).AsSpan(0, 16);
        hash[6] = (byte)((hash[6] & 0x0F) | 0x40);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new TableDefinition(keyspace, name, new Guid(hash, bigEndian: true), columns);
    }

    /// <summary>A row of a definition's columns, from values by name; what is not given is null.</summary>
    public static ReadOnlyMemory<byte>?[] Row(
        TableDefinition definition, params ReadOnlySpan<(string Column, ReadOnlyMemory<byte>? Value)> values)
    {
        var row = new ReadOnlyMemory<byte>?[definition.Columns.Length];
        foreach (var (column, value) in values)
        {
            for (var index = 0; index < row.Length; index++)
            {
                if (definition.Columns[index].Name == column)
                {
                    row[index] = value;
                }
            }
        }

        return row;
    }
}
