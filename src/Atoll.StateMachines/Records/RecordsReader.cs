using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>Answers queries from the records as they are.</summary>
internal static class RecordsReader
{
    private static readonly Probe CompactedAnswer = Probe.Define("records: a watcher asks for changes that are forgotten");
    private static readonly Probe CommandTooLargeForPage = Probe.Define("records: the changes of one command exceed a page");

    internal static void Read(RecordsState state, ReadOnlyMemory<byte> query, HybridTime now, WireWriter result, Sabotage sabotage)
    {
        switch (RecordsQuery.KindOf(query.Span))
        {
            case RecordsQueryKind.Get when RecordsQuery.TryReadGet(query, out var key):
                Get(state, key, now, result);
                break;
            case RecordsQueryKind.Scan when RecordsQuery.TryReadScan(query, out var scan):
                Scan(state, scan, now, result);
                break;
            case RecordsQueryKind.Changes when RecordsQuery.TryReadChanges(query, out var changes):
                Changes(state.History, changes, now, result, sabotage);
                break;
            case RecordsQueryKind.Stats when query.Length == 1:
                RecordsResultCodec.WriteStats(result, new RecordsStats(
                    RecordsStatus.Ok,
                    now,
                    state.Store.Count,
                    state.Bytes,
                    state.Expiring,
                    state.History.Count,
                    state.History.CompactedThrough));
                break;
            default:
                RecordsResultCodec.WriteHead(result, RecordsStatus.Invalid, now, "the bytes are not a records query");
                break;
        }
    }

    private static void Get(RecordsState state, ReadOnlyMemory<byte> key, HybridTime now, WireWriter result)
    {
        if (state.TryGetVisible(key, now, out var record))
        {
            RecordsResultCodec.WriteGet(result, now, record);
        }
        else
        {
            RecordsResultCodec.WriteHead(result, RecordsStatus.NotFound, now);
        }
    }

    private static void Scan(RecordsState state, in ScanQuery scan, HybridTime now, WireWriter result)
    {
        RecordsResultCodec.WriteHead(result, RecordsStatus.Ok, now);
        using var cursor = state.Store.OpenCursor();
        var start = result.Length;
        var rows = 0;
        ReadOnlyMemory<byte> last = default;
        var inside = SeekStart(cursor, scan) && IsInside(cursor.Key, scan);

        // Expired records cost a step each but give no row: without a bound on steps, a range full of them would hold up the loop.
        for (var steps = 0; inside && rows < scan.RowsMax && steps < Limits.ScanRowsMax; steps++)
        {
            var key = cursor.Key;
            var record = cursor.Record;
            if (!record.IsExpired(now))
            {
                var size = key.Length + (scan.KeysOnly ? 0 : record.Value.Length);
                if (rows > 0 && result.Length - start + size > scan.PageBytesMax)
                {
                    break;
                }

                RecordsResultCodec.WriteRow(result, key.Span, record, scan.KeysOnly);
                rows++;
            }

            last = key;
            inside = (scan.Reverse ? cursor.Previous() : cursor.Next()) && IsInside(cursor.Key, scan);
        }

        RecordsResultCodec.WriteRowsEnd(result, inside, last.Span);
    }

    private static bool SeekStart(ISortedCursor cursor, in ScanQuery scan)
    {
        if (scan.Reverse)
        {
            return !scan.After.IsEmpty && (scan.To.IsEmpty || KeyOrder.Instance.Compare(scan.After, scan.To) < 0)
                ? cursor.SeekBefore(scan.After)
                : scan.To.IsEmpty ? cursor.SeekLast() : cursor.SeekBefore(scan.To);
        }

        return !scan.After.IsEmpty && KeyOrder.Instance.Compare(scan.After, scan.From) >= 0
            ? cursor.SeekAfter(scan.After)
            : cursor.SeekAtOrAfter(scan.From);
    }

    private static bool IsInside(ReadOnlyMemory<byte> key, in ScanQuery scan) => scan.Reverse
        ? KeyOrder.Instance.Compare(key, scan.From) >= 0
        : scan.To.IsEmpty || KeyOrder.Instance.Compare(key, scan.To) < 0;

    /// <summary>
    /// Pages end between commands: everything that one command changed has one version, and a watcher that resumes after a version must
    /// have seen all of it (museum, row 17).
    /// </summary>
    private static void Changes(
        ChangeHistory history, in ChangesQuery query, HybridTime now, WireWriter result, Sabotage sabotage)
    {
        if (query.After < history.CompactedThrough)
        {
            CompactedAnswer.Hit();
            RecordsResultCodec.WriteHead(result, RecordsStatus.Compacted, now, "changes that old are no longer remembered");
            RecordsResultCodec.WriteChangesEnd(result, history.CompactedThrough, false);
            return;
        }

        RecordsResultCodec.WriteHead(result, RecordsStatus.Ok, now);
        var start = result.Length;
        var position = history.FirstAfter(query.After);
        position += sabotage.Has(Sabotage.WatchSkipsOne) && position < history.Count - 1 ? 1
            : sabotage.Has(Sabotage.WatchRepeatsOne) && position > 0 ? -1
            : 0;
        var through = query.After;
        var written = 0;
        var more = false;
        while (position < history.Count)
        {
            var end = history.EndOfCommand(position);
            var bytes = Measure(history, position, end, query.Prefix.Span);
            if (written > 0 && bytes > 0 && (written >= query.ChangesMax || result.Length - start + bytes > Limits.ScanPageBytesMax))
            {
                more = true;
                break;
            }

            if (bytes > Limits.ScanPageBytesMax)
            {
                CommandTooLargeForPage.Hit();
            }

            through = history[position].Version;
            for (; position < end; position++)
            {
                ref readonly var change = ref history[position];
                if (change.Key.Span.StartsWith(query.Prefix.Span))
                {
                    RecordsResultCodec.WriteChange(result, change);
                    written++;
                }
            }
        }

        // All changes were looked at: whatever comes next has a version above the state's time. A watcher that is ahead of this replica
        // stays there.
        through = more || now < through ? through : now;
        RecordsResultCodec.WriteChangesEnd(result, through, more);
    }

    private static long Measure(ChangeHistory history, int position, int end, ReadOnlySpan<byte> prefix)
    {
        const int headBytes = 1 + 8 + 5 + 5;
        long bytes = 0;
        for (; position < end; position++)
        {
            ref readonly var change = ref history[position];
            if (change.Key.Span.StartsWith(prefix))
            {
                bytes += headBytes + change.Key.Length + change.Value.Length;
            }
        }

        return bytes;
    }
}
