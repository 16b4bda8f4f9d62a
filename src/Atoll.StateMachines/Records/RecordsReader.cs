using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>Answers queries from the records as they are.</summary>
internal static class RecordsReader
{
    private static readonly Probe ReadAhead = Probe.Define("records: a read at a time that has not come");
    private static readonly Probe ReadCollected = Probe.Define("records: a read at a time whose versions are gone");

    /// <summary>Answers if nothing has to be loaded for it; else the result is as it was.</summary>
    internal static bool TryRead(RecordsState state, ReadOnlyMemory<byte> query, HybridTime now, WireWriter result, Sabotage sabotage)
    {
        switch (RecordsQuery.KindOf(query.Span))
        {
            case RecordsQueryKind.Get when RecordsQuery.TryReadGet(query, out var key):
                return TryGet(state, key, now, result);
            case RecordsQueryKind.Scan or RecordsQueryKind.Digest when TryReadRange(query, out var range):
                return TryReadPage(state, range, now, result);
            case RecordsQueryKind.Changes when RecordsQuery.TryReadChanges(query, out var changes):
                ChangesReader.Write(state.History, changes, now, result, sabotage);
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
        if (TryReadRange(query, out var range))
        {
            state.PageReads.Read((result, asOf) => BeginPage(state, range, asOf, result), now, done);
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

    private static bool TryReadRange(ReadOnlyMemory<byte> query, out RangeQuery range)
    {
        if (RecordsQuery.TryReadScan(query, out var scan))
        {
            range = new RangeQuery(scan.At, scan.KeysOnly, (cursor, asOf, result) => new RecordsScan(cursor, scan, asOf, result));
            return true;
        }

        var isDigest = RecordsQuery.TryReadDigest(query, out var digest);
        range = new RangeQuery(
            digest.At, !digest.HasContents, (cursor, asOf, result) => new RecordsDigestPage(cursor, digest, asOf, result));
        return isDigest;
    }

    private static bool TryReadPage(RecordsState state, in RangeQuery range, HybridTime now, WireWriter result)
    {
        var start = result.Length;
        if (Open(state, range.At, now, result) is not { } snapshot)
        {
            return true;
        }

        using (snapshot)
        {
            using var cursor = range.OpenCursor(snapshot);
            var page = range.PageOf(cursor, range.AsOf(now), result);
            if (page.Run() && page.Fault is null)
            {
                return true;
            }
        }

        result.Truncate(start);
        return false;
    }

    private static PageRead? BeginPage(RecordsState state, in RangeQuery range, HybridTime now, WireWriter result)
    {
        if (Open(state, range.At, now, result) is not { } snapshot)
        {
            return null;
        }

        var cursor = range.OpenCursor(snapshot);
        var page = range.PageOf(cursor, range.AsOf(now), result);
        return new PageRead(snapshot, cursor, page.Run, () => page.Fault);
    }

    /// <summary>The records as of a time (zero: now); null when that cannot be had: then the result says why.</summary>
    private static ISortedSnapshot? Open(RecordsState state, HybridTime at, HybridTime now, WireWriter result)
    {
        if (at > now)
        {
            ReadAhead.Hit();
            RecordsResultCodec.WriteHead(result, RecordsStatus.TimeAhead, now, $"the time {at} has not come: it is {now}");
            return null;
        }

        var snapshot = at == HybridTime.Zero || at == now ? state.Records.Snapshot() : state.Records.SnapshotAt(at);
        if (snapshot is null)
        {
            ReadCollected.Hit();
            RecordsResultCodec.WriteHead(
                result, RecordsStatus.TimeCollected, now, $"what was there at {at} is not kept any more, or was never here; it is {now}");
        }

        return snapshot;
    }

    // A query for the records of a range: the time that it is about, whether values are not needed, and what makes the answer.
    private readonly record struct RangeQuery(
        HybridTime At, bool NeedsHeadsOnly, Func<ISortedCursor, HybridTime, WireWriter, RecordsPage> PageOf)
    {
        public HybridTime AsOf(HybridTime now) => At == HybridTime.Zero ? now : At;

        public ISortedCursor OpenCursor(ISortedSnapshot snapshot) => NeedsHeadsOnly ? snapshot.OpenHeadCursor() : snapshot.OpenCursor();
    }
}
