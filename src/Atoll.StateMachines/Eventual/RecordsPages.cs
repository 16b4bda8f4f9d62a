using System.Globalization;
using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// Answers to questions for records, made of what replicas of an eventual shard have: the bytes that a strong shard would have answered.
/// </summary>
public static class RecordsPages
{
    /// <summary>Makes of a client's query what each replica is asked.</summary>
    /// <param name="recordsQuery">A get, a scan, or a question for counts.</param>
    /// <param name="now">When records must be live to be counted: the coordinator's time.</param>
    /// <param name="query">Receives the replicas' query.</param>
    /// <returns>Why not, for people; null when it was made.</returns>
    public static string? TryWriteQuery(ReadOnlyMemory<byte> recordsQuery, HybridTime now, WireWriter query)
    {
        switch (RecordsQuery.KindOf(recordsQuery.Span))
        {
            case RecordsQueryKind.Get when RecordsQuery.TryReadGet(recordsQuery, out var key):
                RecordsVersion.WriteQuery(query, key.Span);
                return null;
            case RecordsQueryKind.Scan when RecordsQuery.TryReadScan(recordsQuery, out var scan):
                if (scan.At != HybridTime.Zero)
                {
                    return "an eventual space has no reads of an earlier time";
                }

                var read = new WireWriter(128);
                RowsQuery.WritePartition(read, new PartitionRead(RowKey.RecordsToken, default, SelectionOf(scan)));
                EventualQuery.WriteRaw(query, read.Written, now);
                return null;
            case RecordsQueryKind.Stats when recordsQuery.Length == 1:
                RowsQuery.WriteStats(query);
                return null;
            case RecordsQueryKind.Digest:
                return "an eventual space has no sums over its records";
            default:
                return "the bytes are not a records query";
        }
    }

    /// <summary>Answers a query.</summary>
    /// <param name="recordsQuery">The client's query.</param>
    /// <param name="data">What a replica answered to <see cref="TryWriteQuery"/>'s query, or several of them merged.</param>
    /// <param name="now">The time that it was made with.</param>
    /// <param name="result">Receives the answer (<see cref="RecordsResultCodec"/>).</param>
    public static void Write(ReadOnlyMemory<byte> recordsQuery, ReadOnlyMemory<byte> data, HybridTime now, WireWriter result)
    {
        if (RecordsQuery.KindOf(recordsQuery.Span) == RecordsQueryKind.Stats)
        {
            _ = RowsResultCodec.TryReadStats(data, out var stats);
            RecordsResultCodec.WriteStats(
                result, new RecordsStats(RecordsStatus.Ok, now, stats.Rows, stats.Bytes, 0, 0, HybridTime.Zero));
        }
        else if (!VersionContents.TryRead(data, out var contents, checksValues: true))
        {
            RecordsResultCodec.WriteHead(result, RecordsStatus.Invalid, now, "the replicas' answer is not a version");
        }
        else if (RecordsQuery.TryReadScan(recordsQuery, out var scan))
        {
            WriteScan(scan, contents, now, result);
        }
        else
        {
            WriteGet(contents, now, result);
        }
    }

    /// <summary>The result of a write that was done.</summary>
    /// <param name="version">The version that it wrote.</param>
    /// <param name="result">Receives the result.</param>
    public static void WriteDone(HybridTime version, WireWriter result) =>
        RecordsResultCodec.WriteWrite(result, RecordsStatus.Ok, version, version);

    /// <summary>Judges the conditions of operations on one key.</summary>
    /// <param name="operations">The operations; those without a condition are passed over.</param>
    /// <param name="version">What <see cref="RecordsVersion.WriteQuery"/> got of that key, of several replicas merged.</param>
    /// <param name="now">When.</param>
    /// <param name="result">When one does not hold, or there is nothing to delete, receives the result; else nothing.</param>
    /// <returns>Whether all hold, and there is something to do.</returns>
    public static bool Judge(
        IReadOnlyList<RecordOperation> operations, ReadOnlyMemory<byte> version, HybridTime now, WireWriter result)
    {
        _ = VersionContents.TryRead(version, out var contents, checksValues: true);
        var actual = contents.Records is [var record] && RecordsVersion.TryGetVisible(record.Value, now, out var cell)
            ? RecordsVersion.VersionOf(cell.TimestampMicros) : HybridTime.Zero;
        for (var i = 0; i < operations.Count; i++)
        {
            if (operations[i].Expected is { } expected && expected != actual)
            {
                RecordsResultCodec.WriteWrite(result, RecordsStatus.Conflict, now, actual, i);
                return false;
            }
        }

        if (operations is [{ Kind: RecordOperationKind.Delete }] && actual == HybridTime.Zero)
        {
            // As in a strong shard: there is nothing to delete, as was expected.
            RecordsResultCodec.WriteWrite(result, RecordsStatus.NotFound, now, HybridTime.Zero);
            return false;
        }

        return true;
    }

