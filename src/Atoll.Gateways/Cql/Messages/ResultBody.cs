using Atoll.Foundation.Bytes;
using Atoll.Gateways.Cql.Wire;
using Atoll.Services.Tables;

namespace Atoll.Gateways.Cql.Messages;

/// <summary>The body of a RESULT (native protocol, section 4.2.5): its kind, and what belongs to it.</summary>
internal static class ResultBody
{
    private const int VoidKind = 1;
    private const int RowsKind = 2;
    private const int KeyspaceKind = 3;
    private const int PreparedKind = 4;
    private const int SchemaChangeKind = 5;

    [Flags]
    private enum MetadataFlags
    {
        None = 0,
        GlobalTable = 0x1,
        MorePages = 0x2,
        NoMetadata = 0x4,
        MetadataChanged = 0x8,
    }

    public static void Write(WireWriter writer, CqlVersion version, ResultResponse result)
    {
        switch (result)
        {
            case RowsResponse rows:
                writer.WriteInt(RowsKind);
                WriteRows(writer, version, rows);
                break;
            case KeyspaceResponse keyspace:
                writer.WriteInt(KeyspaceKind);
                writer.WriteShortString(keyspace.Keyspace);
                break;
            case PreparedResponse prepared:
                writer.WriteInt(PreparedKind);
                WritePrepared(writer, version, prepared);
                break;
            case SchemaChangeResponse change:
                writer.WriteInt(SchemaChangeKind);
                MessageParts.WriteSchemaChange(writer, change.Change);
                break;
            default:
                writer.WriteInt(VoidKind);
                break;
        }
    }

    public static ResultResponse? Read(ref CqlReader reader, CqlVersion version, IReadOnlyList<ColumnSpec>? knownColumns)
    {
        switch (reader.ReadInt())
        {
            case VoidKind:
                return new VoidResponse();
            case RowsKind:
                return ReadRows(ref reader, knownColumns);
            case KeyspaceKind:
                return new KeyspaceResponse(reader.ReadString());
            case PreparedKind:
                return ReadPrepared(ref reader, version);
            case SchemaChangeKind:
                return new SchemaChangeResponse(MessageParts.ReadSchemaChange(ref reader));
            default:
                reader.Fail();
                return null;
        }
    }

    private static void WriteRows(WireWriter writer, CqlVersion version, RowsResponse rows)
    {
        var isChanged = version >= CqlVersion.V5 && !rows.NewMetadataId.IsEmpty;
        WriteMetadata(
            writer, version, rows.Columns, rows.PagingState, rows.SkipMetadata && !isChanged, isChanged ? rows.NewMetadataId : default);
        writer.WriteInt(rows.Rows.Count);
        for (var i = 0; i < rows.Rows.Count; i++)
        {
            foreach (var value in rows.Rows[i])
            {
                writer.WriteNullableBytes(value);
            }
        }
    }

    private static RowsResponse ReadRows(ref CqlReader reader, IReadOnlyList<ColumnSpec>? knownColumns)
    {
        var columns = ReadMetadata(ref reader, knownColumns, out var pagingState, out var isSkipped, out var metadataId);
        var rows = new List<ReadOnlyMemory<byte>?[]>();
        if (columns.Count == 0 && reader.ReadIntCount(0) > 0)
        {
            reader.Fail(); // rows of nothing would be any number of rows in no bytes
        }
        else if (columns.Count > 0)
        {
            for (var left = reader.ReadIntCount(4 * columns.Count); left > 0 && reader.Ok; left--)
            {
                var row = new ReadOnlyMemory<byte>?[columns.Count];
                for (var i = 0; i < row.Length && reader.Ok; i++)
                {
                    row[i] = reader.ReadBytes();
                }

                rows.Add(row);
            }
        }

        return new RowsResponse(columns, rows, pagingState) { SkipMetadata = isSkipped, NewMetadataId = metadataId };
    }

    private static void WritePrepared(WireWriter writer, CqlVersion version, PreparedResponse prepared)
    {
        writer.WriteShortBytes(prepared.Id.Span);
        if (version >= CqlVersion.V5)
        {
            writer.WriteShortBytes(prepared.ResultMetadataId.Span);
        }

        var isGlobal = IsGlobal(prepared.Variables);
        writer.WriteInt((int)(isGlobal ? MetadataFlags.GlobalTable : MetadataFlags.None));
        writer.WriteInt(prepared.Variables.Count);
        if (version >= CqlVersion.V4)
        {
            writer.WriteInt(prepared.PartitionKeyIndexes.Count);
            foreach (var index in prepared.PartitionKeyIndexes)
            {
                writer.WriteShort((ushort)index);
            }
        }

        WriteColumns(writer, version, prepared.Variables, isGlobal);
        WriteMetadata(writer, version, prepared.Result, default, prepared.Result.Count == 0, default);
    }

