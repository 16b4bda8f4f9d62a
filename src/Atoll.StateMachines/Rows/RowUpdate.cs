using System.Buffers.Binary;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Rows;

/// <summary>What one operation on one row adds to what is known of it.</summary>
internal readonly struct RowUpdate
{
    private readonly RowOperation _operation;
    private readonly RowChange _row;
    private readonly long _nowMilliseconds;
    private readonly long _timestamp;
    private readonly ReadOnlyMemory<byte> _writer;

    /// <param name="operation">An upsert or a row's deletion.</param>
    /// <param name="row">The row before it.</param>
    /// <param name="shardMicros">The shard's timestamp.</param>
    /// <param name="isAhead">Whether something in the partition may have a timestamp above the shard's.</param>
    /// <param name="now">The state's time.</param>
    /// <param name="writer">
    /// Where several give timestamps, what tells this one from the others: part of the places of elements that are appended or prepended.
    /// </param>
    internal RowUpdate(
        RowOperation operation, RowChange row, long shardMicros, bool isAhead, HybridTime now, ReadOnlyMemory<byte> writer = default)
    {
        _writer = writer;
        _operation = operation;
        _row = row;
        _nowMilliseconds = now.UnixMilliseconds;
        _timestamp = operation.TimestampMicros
            ?? (isAhead ? Math.Max(shardMicros, HighestTouched(operation, row) + 1) : shardMicros);
    }

    internal RowData Make()
    {
        if (_operation.Kind == RowOperationKind.DeleteRow)
        {
            return RowData.Create(RowLiveness.None, new DeletionTime(_timestamp, _nowMilliseconds), [], []);
        }

        var deletions = new List<ColumnDeletion>();
        var cells = new List<RowCell>(_operation.Cells.Count);
        foreach (var write in _operation.Cells)
        {
            switch (write.Kind)
            {
                case CellWriteKind.Clear:
                    deletions.Add(new ColumnDeletion(write.Column, new DeletionTime(_timestamp, _nowMilliseconds)));
                    break;
                case CellWriteKind.Replace:
                    deletions.Add(new ColumnDeletion(write.Column, new DeletionTime(_timestamp - 1, _nowMilliseconds)));
                    break;
                case CellWriteKind.Delete:
                    cells.Add(RowCell.OfTombstone(write.Column, write.Path, _timestamp, _nowMilliseconds));
                    break;
                case CellWriteKind.Increment:
                    AddIncrement(write, cells);
                    break;
                default:
                    cells.Add(ValueOf(write));
                    break;
            }
        }

        var marker = _operation.WritesMarker
            ? new RowLiveness(_timestamp, ExpiryOf(_operation.MarkerTimeToLiveSeconds))
            : RowLiveness.None;
        return RowData.Create(marker, DeletionTime.None, deletions, cells);
    }

    /// <summary>The highest timestamp that the operation must be above in order to take effect.</summary>
    private static long HighestTouched(RowOperation operation, RowChange row)
    {
        var before = row.Before;
        var highest = Math.Max(row.Outer.TimestampMicros, before.Deletion.TimestampMicros);
        if (operation.Kind == RowOperationKind.DeleteRow)
        {
            return Math.Max(highest, before.HighestTimestampMicros);
        }

        highest = operation.WritesMarker ? Math.Max(highest, before.Liveness.TimestampMicros) : highest;
        foreach (var write in operation.Cells)
        {
            highest = Math.Max(highest, before.DeletionOf(write.Column).TimestampMicros);
            if (write.Kind is CellWriteKind.Put or CellWriteKind.Delete)
            {
                highest = before.TryGetCell(write.Column, write.Path.Span, out var cell)
                    ? Math.Max(highest, cell.TimestampMicros) : highest;
                continue;
            }

            // The whole collection: it is deleted, or an element is put behind or before all that are there.
            foreach (ref readonly var cell in before.CellsOf(write.Column))
            {
                highest = Math.Max(highest, cell.TimestampMicros);
            }
        }

        return highest;
    }

    private RowCell ValueOf(in CellWrite write)
    {
        ReadOnlyMemory<byte> path = write.Kind == CellWriteKind.Put ? write.Path : PlaceOf(write);
        var expiresAt = ExpiryOf(write.TimeToLiveSeconds);
        return expiresAt == 0
            ? RowCell.Of(write.Column, path, _timestamp, write.Value)
            : RowCell.OfExpiring(write.Column, path, _timestamp, expiresAt, write.Value);
    }

    private long ExpiryOf(int timeToLiveSeconds) => timeToLiveSeconds == 0 ? 0 : _nowMilliseconds + (timeToLiveSeconds * 1000L);

    // Signed order as unsigned bytes: what is appended later comes later, what is prepended later comes earlier.
    private byte[] PlaceOf(in CellWrite write)
    {
        var place = new byte[8 + _writer.Length + write.Path.Length];
        BinaryPrimitives.WriteInt64BigEndian(
            place, (write.Kind == CellWriteKind.Append ? _timestamp : -_timestamp) ^ long.MinValue);
        _writer.Span.CopyTo(place.AsSpan(8));
        write.Path.Span.CopyTo(place.AsSpan(8 + _writer.Length));
        return place;
    }

    // Increments add to the counter that is there, operations of the same command before this one included. One that begins anew, behind
    // a deletion, is above that.
    private void AddIncrement(in CellWrite write, List<RowCell> cells)
    {
        var before = _row.After;
        var born = Math.Max(
            Math.Max(_row.Outer.TimestampMicros, before.Deletion.TimestampMicros), before.DeletionOf(write.Column).TimestampMicros);
        born = born == RowTimestamp.None ? RowTimestamp.Min : born + 1;
        var value = ReadOnlyMemory<byte>.Empty;
        for (var i = cells.Count - 1; i >= 0 && value.IsEmpty; i--)
        {
            if (cells[i].Column == write.Column && cells[i].Kind == CellKind.Counter)
            {
                (born, value) = (cells[i].TimestampMicros, cells[i].Value);
            }
        }

        if (value.IsEmpty && before.TryGetCell(write.Column, default, out var cell))
        {
            (born, value) = cell.Kind == CellKind.Counter
                ? (cell.TimestampMicros, cell.Value)
                : (Math.Max(born, cell.TimestampMicros + 1), default);
        }

        var sum = CounterValue.Add(value, CounterValue.TheShard, write.Delta);
        cells.Add(new RowCell(write.Column, default, CellKind.Counter, born, 0, sum));
    }
}
