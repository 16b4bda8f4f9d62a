using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>
/// The results of the records machine: written by the machine, read by clients. Every result begins with status (byte), the state's time
/// (8 bytes) and a detail (string, empty for none). Readers never throw; byte strings are slices of the result.
/// </summary>
public static class RecordsResultCodec
{
    private const RecordsStatus LastStatus = RecordsStatus.TimeCollected;

    /// <summary>The status of any result; Invalid when the bytes are none.</summary>
    public static RecordsStatus StatusOf(ReadOnlySpan<byte> result) =>
        result.IsEmpty || result[0] > (byte)LastStatus ? RecordsStatus.Invalid : (RecordsStatus)result[0];

    /// <summary>Reads the result of a command.</summary>
    public static bool TryReadWrite(ReadOnlyMemory<byte> result, out WriteResult write)
    {
        var reader = new WireReader(result);
        var (status, asOf, detail) = ReadHead(ref reader);
        var version = new HybridTime(reader.ReadUInt64());
        var failed = reader.ReadCount(Limits.BatchOperationsMax);
        write = new WriteResult(status, asOf, version, failed, detail);
        return reader.OkAtEnd;
    }

    /// <summary>Reads the answer to a get.</summary>
    public static bool TryReadGet(ReadOnlyMemory<byte> result, out GetResult get)
    {
        var reader = new WireReader(result);
        var (status, asOf, detail) = ReadHead(ref reader);
        if (status != RecordsStatus.Ok)
        {
            get = new GetResult(status, asOf, default, default, default, detail);
            return reader.OkAtEnd;
        }

        get = new GetResult(
            status, asOf, new HybridTime(reader.ReadUInt64()), new HybridTime(reader.ReadUInt64()), reader.ReadBytes(), detail);
        return reader.OkAtEnd;
    }

    /// <summary>Reads the answer to a scan.</summary>
    public static bool TryReadScan(ReadOnlyMemory<byte> result, out ScanPage page)
    {
        var reader = new WireReader(result);
        var (status, asOf, detail) = ReadHead(ref reader);
        var rows = new List<ScanRow>();
        var more = false;
        ReadOnlyMemory<byte> resumeAfter = default;
        if (status == RecordsStatus.Ok)
        {
            while (reader.ReadBool() && reader.Ok)
            {
                rows.Add(new ScanRow(
                    reader.ReadBytes(), new HybridTime(reader.ReadUInt64()), new HybridTime(reader.ReadUInt64()), reader.ReadBytes()));
            }

            more = reader.ReadBool();
            resumeAfter = reader.ReadBytes();
        }

        page = new ScanPage(status, asOf, reader.Ok ? rows : [], more, resumeAfter, detail);
        return reader.OkAtEnd;
    }

    /// <summary>Reads the answer to a question for changes.</summary>
    public static bool TryReadChanges(ReadOnlyMemory<byte> result, out ChangesPage page)
    {
        var reader = new WireReader(result);
        var (status, asOf, detail) = ReadHead(ref reader);
        var changes = new List<RecordChange>();
        var through = HybridTime.Zero;
        var more = false;
        var cursor = ReadOnlyMemory<byte>.Empty;
        if (status is RecordsStatus.Ok or RecordsStatus.Compacted)
        {
            while (reader.ReadByte() is var kind and not 0 && reader.Ok)
            {
                if (kind > (byte)ChangeKind.Truncate)
                {
                    reader.Fail();
                }

                var version = new HybridTime(reader.ReadUInt64());
                changes.Add(new RecordChange(version, (ChangeKind)kind, reader.ReadBytes(), reader.ReadBytes()));
            }

            through = new HybridTime(reader.ReadUInt64());
            more = reader.ReadBool();
            cursor = ReadCursor(ref reader);
        }

        page = new ChangesPage(status, asOf, reader.Ok ? changes : [], through, more, detail, cursor);
        return reader.OkAtEnd;
    }

    /// <summary>Whether the answer to a question for changes, which the query may not be, is that there are none yet.</summary>
    public static bool IsNoChange(ReadOnlyMemory<byte> query, ReadOnlyMemory<byte> answer) =>
        RecordsQuery.KindOf(query.Span) == RecordsQueryKind.Changes
        && TryReadChanges(answer, out var page)
        && page is { Status: RecordsStatus.Ok, More: false, Changes.Count: 0 };

    /// <summary>Reads the answer to a question for counts.</summary>
    public static bool TryReadStats(ReadOnlyMemory<byte> result, out RecordsStats stats)
    {
        var reader = new WireReader(result);
        var (status, asOf, _) = ReadHead(ref reader);
        stats = status == RecordsStatus.Ok
            ? new RecordsStats(
                status,
                asOf,
                ReadSize(ref reader),
                ReadSize(ref reader),
                ReadSize(ref reader),
                ReadSize(ref reader),
                new HybridTime(reader.ReadUInt64()))
            : new RecordsStats(status, asOf, 0, 0, 0, 0, default);
        return reader.OkAtEnd;
    }