    private static PreparedResponse ReadPrepared(ref CqlReader reader, CqlVersion version)
    {
        var id = reader.ReadShortBytes();
        var metadataId = version >= CqlVersion.V5 ? reader.ReadShortBytes() : default;
        var isGlobal = ((MetadataFlags)reader.ReadInt()).HasFlag(MetadataFlags.GlobalTable);
        var count = reader.ReadIntCount(4);
        var indexes = new List<int>();
        if (version >= CqlVersion.V4)
        {
            for (var left = reader.ReadIntCount(2); left > 0 && reader.Ok; left--)
            {
                indexes.Add(reader.ReadShort());
            }
        }

        var variables = ReadColumns(ref reader, count, isGlobal);
        var result = ReadMetadata(ref reader, null, out _, out _, out _);
        return new PreparedResponse(id, metadataId, variables, indexes, result);
    }

    private static void WriteMetadata(
        WireWriter writer, CqlVersion version, IReadOnlyList<ColumnSpec> columns, ReadOnlyMemory<byte> pagingState, bool isSkipped,
        ReadOnlyMemory<byte> newMetadataId)
    {
        var isGlobal = !isSkipped && IsGlobal(columns);
        var flags = (isGlobal ? MetadataFlags.GlobalTable : 0) | (pagingState.IsEmpty ? 0 : MetadataFlags.MorePages)
            | (isSkipped ? MetadataFlags.NoMetadata : 0) | (newMetadataId.IsEmpty ? 0 : MetadataFlags.MetadataChanged);
        writer.WriteInt((int)flags);
        writer.WriteInt(columns.Count);
        if (!pagingState.IsEmpty)
        {
            writer.WriteNullableBytes(pagingState);
        }

        if (!newMetadataId.IsEmpty)
        {
            writer.WriteShortBytes(newMetadataId.Span);
        }

        if (!isSkipped)
        {
            WriteColumns(writer, version, columns, isGlobal);
        }
    }

    private static IReadOnlyList<ColumnSpec> ReadMetadata(
        ref CqlReader reader, IReadOnlyList<ColumnSpec>? knownColumns, out ReadOnlyMemory<byte> pagingState, out bool isSkipped,
        out ReadOnlyMemory<byte> newMetadataId)
    {
        var flags = (MetadataFlags)reader.ReadInt();
        isSkipped = flags.HasFlag(MetadataFlags.NoMetadata);
        var count = reader.ReadIntCount(isSkipped ? 0 : 4);
        pagingState = flags.HasFlag(MetadataFlags.MorePages) ? reader.ReadBytes() ?? default : default;
        newMetadataId = flags.HasFlag(MetadataFlags.MetadataChanged) ? reader.ReadShortBytes() : default;
        if (!isSkipped)
        {
            return ReadColumns(ref reader, count, flags.HasFlag(MetadataFlags.GlobalTable));
        }

        if (count != (knownColumns?.Count ?? 0))
        {
            reader.Fail(); // without the columns, the rows cannot be told apart
        }

        return knownColumns ?? [];
    }

    private static void WriteColumns(WireWriter writer, CqlVersion version, IReadOnlyList<ColumnSpec> columns, bool isGlobal)
    {
        if (isGlobal)
        {
            writer.WriteShortString(columns[0].Keyspace);
            writer.WriteShortString(columns[0].Table);
        }

        foreach (var column in columns)
        {
            if (!isGlobal)
            {
                writer.WriteShortString(column.Keyspace);
                writer.WriteShortString(column.Table);
            }

            writer.WriteShortString(column.Name);
            TypeOption.Write(writer, version, column.Type);
        }
    }

    private static List<ColumnSpec> ReadColumns(ref CqlReader reader, int count, bool isGlobal)
    {
        var keyspace = isGlobal ? reader.ReadString() : "";
        var table = isGlobal ? reader.ReadString() : "";
        var columns = new List<ColumnSpec>();
        for (; count > 0 && reader.Ok; count--)
        {
            columns.Add(new ColumnSpec(
                isGlobal ? keyspace : reader.ReadString(), isGlobal ? table : reader.ReadString(), reader.ReadString(),
                TypeOption.Read(ref reader)));
        }

        return columns;
    }

    private static bool IsGlobal(IReadOnlyList<ColumnSpec> columns)
    {
        for (var i = 1; i < columns.Count; i++)
        {
            if (columns[i].Table != columns[0].Table || columns[i].Keyspace != columns[0].Keyspace)
            {
                return false;
            }
        }

        return columns.Count > 0;
    }
}