    private static RowsSelection SelectionOf(in ScanQuery scan)
    {
        var from = scan.From;
        var to = scan.To;
        if (!scan.After.IsEmpty)
        {
            ReadOnlyMemory<byte> behind = scan.Reverse ? scan.After : KeyOrder.Successor(scan.After.Span);
            to = scan.Reverse && (to.IsEmpty || KeyOrder.Instance.Compare(behind, to) < 0) ? behind : to;
            from = !scan.Reverse && KeyOrder.Instance.Compare(behind, from) > 0 ? behind : from;
        }

        var isNothing = !to.IsEmpty && KeyOrder.Instance.Compare(from, to) >= 0;
        return new RowsSelection
        {
            Range = isNothing ? ClusteringRange.Nothing : new ClusteringRange(from, to),
            Reverse = scan.Reverse,
            WithStatic = false,
            RowsMax = scan.RowsMax,
            PageBytesMax = scan.PageBytesMax,
        };
    }

    private static void WriteGet(VersionContents contents, HybridTime now, WireWriter result)
    {
        if (contents.Records is [var record] && StoredOf(record, now, isGet: true) is { } stored)
        {
            RecordsResultCodec.WriteGet(result, now, stored);
        }
        else
        {
            RecordsResultCodec.WriteHead(result, RecordsStatus.NotFound, now);
        }
    }

    // As far as the version goes: where it ends early, because of a replica that had more to say of less, the page does, too.
    private static void WriteScan(in ScanQuery scan, VersionContents contents, HybridTime now, WireWriter result)
    {
        var start = result.Length;
        RecordsResultCodec.WriteHead(result, RecordsStatus.Ok, now);
        var records = contents.Records;
        var last = ReadOnlyMemory<byte>.Empty;
        var rows = 0;
        for (var i = 0; i < records.Count; i++)
        {
            var record = records[scan.Reverse ? records.Count - 1 - i : i];
            if (!RowKey.IsOfRecord(record.Key.Span) || StoredOf(record, now, isGet: false) is not { } stored)
            {
                continue;
            }

            var key = record.Key[RowKey.RecordHeadBytes..];
            ReadOnlyMemory<byte> value = scan.KeysOnly ? default : stored.Value;
            if (rows >= scan.RowsMax || (rows > 0 && result.Length - start + key.Length + value.Length > scan.PageBytesMax))
            {
                RecordsResultCodec.WriteRowsEnd(result, more: true, last.Span);
                return;
            }

            RecordsResultCodec.WriteRow(result, key.Span, stored, value.Span);
            last = key;
            rows++;
        }

        // The end lies right behind a record, or at the first of which something is said.
        var end = scan.Reverse ? contents.From : contents.End;
        var isCut = RowKey.IsOfRecord(end.Span);
        RecordsResultCodec.WriteRowsEnd(
            result, isCut, isCut ? end.Span[RowKey.RecordHeadBytes..(scan.Reverse ? end.Length : end.Length - 1)] : default);
    }

    // Null when there is nothing. What was deleted of siblings is something to a get: its context is.
    private static StoredRecord? StoredOf(in VersionRecord record, HybridTime now, bool isGet)
    {
        if (!RowDataCodec.TryRead(record.Value, out var row))
        {
            return null;
        }

        if (!row.TryGetCell(RecordsVersion.Column, default, out var cell))
        {
            return RecordElements.Of(row, now) is { Count: > 0 } elements ? StoredOf(elements) : null;
        }

        if (cell.Kind != CellKind.Siblings)
        {
            return cell.IsLive(now.UnixMilliseconds) ? StoredOf(cell) : null;
        }

        var siblings = RecordSiblings.Of(SiblingsValue.Of(cell), record.Key.Span[RowKey.RecordHeadBytes..], now);
        return isGet || siblings.Values.Any() ? StoredOf(siblings) : null;
    }

    // The version is that of the latest.
    private static StoredRecord StoredOf(RecordSiblings siblings)
    {
        var writer = new WireWriter(256);
        siblings.WriteTo(writer);
        var version = siblings.Siblings.Count == 0 ? HybridTime.Zero : siblings.Siblings[0].Version;
        return new StoredRecord(version, HybridTime.Zero, writer.WrittenMemory);
    }

    private static StoredRecord StoredOf(List<RecordElement> elements)
    {
        var writer = new WireWriter(256);
        RecordElements.Write(writer, elements);
        return new StoredRecord(elements.Max(static element => element.Version), HybridTime.Zero, writer.WrittenMemory);
    }

    // A counter's value is its sum, in decimal digits; it has no version.
    private static StoredRecord StoredOf(in RowCell cell) => cell.Kind == CellKind.Counter
        ? new(
            HybridTime.Zero, HybridTime.Zero,
            Encoding.ASCII.GetBytes(CounterValue.Sum(cell.Value).ToString(CultureInfo.InvariantCulture)))
        : new(RecordsVersion.VersionOf(cell.TimestampMicros), RecordsVersion.ExpiryOf(cell), cell.Value);
}
