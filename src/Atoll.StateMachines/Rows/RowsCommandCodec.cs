using Atoll.Foundation;
using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// Operations and conditions as bytes. An operation: kind (byte), flags (byte), clustering key (bytes, for a row), range (for a range
/// deletion: byte, two bytes), timestamp (zigzag varint, if flagged), the marker's time to live in seconds (varint, if flagged); for an
/// upsert the number of cells (varint), each: kind (byte), column (varint), path (bytes), then of a put, an append or a prepend value
/// (bytes) and time to live in seconds (varint), of an increment its delta (zigzag varint). A condition: kind (byte), flags (byte),
/// partition (varint), clustering key (bytes, for a row); of a cell's: column (varint), path (bytes), comparison, order (bytes), number of
/// values, each with a byte for null or not; of a collection's: column, comparison, number of elements, each path and value (bytes).
/// </summary>
internal static class RowsCommandCodec
{
    private const byte IsStatic = 1;
    private const byte HasTimestamp = 2;
    private const byte WritesMarker = 4;
    private const byte HasMarkerTimeToLive = 8;
    private const byte ComparesPaths = 2;

    // 68 years.
    private const int TimeToLiveSecondsMax = int.MaxValue;

    internal static void Write(WireWriter writer, RowOperation operation)
    {
        writer.WriteByte((byte)operation.Kind);
        writer.WriteByte((byte)((operation.IsStatic ? IsStatic : 0)
            | (operation.TimestampMicros is null ? 0 : HasTimestamp)
            | (operation.WritesMarker ? WritesMarker : 0)
            | (operation.MarkerTimeToLiveSeconds == 0 ? 0 : HasMarkerTimeToLive)));
        if (NamesRow(operation.Kind, operation.IsStatic))
        {
            writer.WriteBytes(operation.Clustering.Span);
        }

        if (operation.Kind == RowOperationKind.DeleteRange)
        {
            operation.Range.Write(writer);
        }

        if (operation.TimestampMicros is { } timestamp)
        {
            writer.WriteVarint(ZigZag.Encode(timestamp));
        }

        if (operation.MarkerTimeToLiveSeconds != 0)
        {
            writer.WriteVarint((ulong)operation.MarkerTimeToLiveSeconds);
        }

        if (operation.Kind == RowOperationKind.Upsert)
        {
            writer.WriteVarint((ulong)operation.Cells.Count);
            foreach (var cell in operation.Cells)
            {
                Write(writer, cell);
            }
        }
    }

    internal static RowOperation ReadOperation(ref WireReader reader)
    {
        const int known = IsStatic | HasTimestamp | WritesMarker | HasMarkerTimeToLive;
        var kind = (RowOperationKind)reader.ReadByte();
        var flags = reader.ReadByte();
        var isStatic = (flags & IsStatic) != 0;
        ReadOnlyMemory<byte> clustering = NamesRow(kind, isStatic) ? reader.ReadBytes() : default;
        var range = kind == RowOperationKind.DeleteRange ? ClusteringRange.Read(ref reader) : default;
        long? timestamp = (flags & HasTimestamp) != 0 ? ZigZag.Decode(reader.ReadVarint()) : null;
        var timeToLive = (flags & HasMarkerTimeToLive) != 0 ? reader.ReadCount(TimeToLiveSecondsMax) : 0;
        var cells = kind == RowOperationKind.Upsert ? ReadCells(ref reader) : [];
        var isGood = (flags & ~known) == 0
            && timestamp is not (< RowTimestamp.Min or > RowTimestamp.Max)
            && (!isStatic || kind is RowOperationKind.Upsert or RowOperationKind.DeleteRow)
            && ((flags & WritesMarker) == 0 || (kind == RowOperationKind.Upsert && !isStatic))
            && ((flags & HasMarkerTimeToLive) == 0 || ((flags & WritesMarker) != 0 && timeToLive > 0));
        RowOperation? operation = kind switch
        {
            RowOperationKind.Upsert when isStatic => RowOperation.UpsertStatic(cells),
            RowOperationKind.Upsert => RowOperation.Upsert(clustering, cells, (flags & WritesMarker) != 0),
            RowOperationKind.DeleteRow => isStatic ? RowOperation.DeleteStatic() : RowOperation.DeleteRow(clustering),
            RowOperationKind.DeleteRange => RowOperation.DeleteRange(range),
            RowOperationKind.DeletePartition => RowOperation.DeletePartition(),
            _ => null,
        };
        if (!isGood || operation is null)
        {
            reader.Fail();
            return RowOperation.DeletePartition();
        }

        return timestamp is null && timeToLive == 0
            ? operation
            : operation with { TimestampMicros = timestamp, MarkerTimeToLiveSeconds = timeToLive };
    }

    internal static void Write(WireWriter writer, RowCondition condition)
    {
        writer.WriteByte((byte)condition.Kind);
        writer.WriteByte((byte)((condition.IsStatic ? IsStatic : 0) | (condition.ComparesPaths ? ComparesPaths : 0)));
        writer.WriteVarint((ulong)condition.Partition);
        if (!condition.IsStatic)
        {
            writer.WriteBytes(condition.Clustering.Span);
        }

        if (condition.Kind == RowConditionKind.Cell)
        {
            writer.WriteVarint(condition.Column);
            writer.WriteBytes(condition.Path.Span);
            writer.WriteByte((byte)condition.Comparison);
            writer.WriteByte((byte)condition.Order);
            writer.WriteVarint((ulong)condition.Values.Count);
            foreach (var value in condition.Values)
            {
                writer.WriteBool(value is not null);
                if (value is { } bytes)
                {
                    writer.WriteBytes(bytes.Span);
                }
            }
        }
        else if (condition.Kind == RowConditionKind.Collection)
        {
            writer.WriteVarint(condition.Column);
            writer.WriteByte((byte)condition.Comparison);
            writer.WriteVarint((ulong)condition.Elements.Count);
            foreach (var element in condition.Elements)
            {
                writer.WriteBytes(element.Path.Span);
                writer.WriteBytes(element.Value.Span);
            }
        }
    }

