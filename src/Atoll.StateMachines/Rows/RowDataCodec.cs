using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// Rows as bytes. Layout: format (byte), parts (byte, flags); then, as flagged, the marker (timestamp, expiry), the row's deletion
/// (timestamp, when), the deletions of collections (count; each: column, timestamp, when), the cells (count; each: kind and whether it has
/// a path (byte), column as the distance to the one before (varint), path (bytes, if flagged), timestamp, time (if expiring or a
/// tombstone), value (bytes, unless a tombstone)). Counts, columns and lengths are varints. Timestamps and times are zigzag varints of the
/// distance to the one before in the bytes, the first to zero: a row that was written at once has one long one. Equal rows have equal
/// bytes.
/// </summary>
public static class RowDataCodec
{
    private const byte FormatVersion = 1;
    private const byte HasLiveness = 1;
    private const byte HasLivenessExpiry = 2;
    private const byte HasDeletion = 4;
    private const byte HasColumnDeletions = 8;
    private const byte HasCells = 16;
    private const byte KindMask = 3;
    private const byte HasPath = 4;
    private const byte IsSiblings = 8;

    /// <summary>Writes a row; what follows may be anything.</summary>
    public static void Write(WireWriter writer, RowData row)
    {
        writer.WriteByte(FormatVersion);
        writer.WriteByte((byte)((row.Liveness.IsNone ? 0 : HasLiveness)
            | (row.Liveness.ExpiresAtMilliseconds == 0 ? 0 : HasLivenessExpiry)
            | (row.Deletion.IsNone ? 0 : HasDeletion)
            | (row.ColumnDeletions.IsEmpty ? 0 : HasColumnDeletions)
            | (row.Cells.IsEmpty ? 0 : HasCells)));
        var timestamp = 0L;
        var time = 0L;
        if (!row.Liveness.IsNone)
        {
            WriteNext(writer, row.Liveness.TimestampMicros, ref timestamp);
            if (row.Liveness.ExpiresAtMilliseconds != 0)
            {
                WriteNext(writer, row.Liveness.ExpiresAtMilliseconds, ref time);
            }
        }

        if (!row.Deletion.IsNone)
        {
            WriteNext(writer, row.Deletion.TimestampMicros, ref timestamp);
            WriteNext(writer, row.Deletion.DeletedAtMilliseconds, ref time);
        }

        if (!row.ColumnDeletions.IsEmpty)
        {
            writer.WriteVarint((ulong)row.ColumnDeletions.Length);
            foreach (var column in row.ColumnDeletions)
            {
                writer.WriteVarint(column.Column);
                WriteNext(writer, column.Deletion.TimestampMicros, ref timestamp);
                WriteNext(writer, column.Deletion.DeletedAtMilliseconds, ref time);
            }
        }

        if (!row.Cells.IsEmpty)
        {
            WriteCells(writer, row.Cells, timestamp, time);
        }
    }

    /// <summary>Reads a row and nothing behind it.</summary>
    /// <returns>False when the bytes are not a row, or one that <see cref="Write"/> would not have written so.</returns>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out RowData row)
    {
        var reader = new WireReader(bytes);
        row = Read(ref reader);
        return reader.OkAtEnd;
    }

    /// <summary>Reads a row; paths and values are slices of the input. The reader fails when it is none.</summary>
    public static RowData Read(ref WireReader reader)
    {
        var version = reader.ReadByte();
        var parts = reader.ReadByte();
        var timestamp = 0L;
        var time = 0L;
        var liveness = RowLiveness.None;
        if ((parts & HasLiveness) != 0)
        {
            liveness = new RowLiveness(
                ReadTimestamp(ref reader, ref timestamp),
                (parts & HasLivenessExpiry) != 0 ? ReadNext(ref reader, ref time) : 0);
        }

        var deletion = (parts & HasDeletion) != 0
            ? new DeletionTime(ReadTimestamp(ref reader, ref timestamp), ReadNext(ref reader, ref time))
            : DeletionTime.None;
        var columns = (parts & HasColumnDeletions) != 0 ? ReadColumnDeletions(ref reader, ref timestamp, ref time) : [];
        var cells = (parts & HasCells) != 0 ? ReadCells(ref reader, timestamp, time) : [];
        if (!reader.Ok || version != FormatVersion || (parts & ~31) != 0
            || (parts & (HasLiveness | HasLivenessExpiry)) == HasLivenessExpiry)
        {
            reader.Fail();
            return RowData.Empty;
        }

        if (RowData.FromParts(liveness, deletion, columns, cells) is not { } row)
        {
            reader.Fail();
            return RowData.Empty;
        }

        return row;
    }