    /// <summary>Reads the answer to a question for sums.</summary>
    public static bool TryReadDigest(ReadOnlyMemory<byte> result, out DigestPage page)
    {
        var reader = new WireReader(result);
        var (status, asOf, detail) = ReadHead(ref reader);
        page = status == RecordsStatus.Ok
            ? new DigestPage(
                status,
                asOf,
                new RecordsDigest(
                    ReadSize(ref reader), ReadSize(ref reader), ReadSize(ref reader), reader.ReadUInt64(), reader.ReadUInt64()),
                reader.ReadBool(),
                reader.ReadBytes(),
                detail)
            : new DigestPage(status, asOf, default, false, default, detail);
        return reader.OkAtEnd;
    }

    internal static void WriteHead(WireWriter writer, RecordsStatus status, HybridTime asOf, string detail = "")
    {
        writer.WriteByte((byte)status);
        writer.WriteUInt64(asOf.Value);
        writer.WriteString(detail);
    }

    internal static void WriteWrite(
        WireWriter writer, RecordsStatus status, HybridTime asOf, HybridTime version, int failedOperation = 0, string detail = "")
    {
        WriteHead(writer, status, asOf, detail);
        writer.WriteUInt64(version.Value);
        writer.WriteVarint((ulong)failedOperation);
    }

    internal static void WriteGet(WireWriter writer, HybridTime asOf, in StoredRecord record)
    {
        WriteHead(writer, RecordsStatus.Ok, asOf);
        writer.WriteUInt64(record.Version.Value);
        writer.WriteUInt64(record.ExpiresAt.Value);
        writer.WriteBytes(record.Value.Span);
    }

    internal static void WriteRow(WireWriter writer, ReadOnlySpan<byte> key, in StoredRecord head, ReadOnlySpan<byte> value)
    {
        writer.WriteBool(true);
        writer.WriteBytes(key);
        writer.WriteUInt64(head.Version.Value);
        writer.WriteUInt64(head.ExpiresAt.Value);
        writer.WriteBytes(value);
    }

    internal static void WriteRowsEnd(WireWriter writer, bool more, ReadOnlySpan<byte> resumeAfter)
    {
        writer.WriteBool(false);
        writer.WriteBool(more);
        writer.WriteBytes(more ? resumeAfter : default);
    }

    internal static void WriteDigest(WireWriter writer, in RecordsDigest sums, bool more, ReadOnlySpan<byte> resumeAfter)
    {
        writer.WriteUInt64((ulong)sums.Records);
        writer.WriteUInt64((ulong)sums.Bytes);
        writer.WriteUInt64((ulong)sums.Expiring);
        writer.WriteUInt64(sums.Versions);
        writer.WriteUInt64(sums.Contents);
        writer.WriteBool(more);
        writer.WriteBytes(more ? resumeAfter : default);
    }

    internal static void WriteChange(WireWriter writer, in RecordChange change)
    {
        writer.WriteByte((byte)change.Kind);
        writer.WriteUInt64(change.Version.Value);
        writer.WriteBytes(change.Key.Span);
        writer.WriteBytes(change.Value.Span);
    }

    internal static void WriteChangesEnd(WireWriter writer, HybridTime through, bool more, ReadOnlySpan<byte> cursor = default)
    {
        writer.WriteByte(0);
        writer.WriteUInt64(through.Value);
        writer.WriteBool(more);
        if (!cursor.IsEmpty)
        {
            writer.WriteBytes(cursor);
        }
    }

    /// <summary>Reads what may stand at the end: bytes, but not none.</summary>
    internal static ReadOnlyMemory<byte> ReadCursor(ref WireReader reader)
    {
        if (reader.Remaining == 0)
        {
            return default;
        }

        var cursor = reader.ReadBytes();
        if (cursor.IsEmpty)
        {
            reader.Fail();
        }

        return cursor;
    }

    internal static void WriteStats(WireWriter writer, in RecordsStats stats)
    {
        WriteHead(writer, stats.Status, stats.AsOf);
        writer.WriteUInt64((ulong)stats.Records);
        writer.WriteUInt64((ulong)stats.Bytes);
        writer.WriteUInt64((ulong)stats.Expiring);
        writer.WriteUInt64((ulong)stats.ChangesKept);
        writer.WriteUInt64(stats.ChangesCompactedThrough.Value);
    }

    // What a signed number cannot hold is no size.
    private static long ReadSize(ref WireReader reader)
    {
        var value = reader.ReadUInt64();
        if (value > long.MaxValue)
        {
            reader.Fail();
        }

        return reader.Ok ? (long)value : 0;
    }

    private static (RecordsStatus Status, HybridTime AsOf, string? Detail) ReadHead(ref WireReader reader)
    {
        var status = (RecordsStatus)reader.ReadByte();
        var asOf = new HybridTime(reader.ReadUInt64());
        var detail = reader.ReadString();
        if (status > LastStatus)
        {
            reader.Fail();
        }

        return reader.Ok ? (status, asOf, detail.Length == 0 ? null : detail) : (RecordsStatus.Invalid, HybridTime.Zero, null);
    }
}
