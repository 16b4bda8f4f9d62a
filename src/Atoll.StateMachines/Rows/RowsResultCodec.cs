using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// The results of the rows machine: written by the machine, read by clients. Every result begins with status (byte), the state's time (8
/// bytes) and a detail (string, empty for none). A page goes on with items until the end item: partition (1, token, key, whether it is
/// continued, whether it has a static row, and that), row (2, clustering key, row), end (0, where to resume). Readers never throw; byte
/// strings are slices of the result.
/// </summary>
public static class RowsResultCodec
{
    private const byte EndItem = 0;
    private const byte PartitionItem = 1;
    private const byte RowItem = 2;

    /// <summary>Reads the result of a command.</summary>
    public static bool TryReadMutation(ReadOnlyMemory<byte> result, out MutationResult mutation)
    {
        var reader = new WireReader(result);
        var (status, asOf, detail) = ReadHead(ref reader);
        var current = new List<CurrentRow>();
        var failed = -1;
        if (status == RowsStatus.NotApplied)
        {
            failed = reader.ReadCount(Limits.ConditionsMax);
            for (var left = reader.ReadCount(2 * Limits.ConditionsMax); left > 0 && reader.Ok; left--)
            {
                current.Add(new CurrentRow(
                    reader.ReadCount(Limits.BatchOperationsMax), reader.ReadBool(), reader.ReadBytes(), RowDataCodec.Read(ref reader)));
            }
        }

        mutation = new MutationResult(status, asOf, failed, current, detail);
        return reader.OkAtEnd;
    }

    /// <summary>Reads a page.</summary>
    public static bool TryReadPage(ReadOnlyMemory<byte> result, out RowsPage page)
    {
        var reader = new WireReader(result);
        var (status, asOf, detail) = ReadHead(ref reader);
        var partitions = new List<PartitionRows>();
        var rows = new List<PageRow>();
        ReadOnlyMemory<byte> resumeAfter = default;
        for (var more = status == RowsStatus.Ok; more && reader.Ok;)
        {
            switch (reader.ReadByte())
            {
                case PartitionItem:
                    rows = [];
                    partitions.Add(ReadPartition(ref reader, rows));
                    break;
                case RowItem when partitions.Count > 0:
                    rows.Add(new PageRow(reader.ReadBytes(), RowDataCodec.Read(ref reader)));
                    break;
                case EndItem:
                    resumeAfter = reader.ReadBytes();
                    more = false;
                    break;
                default:
                    reader.Fail();
                    break;
            }
        }

        page = new RowsPage(status, asOf, partitions, resumeAfter, detail);
        return reader.OkAtEnd;
    }

    /// <summary>Reads counts.</summary>
    public static bool TryReadStats(ReadOnlyMemory<byte> result, out RowsStats stats)
    {
        var reader = new WireReader(result);
        var (status, asOf, _) = ReadHead(ref reader);
        stats = new RowsStats(
            status,
            asOf,
            status == RowsStatus.Ok ? (long)reader.ReadUInt64() : 0,
            status == RowsStatus.Ok ? (long)reader.ReadUInt64() : 0);
        return reader.OkAtEnd && stats is { Rows: >= 0, Bytes: >= 0 };
    }

    internal static void WriteHead(WireWriter writer, RowsStatus status, HybridTime asOf, string detail = "")
    {
        writer.WriteByte((byte)status);
        writer.WriteUInt64(asOf.Value);
        writer.WriteString(detail);
    }

    internal static void WriteNotApplied(WireWriter writer, HybridTime asOf, int failed, IReadOnlyList<CurrentRow> current)
    {
        WriteHead(writer, RowsStatus.NotApplied, asOf);
        writer.WriteVarint((ulong)failed);
        writer.WriteVarint((ulong)current.Count);
        foreach (var row in current)
        {
            writer.WriteVarint((ulong)row.Partition);
            writer.WriteBool(row.IsStatic);
            writer.WriteBytes(row.Clustering.Span);
            RowDataCodec.Write(writer, row.Row);
        }
    }

    internal static void WriteStats(WireWriter writer, HybridTime asOf, long rows, long bytes)
    {
        WriteHead(writer, RowsStatus.Ok, asOf);
        writer.WriteUInt64((ulong)rows);
        writer.WriteUInt64((ulong)bytes);
    }

    internal static void WritePartition(
        WireWriter writer, ulong hash, ReadOnlySpan<byte> key, bool isContinued, ReadOnlySpan<byte> encodedStatic)
    {
        writer.WriteByte(PartitionItem);
        writer.WriteUInt64((ulong)RowTokens.TokenOf(hash));
        writer.WriteBytes(key);
        writer.WriteBool(isContinued);
        writer.WriteBool(!encodedStatic.IsEmpty);
        writer.WriteRaw(encodedStatic);
    }

    internal static void WriteRow(WireWriter writer, ReadOnlySpan<byte> clustering, RowData row)
    {
        writer.WriteByte(RowItem);
        writer.WriteBytes(clustering);
        RowDataCodec.Write(writer, row);
    }

    internal static void WriteEnd(WireWriter writer, ReadOnlySpan<byte> resumeAfter)
    {
        writer.WriteByte(EndItem);
        writer.WriteBytes(resumeAfter);
    }

    private static PartitionRows ReadPartition(ref WireReader reader, List<PageRow> rows)
    {
        var token = (long)reader.ReadUInt64();
        var key = reader.ReadBytes();
        var isContinued = reader.ReadBool();
        var row = reader.ReadBool() ? RowDataCodec.Read(ref reader) : RowData.Empty;
        return new PartitionRows(token, key, row, rows, isContinued);
    }

    private static (RowsStatus Status, HybridTime AsOf, string Detail) ReadHead(ref WireReader reader)
    {
        var status = (RowsStatus)reader.ReadByte();
        var asOf = new HybridTime(reader.ReadUInt64());
        var detail = reader.ReadString();
        if (!Enum.IsDefined(status))
        {
            reader.Fail();
        }

        return (status, asOf, detail);
    }
}
