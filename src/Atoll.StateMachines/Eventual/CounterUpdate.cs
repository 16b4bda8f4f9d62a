using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.StateMachines.Rows;
using Atoll.Storage.Sorted;
using CounterOrigin = Atoll.Kernel.Eventual.CounterOrigin;
using CounterUpdateId = Atoll.Kernel.Eventual.CounterUpdateId;
using OriginCounter = Atoll.Kernel.Eventual.CounterValue;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// An update of counters at the replica that leads it: its deletions and other writes first, then its increments, each counter once.
/// </summary>
internal static class CounterUpdate
{
    /// <summary>Works the update out.</summary>
    /// <param name="state">The rows before.</param>
    /// <param name="increment">The update.</param>
    /// <param name="update">Where to.</param>
    /// <param name="version">What to replicate: of the counters all that is known here, so that a retry repairs.</param>
    /// <param name="detail">What is wrong; empty when nothing is.</param>
    internal static EventualStatus Work(
        EventualRowsState state, CounterIncrement increment, EventualUpdate update, out ReadOnlyMemory<byte> version, out string detail)
    {
        var merge = new VersionMerge();
        var plain = RowsVersion.ContentsOf(
            increment.Mutation.Partitions, increment.TimestampMicros, increment.Stamp, NodeId.None);
        update.Merge(plain);
        merge.Add(plain);
        version = default;
        var counters = new VersionContents();
        foreach (var (place, delta) in DeltasOf(increment.Mutation))
        {
            var status = Add(
                state, update, place, delta, increment.Origin, increment.Id, increment.IsOnlyAgain, merge, out detail);
            if (status != EventualStatus.Ok)
            {
                return status;
            }
        }

        version = merge.Merged().Encode();
        detail = update.Finish() ?? "";
        return detail.Length == 0 ? EventualStatus.Ok : EventualStatus.TooLarge;
    }

    /// <summary>Works out an addition to a record that is a counter.</summary>
    /// <param name="state">The rows before.</param>
    /// <param name="addition">The update.</param>
    /// <param name="update">Where to.</param>
    /// <param name="version">What to replicate.</param>
    /// <param name="detail">What is wrong; empty when nothing is.</param>
    internal static EventualStatus Work(
        EventualRowsState state, RecordAddition addition, EventualUpdate update, out ReadOnlyMemory<byte> version, out string detail)
    {
        var merge = new VersionMerge();
        var place = (new ByteKey(RowKey.OfRecord(addition.Key.Span)), RecordsVersion.Column);
        version = default;
        var status = Add(
            state, update, place, addition.Delta, addition.Origin, addition.Id, addition.IsOnlyAgain, merge, out detail);
        if (status == EventualStatus.Ok)
        {
            version = merge.Merged().Encode();
            detail = update.Finish() ?? "";
        }

        return status == EventualStatus.Ok && detail.Length > 0 ? EventualStatus.TooLarge : status;
    }

    private static EventualStatus Add(
        EventualRowsState state, EventualUpdate update, (ByteKey Key, uint Column) place, long delta, CounterOrigin origin,
        CounterUpdateId id, bool isOnlyAgain, VersionMerge merge, out string detail)
    {
        var cell = CounterAt(update, place);
        if (CounterValue.TryReadOrigins(cell.Value) is not { } counter)
        {
            counter = OriginCounter.Zero;
        }

        // What is not remembered, and is that old, was never taken, or was forgotten. Or it was taken elsewhere, and others, whose horizon
        // is ahead of this one's, have settled how often: it must not be taken here behind their backs.
        var isTooOld = (isOnlyAgain || id.Stamp <= state.Horizon) && !counter.Remembers(id);
        if (isTooOld || !counter.TryAdd(origin, id, delta, out var after))
        {
            detail = "the update is so old that it is not known whether it was taken before";
            return EventualStatus.Forgotten;
        }

        var value = CounterValue.OfOriginCounter(after);
        if (value.Length > Limits.OriginCounterBytesMax)
        {
            detail = $"a counter remembers updates of at most {Limits.OriginCounterBytesMax} bytes";
            return EventualStatus.TooLarge;
        }

        var counted = cell with { Value = value };
        update.Put(place.Key.Memory, counted);
        var row = RowData.Create(RowLiveness.None, DeletionTime.None, [], [counted]);
        var one = new VersionContents();
        one.Records.Add(new VersionRecord(place.Key.Memory, EventualRecords.Encode(row, new WireWriter())));
        merge.Add(one);
        detail = "";
        return EventualStatus.Ok;
    }

    // In the order in which they come: every replay of the log must add alike.
    private static List<((ByteKey Key, uint Column) Place, long Delta)> DeltasOf(RowsMutation mutation)
    {
        var deltas = new List<((ByteKey Key, uint Column) Place, long Delta)>();
        var positions = new Dictionary<(ByteKey Key, uint Column), int>();
        foreach (var partition in mutation.Partitions)
        {
            foreach (var operation in partition.Operations)
            {
                foreach (var cell in operation.Cells.Where(static cell => cell.Kind == CellWriteKind.Increment))
                {
                    var place = (new ByteKey(ParsedCommand.KeyOf(partition, operation.IsStatic, operation.Clustering)), cell.Column);
                    if (positions.TryGetValue(place, out var position))
                    {
                        deltas[position] = (place, unchecked(deltas[position].Delta + cell.Delta));
                    }
                    else
                    {
                        positions.Add(place, deltas.Count);
                        deltas.Add((place, cell.Delta));
                    }
                }
            }
        }

        return deltas;
    }

    // As in a strong shard: increments add to the counter that is there; one that begins anew, behind a deletion, is above that.
    private static RowCell CounterAt(EventualUpdate update, (ByteKey Key, uint Column) place)
    {
        var row = update.After(place.Key.Memory);
        var born = Math.Max(
            Math.Max(update.CoveringOf(place.Key.Memory).TimestampMicros, row.Deletion.TimestampMicros),
            row.DeletionOf(place.Column).TimestampMicros);
        born = born == RowTimestamp.None ? RowTimestamp.Min : born + 1;
        if (row.TryGetCell(place.Column, default, out var cell))
        {
            if (cell.Kind == CellKind.Counter)
            {
                return cell;
            }

            born = Math.Max(born, cell.TimestampMicros + 1);
        }

        return new RowCell(place.Column, default, CellKind.Counter, born, 0, default);
    }
}
