using System.Runtime.InteropServices;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Rows;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Eventual;

/// <summary>Answers queries from the rows and notes as they are.</summary>
internal static class EventualReader
{
    private const byte Good = 0;
    private const byte Refused = 1;

    /// <summary>Answers if nothing has to be loaded for it; else the result is as it was.</summary>
    internal static bool TryRead(EventualRowsState state, ReadOnlyMemory<byte> query, HybridTime now, WireWriter result)
    {
        if (RowsQuery.KindOf(query.Span) == RowsQueryKind.Stats && query.Length == 1)
        {
            RowsResultCodec.WriteStats(result, now, state.Accounts.Count, state.Accounts.Bytes);
            return true;
        }

        if (TryGetNote(query, out var note))
        {
            return TryReadNote(state, note, result);
        }

        if (TryGetKeys(query, out var records, out var keys))
        {
            return AreInMemory(state, keys) && WriteRecords(state, records, result);
        }

        if (TryGetPoint(query, out var point, out var asOf, out var pointKeys))
        {
            // What is known of a partition comes first; it is looked for only where there is something of the kind.
            var wanted = pointKeys.AsSpan(state.HasDeletions ? 0 : 1);
            if (!PointCursor.TryOpen(state.Records, wanted, out var found))
            {
                return false;
            }

            result.WriteByte(Good);
            return new RawSliceWriter(found, point, asOf, result).Run();
        }

        if (RecordsChanges.TryRead(query, out var changes) && changes.IsRemembered(state))
        {
            result.WriteByte(Good);
            changes.WriteRemembered(state, now, result);
            return true;
        }

        if (SectionOf(state, query) is not { } section)
        {
            result.WriteByte(Refused);
            return true;
        }

        var start = result.Length;
        using var snapshot = section.Snapshot();
        using var cursor = snapshot.OpenCursor();
        var walk = Begin(state, query, now, cursor, result);
        if (walk.Run() && cursor.Fault is null)
        {
            return true;
        }

        result.Truncate(start);
        return false;
    }

    /// <summary>Answers what <see cref="TryRead"/> could not.</summary>
    internal static void ReadLater(
        EventualRowsState state, ReadOnlyMemory<byte> query, Func<HybridTime> now, Action<StateAnswer> done)
    {
        if (TryGetPoint(query, out _, out _, out var point))
        {
            KeyedReads.Read(state.Records, point, TryAgain, now, done);
        }
        else if (SectionOf(state, query) is { } section)
        {
            state.PageReads.Read((result, asOf) => BeginWalk(state, section, query, asOf, result), now, done);
        }
        else if (TryGetNote(query, out var note))
        {
            KeyedReads.Read(state.Notes, [note], TryAgain, now, done);
        }
        else
        {
            TryGetKeys(query, out _, out var keys);
            KeyedReads.Read(state.Records, CollectionsMarshal.AsSpan(keys), TryAgain, now, done);
        }

        bool TryAgain(WireWriter result, HybridTime asOf) => TryRead(state, query, asOf, result);
    }

    /// <summary>A slice that is about one row, and the keys of all records that it may hold.</summary>
    private static bool TryGetPoint(
        ReadOnlyMemory<byte> query, out RowsPlace place, out HybridTime asOf, out ReadOnlyMemory<byte>[] keys)
    {
        keys = EventualQuery.TryReadRaw(query, out asOf, out place) ? place.PointKeys() : [];
        return keys.Length > 0;
    }

    private static bool TryGetNote(ReadOnlyMemory<byte> query, out ReadOnlyMemory<byte> key) =>
        EventualQuery.TryReadKey(query, EventualQueryKind.Note, out key);

    private static bool TryReadNote(EventualRowsState state, ReadOnlyMemory<byte> key, WireWriter result)
    {
        var status = state.Notes.Find(key, out var record);
        if (status != LookupStatus.Missing)
        {
            result.WriteByte(Good);
            result.WriteRaw(record.Value.Span);
        }

        return status != LookupStatus.Missing;
    }

