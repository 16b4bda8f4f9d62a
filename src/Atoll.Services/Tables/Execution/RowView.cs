using System.Buffers.Binary;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Tables.Execution;

/// <summary>A row as a statement sees it: the values of its table's columns, made from cells when they are asked for.</summary>
internal sealed class RowView
{
    private readonly ReadOnlyMemory<byte>?[] _values;
    private readonly bool[] _isMade;

    private RowView(TableDefinition table, ReadOnlyMemory<byte>?[] values, RowData statics, RowData row, bool isMade)
    {
        Table = table;
        Statics = statics;
        Row = row;
        _values = values;
        _isMade = new bool[values.Length];
        if (isMade)
        {
            Array.Fill(_isMade, true);
        }
    }

    /// <summary>The table.</summary>
    public TableDefinition Table { get; }

    /// <summary>The partition's key.</summary>
    public ReadOnlyMemory<byte> PartitionKey { get; private init; }

    /// <summary>The clustering key; empty without one.</summary>
    public ReadOnlyMemory<byte> ClusteringKey { get; private init; }

    /// <summary>The cells of the static row.</summary>
    public RowData Statics { get; }

    /// <summary>The cells of the row.</summary>
    public RowData Row { get; }

    /// <summary>A row of a table that is computed.</summary>
    public static RowView OfValues(TableDefinition table, ReadOnlyMemory<byte>?[] values)
    {
        var key = values.Take(table.PartitionKey.Length).Select(value => value ?? default).ToArray();
        var clustering = values.Skip(key.Length).Take(table.Clustering.Length).Select(value => value ?? default).ToArray();
        return new RowView(table, values, RowData.Empty, RowData.Empty, isMade: true)
        {
            PartitionKey = Murmur3Token.SerializeKey(key),
            ClusteringKey = ClusteringKeys.Encode(table, clustering),
        };
    }

    /// <summary>A row of a shard.</summary>
    /// <param name="table">The table.</param>
    /// <param name="partitionKey">The partition's key.</param>
    /// <param name="key">The values of the partition key's columns.</param>
    /// <param name="clustering">
    /// The clustering key; empty without clustering columns, and for a partition that has nothing but its static row.
    /// </param>
    /// <param name="statics">The cells of the static row.</param>
    /// <param name="row">The cells of the row.</param>
    public static RowView OfCells(
        TableDefinition table, ReadOnlyMemory<byte> partitionKey, ReadOnlySpan<ReadOnlyMemory<byte>> key,
        ReadOnlyMemory<byte> clustering, RowData statics, RowData row)
    {
        var values = new ReadOnlyMemory<byte>?[table.Columns.Length];
        var view = new RowView(table, values, statics, row, isMade: false)
        {
            PartitionKey = partitionKey,
            ClusteringKey = clustering,
        };
        for (var index = 0; index < key.Length; index++)
        {
            values[index] = key[index];
        }

        if (!clustering.IsEmpty)
        {
            ClusteringKeys.Decode(table, clustering, values.AsSpan(key.Length, table.Clustering.Length));
        }

        Array.Fill(view._isMade, true, 0, key.Length + table.Clustering.Length);
        return view;
    }

    /// <summary>The value of a column, by its position in <see cref="TableDefinition.Columns"/>.</summary>
    public ReadOnlyMemory<byte>? this[int column]
    {
        get
        {
            if (!_isMade[column])
            {
                var definition = Table.Columns[column];
                _values[column] = CellValues.Of(definition, CellsOf(definition));
                _isMade[column] = true;
            }

            return _values[column];
        }
    }

    /// <summary>The cells of a column that is not part of the primary key.</summary>
    public ReadOnlySpan<RowCell> CellsOf(ColumnDefinition column) =>
        (column.Kind == ColumnKind.Static ? Statics : Row).CellsOf(column.Id);
}

/// <summary>Cells as values of columns.</summary>
internal static class CellValues
{
    private const int FieldPathBytes = 2;

    /// <summary>The value of a column from its live cells; null when there are none.</summary>
    public static ReadOnlyMemory<byte>? Of(ColumnDefinition column, ReadOnlySpan<RowCell> cells)
    {
        if (cells.IsEmpty)
        {
            return null;
        }

        if (!column.Type.IsMultiCell)
        {
            return column.Type.Code == CqlTypeCode.Counter ? CqlBytes.Of(CounterValue.Sum(cells[0].Value)) : cells[0].Value;
        }

        var parts = new List<ReadOnlyMemory<byte>>(cells.Length);
        switch (column.Type)
        {
            case ListType:
                foreach (ref readonly var cell in cells)
                {
                    parts.Add(cell.Value);
                }

                return CqlSequence.WriteList(parts);
            case SetType set:
                foreach (ref readonly var cell in cells)
                {
                    parts.Add(Decode(set.Element, cell));
                }

                return CqlSequence.WriteList(parts);
            case MapType map:
                foreach (ref readonly var cell in cells)
                {
                    parts.Add(Decode(map.Key, cell));
                    parts.Add(cell.Value);
                }

                return CqlSequence.WriteMap(parts);
            case UserType user:
                var fields = new ReadOnlyMemory<byte>?[user.Fields.Length];
                foreach (ref readonly var cell in cells)
                {
                    if (cell.Path.Length == FieldPathBytes && BinaryPrimitives.ReadUInt16BigEndian(cell.Path.Span) is var field
                        && field < fields.Length)
                    {
                        fields[field] = cell.Value;
                    }
                }

                return CqlSequence.WriteTuple(fields);
            default:
                return null;
        }
    }

    /// <summary>The path of an element of a set, or of a key of a map.</summary>
    public static byte[] PathOf(CqlType keyType, ReadOnlyMemory<byte> key) => OrderedKeyWriter.Encode(keyType, key);

    /// <summary>The path of a field of a user type.</summary>
    public static byte[] PathOfField(int field)
    {
        var path = new byte[FieldPathBytes];
        BinaryPrimitives.WriteUInt16BigEndian(path, (ushort)field);
        return path;
    }

    private static ReadOnlyMemory<byte> Decode(CqlType type, in RowCell cell) =>
        OrderedKeyReader.TryDecode(type, cell.Path.Span, false, out var value)
            ? value
            : throw new CqlException(CqlErrorCode.ServerError, $"a stored element is no {type}");
}

/// <summary>Clustering keys as bytes that order as the rows do.</summary>
internal static class ClusteringKeys
{
    /// <summary>The bytes of a whole key; empty for a table without clustering columns.</summary>
    public static byte[] Encode(TableDefinition table, ReadOnlySpan<ReadOnlyMemory<byte>> values)
    {
        var writer = new Foundation.Bytes.WireWriter(32);
        var keys = new OrderedKeyWriter(writer);
        for (var index = 0; index < values.Length; index++)
        {
            keys.Write(table.Clustering[index].Type, values[index], table.Clustering[index].IsDescending);
        }

        return writer.ToArray();
    }

    /// <summary>The values of a key.</summary>
    public static void Decode(TableDefinition table, ReadOnlyMemory<byte> key, Span<ReadOnlyMemory<byte>?> values)
    {
        var reader = new OrderedKeyReader(key.Span);
        for (var index = 0; index < values.Length; index++)
        {
            values[index] = reader.Read(table.Clustering[index].Type, table.Clustering[index].IsDescending);
        }

        if (!reader.OkAtEnd)
        {
            throw new CqlException(
                CqlErrorCode.ServerError, $"a stored key is none of the clustering columns of {table.Keyspace}.{table.Name}");
        }
    }
}
