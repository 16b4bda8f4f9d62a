using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>Answers queries from the records as they are.</summary>
internal static class RecordsReader
{
    private static readonly Probe CompactedAnswer = Probe.Define("records: a watcher asks for changes that are forgotten");
    private static readonly Probe CommandTooLargeForPage = Probe.Define("records: the changes of one command exceed a page");

    /// <summary>Answers if nothing has to be loaded for it; else the result is as it was.</summary>
    internal static bool TryRead(RecordsState state, ReadOnlyMemory<byte> query, HybridTime now, WireWriter result, Sabotage sabotage)
    {
        switch (RecordsQuery.KindOf(query.Span))
        {
            case RecordsQueryKind.Get when RecordsQuery.TryReadGet(query, out var key):
                return TryGet(state, key, now, result);
            case RecordsQueryKind.Scan when RecordsQuery.TryReadScan(query, out var scan):
                return TryScan(state, scan, now, result);
            case RecordsQueryKind.Changes when RecordsQuery.TryReadChanges(query, out var changes):
                Changes(state.History, changes, now, result, sabotage);
                return true;
            case RecordsQueryKind.Stats when query.Length == 1:
                RecordsResultCodec.WriteStats(result, new RecordsStats(
                    RecordsStatus.Ok,
                    now,
                    state.Accounts.Count,
                    state.Accounts.Bytes,
                    state.Accounts.Expiring,
                    state.History.Count,
                    state.History.CompactedThrough));
                return true;
            default:
                RecordsResultCodec.WriteHead(result, RecordsStatus.Invalid, now, "the bytes are not a records query");
                return true;
        }
    }

    /// <summary>Answers what <see cref="TryRead"/> could not.</summary>
    internal static void ReadLater(
        RecordsState state, ReadOnlyMemory<byte> query, Func<HybridTime> now, Sabotage sabotage, Action<StateAnswer> done)
    {
        if (RecordsQuery.TryReadScan(query, out var scan))
        {
            ScanLater(state, scan, now(), done);
        }
        else if (!RecordsQuery.TryReadGet(query, out var key) || state.Records.Prepare([key], Answer))
        {
            Answer(null);
        }

        void Answer(StoreFault? fault)
        {
            var result = new WireWriter(256);
            var isRead = fault is not null || TryRead(state, query, now(), result, sabotage);
            Check.That(isRead);
            done(new StateAnswer(result.WrittenMemory, now(), fault));
        }
    }

    private static bool TryGet(RecordsState state, ReadOnlyMemory<byte> key, HybridTime now, WireWriter result)
    {
        var status = state.Records.Find(key, out var record);
        if (status == LookupStatus.Found && !record.IsExpired(now))
        {
            RecordsResultCodec.WriteGet(result, now, record);
        }
        else if (status != LookupStatus.Missing)
        {
            RecordsResultCodec.WriteHead(result, RecordsStatus.NotFound, now);
        }

        return status != LookupStatus.Missing;
    }

    private static bool TryScan(RecordsState state, in ScanQuery query, HybridTime now, WireWriter result)
    {
        var start = result.Length;
        using var cursor = query.KeysOnly ? state.Records.OpenHeadCursor() : state.Records.OpenCursor();
        var scan = new RecordsScan(cursor, query, now, result);
        if (scan.Run() && scan.Fault is null)
        {
            return true;
        }

        result.Truncate(start);
        return false;
    }

    // The cursor sees the records as of now, whatever is applied while it waits.
    private static void ScanLater(RecordsState state, in ScanQuery query, HybridTime asOf, Action<StateAnswer> done)
    {
        var result = new WireWriter(4096);
        var snapshot = state.Records.Snapshot();
        var cursor = query.KeysOnly ? snapshot.OpenHeadCursor() : snapshot.OpenCursor();
        var scan = new RecordsScan(cursor, query, asOf, result);
        GoOn();

        void GoOn()
        {
            while (!scan.Run())
            {
                if (!cursor.Load(GoOn))
                {
                    return;
                }
            }

            var fault = scan.Fault;
            cursor.Dispose();
            snapshot.Dispose();
            done(new StateAnswer(fault is null ? result.WrittenMemory : default, asOf, fault));
        }
    }

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