    /// <summary>The records that a query asks for one by one, in order, and all keys that are looked up for it.</summary>
    private static bool TryGetKeys(
        ReadOnlyMemory<byte> query, out SortedSet<ReadOnlyMemory<byte>> records, out List<ReadOnlyMemory<byte>> keys)
    {
        records = new SortedSet<ReadOnlyMemory<byte>>(KeyOrder.Instance);
        keys = [];
        if (EventualQuery.TryReadKey(query, EventualQueryKind.Record, out var key))
        {
            records.Add(key);
            keys.Add(key);
            if (!RowKey.IsOfRecord(key.Span))
            {
                keys.Add(RowKey.PartitionOf(key.Span));
            }

            return true;
        }

        if (!EventualQuery.TryReadConditions(query, out var mutation))
        {
            return false;
        }

        foreach (var condition in mutation.Conditions)
        {
            // The static row too: it is part of the answer when the condition does not hold.
            var partition = mutation.Partitions[condition.Partition];
            records.Add(RowKey.OfPartition(partition.Token, partition.Key.Span));
            records.Add(RowKey.OfStatic(partition.Token, partition.Key.Span));
            if (!condition.IsStatic)
            {
                records.Add(RowKey.OfRow(partition.Token, partition.Key.Span, condition.Clustering.Span));
            }
        }

        keys.AddRange(records);
        return true;
    }

    private static bool AreInMemory(EventualRowsState state, List<ReadOnlyMemory<byte>> keys)
    {
        foreach (var key in keys)
        {
            // Partitions are loaded with what waits for the disk, whatever is known now: something may be deleted meanwhile.
            var isNeeded = state.HasDeletions || RowKey.KindOf(key.Span) != RowKeyKind.Partition;
            if (isNeeded && state.Records.Find(key, out _) == LookupStatus.Missing)
            {
                return false;
            }
        }

        return true;
    }

    private static bool WriteRecords(EventualRowsState state, SortedSet<ReadOnlyMemory<byte>> records, WireWriter result)
    {
        var scratch = new WireWriter();
        var version = new VersionContents();
        foreach (var key in records)
        {
            if (RowKey.KindOf(key.Span) == RowKeyKind.Partition)
            {
                var deletions = state.GetDeletions(key, out _);
                if (!deletions.IsNone)
                {
                    version.Records.Add(new VersionRecord(key, EventualRecords.Encode(deletions, scratch)));
                }
            }
            else
            {
                var row = state.GetRow(key).Without(RowKey.CoveringOf(key.Span, state.GetDeletionsAround(key)));
                if (!row.IsEmpty)
                {
                    version.Records.Add(new VersionRecord(key, EventualRecords.Encode(row, scratch)));
                }
            }
        }

        result.WriteByte(Good);
        result.WriteRaw(version.Encode().Span);
        return true;
    }

    /// <summary>The section that a query goes over; null when it is no such query.</summary>
    private static ISortedStore? SectionOf(EventualRowsState state, ReadOnlyMemory<byte> query) =>
        EventualQuery.TryReadRaw(query, out _, out _) || EventualQuery.TryReadListRange(query, out _) ? state.Records
        : EventualQuery.TryReadNotesRange(query, out _, out _, out _) ? state.Notes
        : EventualQuery.TryReadPlaces(query, out _) ? state.Places
        : RecordsChanges.TryRead(query, out _) ? state.Records
        : null;

    private static IStoreWalk Begin(
        EventualRowsState state, ReadOnlyMemory<byte> query, HybridTime now, ISortedCursor cursor, WireWriter result)
    {
        result.WriteByte(Good);
        if (EventualQuery.TryReadRaw(query, out var asOf, out var place))
        {
            return new RawWalk(new RawSliceWriter(cursor, place, asOf, result));
        }

        if (EventualQuery.TryReadListRange(query, out var range))
        {
            return new RecordListWalk(cursor, range, result);
        }

        if (EventualQuery.TryReadPlaces(query, out var places))
        {
            return new RecordPlacesWalk(cursor, places, result);
        }

        if (RecordsChanges.TryRead(query, out var changes))
        {
            return new RecordsChangesWalk(changes, state, cursor, now, result);
        }

        var isNotes = EventualQuery.TryReadNotesRange(query, out var prefix, out var after, out var max);
        Check.That(isNotes);
        return new NotesWalk(cursor, prefix, after, max, result);
    }

    // The section as of now, whatever is applied while it waits for the disk.
    private static PageRead BeginWalk(
        EventualRowsState state, ISortedStore section, ReadOnlyMemory<byte> query, HybridTime now, WireWriter result)
    {
        var snapshot = section.Snapshot();
        var cursor = snapshot.OpenCursor();
        return new PageRead(snapshot, cursor, Begin(state, query, now, cursor, result).Run, () => cursor.Fault);
    }
}
