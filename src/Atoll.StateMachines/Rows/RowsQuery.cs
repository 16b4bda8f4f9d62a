using Atoll.Foundation;
using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Rows;

/// <summary>The kinds of queries of a rows shard, as they stand in the first byte: others than those of records.</summary>
public enum RowsQueryKind : byte
{
    /// <summary>Rows of one partition.</summary>
    Partition = 0x11,

    /// <summary>Rows of the partitions of a range of tokens.</summary>
    TokenRange = 0x12,

    /// <summary>Counts.</summary>
    Stats = 0x13,
}

/// <summary>
/// The queries of the rows machine. Layout: kind (byte); for a partition its token (8 bytes) and key (bytes), for a range its tokens (8
/// bytes each); then the selection: range (byte, two bytes), flags (byte), columns (number, each a varint), rows, bytes, rows of a
/// partition (varints), where to resume (bytes).
/// </summary>
public static class RowsQuery
{
    private const byte Reverse = 1;
    private const byte WithStatic = 2;

    /// <summary>Writes a read of one partition.</summary>
    public static void WritePartition(WireWriter writer, PartitionRead read)
    {
        writer.WriteByte((byte)RowsQueryKind.Partition);
        writer.WriteUInt64((ulong)read.Token);
        writer.WriteBytes(read.Key.Span);
        WriteSelection(writer, read.Selection);
    }

    /// <summary>Writes a read of a range of tokens.</summary>
    public static void WriteTokenRange(WireWriter writer, TokenRangeRead read)
    {
        writer.WriteByte((byte)RowsQueryKind.TokenRange);
        writer.WriteUInt64((ulong)read.FromToken);
        writer.WriteUInt64((ulong)read.ToToken);
        WriteSelection(writer, read.Selection);
    }

    /// <summary>Writes a question for counts.</summary>
    public static void WriteStats(WireWriter writer) => writer.WriteByte((byte)RowsQueryKind.Stats);

    /// <summary>What the first byte says; anything may follow.</summary>
    public static RowsQueryKind KindOf(ReadOnlySpan<byte> query) => query.IsEmpty ? default : (RowsQueryKind)query[0];

    /// <summary>Reads a read of one partition.</summary>
    public static bool TryReadPartition(ReadOnlyMemory<byte> query, out PartitionRead read)
    {
        var reader = new WireReader(query);
        var kind = (RowsQueryKind)reader.ReadByte();
        read = new PartitionRead((long)reader.ReadUInt64(), reader.ReadBytes(), ReadSelection(ref reader));
        return reader.OkAtEnd && kind == RowsQueryKind.Partition && read.Key.Length <= Limits.PartitionKeyBytesMax;
    }

    /// <summary>Reads a read of a range of tokens.</summary>
    public static bool TryReadTokenRange(ReadOnlyMemory<byte> query, out TokenRangeRead read)
    {
        var reader = new WireReader(query);
        var kind = (RowsQueryKind)reader.ReadByte();
        read = new TokenRangeRead((long)reader.ReadUInt64(), (long)reader.ReadUInt64(), ReadSelection(ref reader));
        return reader.OkAtEnd && kind == RowsQueryKind.TokenRange && !read.Selection.Reverse;
    }

    private static void WriteSelection(WireWriter writer, RowsSelection selection)
    {
        selection.Range.Write(writer);
        writer.WriteByte((byte)((selection.Reverse ? Reverse : 0) | (selection.WithStatic ? WithStatic : 0)));
        writer.WriteVarint((ulong)selection.Columns.Count);
        foreach (var column in selection.Columns)
        {
            writer.WriteVarint(column);
        }

        writer.WriteVarint((ulong)selection.RowsMax);
        writer.WriteVarint((ulong)selection.PageBytesMax);
        writer.WriteVarint((ulong)selection.RowsPerPartitionMax);
        writer.WriteBytes(selection.ResumeAfter.Span);
    }

    private static RowsSelection ReadSelection(ref WireReader reader)
    {
        var range = ClusteringRange.Read(ref reader);
        var flags = reader.ReadByte();
        var columns = new List<uint>();
        for (var left = reader.ReadCount(Limits.RowColumnsMax); left > 0 && reader.Ok; left--)
        {
            var column = reader.ReadVarint();
            if (column > uint.MaxValue || (columns.Count > 0 && column <= columns[^1]))
            {
                reader.Fail();
            }

            columns.Add((uint)column);
        }

        if ((flags & ~(Reverse | WithStatic)) != 0)
        {
            reader.Fail();
        }

        return new RowsSelection
        {
            Range = range,
            Reverse = (flags & Reverse) != 0,
            WithStatic = (flags & WithStatic) != 0,
            Columns = columns,
            RowsMax = reader.ReadCount(int.MaxValue),
            PageBytesMax = reader.ReadCount(int.MaxValue),
            RowsPerPartitionMax = reader.ReadCount(int.MaxValue),
            ResumeAfter = reader.ReadBytes(),
        };
    }
}