    private static void WriteCells(WireWriter writer, ImmutableArray<RowCell> cells, long timestamp, long time)
    {
        writer.WriteVarint((ulong)cells.Length);
        var column = 0u;
        foreach (ref readonly var cell in cells.AsSpan())
        {
            writer.WriteByte((byte)((cell.Kind == CellKind.Siblings ? IsSiblings : (byte)cell.Kind) | (cell.Path.IsEmpty ? 0 : HasPath)));
            writer.WriteVarint(cell.Column - column);
            column = cell.Column;
            if (!cell.Path.IsEmpty)
            {
                writer.WriteBytes(cell.Path.Span);
            }

            WriteNext(writer, cell.TimestampMicros, ref timestamp);
            if (cell.Kind is CellKind.Expiring or CellKind.Tombstone)
            {
                WriteNext(writer, cell.TimeMilliseconds, ref time);
            }

            if (cell.Kind != CellKind.Tombstone)
            {
                writer.WriteBytes(cell.Value.Span);
            }
        }
    }

    private static ImmutableArray<ColumnDeletion> ReadColumnDeletions(ref WireReader reader, ref long timestamp, ref long time)
    {
        var columns = ImmutableArray.CreateBuilder<ColumnDeletion>();
        for (var left = reader.ReadCount(Limits.RowColumnsMax); left > 0 && reader.Ok; left--)
        {
            columns.Add(new ColumnDeletion(
                ReadColumn(ref reader), new DeletionTime(ReadTimestamp(ref reader, ref timestamp), ReadNext(ref reader, ref time))));
        }

        if (columns.Count == 0)
        {
            reader.Fail();
        }

        return columns.DrainToImmutable();
    }

    private static ImmutableArray<RowCell> ReadCells(ref WireReader reader, long timestamp, long time)
    {
        const int cellBytesMin = 3;
        var count = reader.ReadCount(Limits.RowCellsMax);
        if (count == 0 || count > reader.Remaining / cellBytesMin)
        {
            reader.Fail();
            return [];
        }

        var cells = new RowCell[count];
        var column = 0UL;
        for (var i = 0; i < count && reader.Ok; i++)
        {
            var head = reader.ReadByte();
            column += reader.ReadVarint();
            var path = (head & HasPath) != 0 ? reader.ReadBytes() : default;
            var kind = (head & IsSiblings) != 0 ? CellKind.Siblings : (CellKind)(head & KindMask);
            var written = ReadTimestamp(ref reader, ref timestamp);
            var at = kind is CellKind.Expiring or CellKind.Tombstone ? ReadNext(ref reader, ref time) : 0;
            var value = kind != CellKind.Tombstone ? reader.ReadBytes() : default;
            var isKind = ((head & ~(KindMask | HasPath)) is 0 or IsSiblings) && (head & (KindMask | IsSiblings)) <= IsSiblings;
            if (!isKind || column > uint.MaxValue || path.IsEmpty != ((head & HasPath) == 0))
            {
                reader.Fail();
            }

            cells[i] = new RowCell((uint)column, path, kind, written, at, value);
        }

        return ImmutableCollectionsMarshal.AsImmutableArray(cells);
    }

    private static uint ReadColumn(ref WireReader reader)
    {
        var column = reader.ReadVarint();
        if (column > uint.MaxValue)
        {
            reader.Fail();
        }

        return (uint)column;
    }

    private static void WriteNext(WireWriter writer, long value, ref long before)
    {
        writer.WriteVarint(ZigZag.Encode(unchecked(value - before)));
        before = value;
    }

    private static long ReadNext(ref WireReader reader, ref long before)
    {
        before = unchecked(before + ZigZag.Decode(reader.ReadVarint()));
        return before;
    }

    private static long ReadTimestamp(ref WireReader reader, ref long before)
    {
        var timestamp = ReadNext(ref reader, ref before);
        if (timestamp == RowTimestamp.None)
        {
            reader.Fail();
        }

        return timestamp;
    }
}