    internal static RowCondition ReadCondition(ref WireReader reader, int partitions)
    {
        var kind = (RowConditionKind)reader.ReadByte();
        var flags = reader.ReadByte();
        var isStatic = (flags & IsStatic) != 0;
        var partition = reader.ReadCount(Math.Max(0, partitions - 1));
        ReadOnlyMemory<byte> clustering = isStatic ? default : reader.ReadBytes();
        RowCondition? condition = kind switch
        {
            RowConditionKind.Exists => RowCondition.Exists(clustering),
            RowConditionKind.NotExists => RowCondition.NotExists(clustering),
            RowConditionKind.Cell => ReadCell(ref reader, clustering),
            RowConditionKind.Collection => ReadCollection(ref reader, clustering, (flags & ComparesPaths) != 0),
            _ => null,
        };
        if (condition is null || (flags & ~(IsStatic | ComparesPaths)) != 0
            || ((flags & ComparesPaths) != 0 && kind != RowConditionKind.Collection))
        {
            reader.Fail();
            return RowCondition.Exists(default);
        }

        return condition with { Partition = partition, IsStatic = isStatic };
    }

    private static bool NamesRow(RowOperationKind kind, bool isStatic) =>
        !isStatic && kind is RowOperationKind.Upsert or RowOperationKind.DeleteRow;

    private static void Write(WireWriter writer, in CellWrite cell)
    {
        writer.WriteByte((byte)cell.Kind);
        writer.WriteVarint(cell.Column);
        writer.WriteBytes(cell.Path.Span);
        if (HasValue(cell.Kind))
        {
            writer.WriteBytes(cell.Value.Span);
            writer.WriteVarint((ulong)cell.TimeToLiveSeconds);
        }
        else if (cell.Kind == CellWriteKind.Increment)
        {
            writer.WriteVarint(ZigZag.Encode(cell.Delta));
        }
    }

    private static bool HasValue(CellWriteKind kind) => kind is CellWriteKind.Put or CellWriteKind.Append or CellWriteKind.Prepend;

    private static List<CellWrite> ReadCells(ref WireReader reader)
    {
        const int cellBytesMin = 3;
        var count = reader.ReadCount(Limits.RowCellsMax);
        var cells = new List<CellWrite>(Math.Min(count, reader.Remaining / cellBytesMin));
        for (; count > 0 && reader.Ok; count--)
        {
            var kind = (CellWriteKind)reader.ReadByte();
            var column = reader.ReadVarint();
            var path = reader.ReadBytes();
            var value = HasValue(kind) ? reader.ReadBytes() : default;
            var timeToLive = HasValue(kind) ? reader.ReadCount(TimeToLiveSecondsMax) : 0;
            var delta = kind == CellWriteKind.Increment ? ZigZag.Decode(reader.ReadVarint()) : 0;
            var isWhole = kind is CellWriteKind.Clear or CellWriteKind.Replace or CellWriteKind.Increment;
            if (kind is < CellWriteKind.Put or > CellWriteKind.Prepend || column > uint.MaxValue || (isWhole && !path.IsEmpty))
            {
                reader.Fail();
            }

            cells.Add(new CellWrite(kind, (uint)column, path, value, timeToLive, delta));
        }

        return cells;
    }

    private static RowCondition? ReadCell(ref WireReader reader, ReadOnlyMemory<byte> clustering)
    {
        var column = reader.ReadVarint();
        var path = reader.ReadBytes();
        var comparison = (CellComparison)reader.ReadByte();
        var order = (ValueOrder)reader.ReadByte();
        var values = new List<ReadOnlyMemory<byte>?>();
        for (var left = reader.ReadCount(Limits.RowCellsMax); left > 0 && reader.Ok; left--)
        {
            values.Add(reader.ReadBool() ? reader.ReadBytes() : default(ReadOnlyMemory<byte>?));
        }

        var isGood = column <= uint.MaxValue
            && comparison is >= CellComparison.Equal and <= CellComparison.In
            && order <= ValueOrder.TimeUuid
            && (comparison == CellComparison.In || values.Count == 1);
        return isGood ? RowCondition.Cell(clustering, (uint)column, comparison, values, order) with { Path = path } : null;
    }

    private static RowCondition? ReadCollection(ref WireReader reader, ReadOnlyMemory<byte> clustering, bool comparesPaths)
    {
        var column = reader.ReadVarint();
        var comparison = (CellComparison)reader.ReadByte();
        var elements = new List<ConditionElement>();
        for (var left = reader.ReadCount(Limits.RowCellsMax); left > 0 && reader.Ok; left--)
        {
            elements.Add(new ConditionElement(reader.ReadBytes(), reader.ReadBytes()));
        }

        var isGood = column <= uint.MaxValue && comparison is CellComparison.Equal or CellComparison.NotEqual;
        return isGood ? RowCondition.Collection(clustering, (uint)column, comparison, elements, comparesPaths) : null;
    }
}
