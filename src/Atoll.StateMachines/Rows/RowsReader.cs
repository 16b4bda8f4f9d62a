using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Rows;

/// <summary>Answers queries from the rows as they are; those for changes are asked and answered as of records.</summary>
internal static class RowsReader
{
    /// <summary>Answers if nothing has to be loaded for it; else the result is as it was.</summary>
    internal static bool TryRead(RowsState state, ReadOnlyMemory<byte> query, HybridTime now, WireWriter result, Sabotage sabotage)
    {
        if (RecordsQuery.TryReadChanges(query, out var changes))
        {
            ChangesReader.Write(state.History, changes, now, result, sabotage);
            return true;
        }

        if (RowsQuery.KindOf(query.Span) == RowsQueryKind.Stats && query.Length == 1)
        {
            RowsResultCodec.WriteStats(result, now, state.Accounts.Count, state.Accounts.Bytes);
            return true;
        }

        if (!RowsPlace.TryRead(query, out var place))
        {
            RowsResultCodec.WriteHead(result, RowsStatus.Invalid, now, "the bytes are not a rows query");
            return true;
        }

        if (place.PointKeys() is { Length: > 0 } keys)
        {
            return PointCursor.TryOpen(state.Records, keys, out var found)
                && new RowsPageWriter(found, place, StoredRecords.Instance, now, result).Run();
        }

        var start = result.Length;
        using var snapshot = state.Records.Snapshot();
        using var cursor = snapshot.OpenCursor();
        var page = new RowsPageWriter(cursor, place, StoredRecords.Instance, now, result);
        if (page.Run() && page.Fault is null)
        {
            return true;
        }

        result.Truncate(start);
        return false;
    }

    /// <summary>Answers what <see cref="TryRead"/> could not.</summary>
    internal static void ReadLater(
        RowsState state, ReadOnlyMemory<byte> query, Func<HybridTime> now, Sabotage sabotage, Action<StateAnswer> done)
    {
        if (RowsPlace.TryRead(query, out var place) && place.PointKeys() is { Length: > 0 } keys)
        {
            KeyedReads.Read(state.Records, keys, (result, asOf) => TryRead(state, query, asOf, result, sabotage), now, done);
        }
        else
        {
            state.PageReads.Read((result, asOf) => BeginPage(state, query, asOf, result, sabotage), now, done);
        }
    }

    private static PageRead? BeginPage(
        RowsState state, ReadOnlyMemory<byte> query, HybridTime now, WireWriter result, Sabotage sabotage)
    {
        if (!RowsPlace.TryRead(query, out var place))
        {
            TryRead(state, query, now, result, sabotage);
            return null;
        }

        var snapshot = state.Records.Snapshot();
        var cursor = snapshot.OpenCursor();
        var page = new RowsPageWriter(cursor, place, StoredRecords.Instance, now, result);
        return new PageRead(snapshot, cursor, page.Run, () => page.Fault);
    }
}
