using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// What a version makes of the rows of a replica, worked out beside the state: it is written when all of it is known to be good.
/// </summary>
/// <param name="state">The rows before.</param>
/// <param name="horizon">What comes and may be dropped by this is passed over.</param>
/// <param name="truncates">Whether the rows before go.</param>
internal sealed class EventualUpdate(EventualRowsState state, HybridTime horizon, bool truncates)
{
    private readonly List<PartitionChange> _partitions = [];
    private readonly List<RowChange> _rows = [];

    // Most updates touch one row: looking through a few costs less than a dictionary.
    private const int LookedThroughMax = 8;

    private Dictionary<ByteKey, PartitionChange>? _partitionsByKey;
    private Dictionary<ByteKey, RowChange>? _rowsByKey;
    private PartitionChange? _lastPartition;

    /// <summary>A planted bug: rows are not merged, but replaced.</summary>
    internal bool LastArrivalWins { get; init; }

    /// <summary>Merges a version: what is known of a partition stands before its rows.</summary>
    internal void Merge(VersionContents version)
    {
        foreach (var record in version.Records)
        {
            if (RowKey.KindOf(record.Key.Span) == RowKeyKind.Partition)
            {
                var partition = PartitionOf(record.Key);
                var deletions = DropRules.Drop(EventualRecords.OfVersions.DeletionsOf(record.Value), horizon);
                partition.After = PartitionDeletions.Merge(partition.After, deletions);
            }
            else
            {
                var row = record.Row ?? EventualRecords.Stored.RowOf(record.Value);
                var change = MergeRow(record.Key, DropRules.Drop(row, horizon, forgets: false));
                if (ReferenceEquals(change.After, row))
                {
                    (change.Encoded, change.IsEncoded) = (record.Value, row);
                }
            }
        }
    }

    /// <summary>Merges a row.</summary>
    internal void Merge(ReadOnlyMemory<byte> key, RowData row) => MergeRow(key, row);

    /// <summary>Puts a cell into a row, in the place of the one that is there: it holds all that the other does.</summary>
    internal void Put(ReadOnlyMemory<byte> key, in RowCell cell)
    {
        var change = RowOf(key);
        for (var i = 0; i < change.After.Cells.Length; i++)
        {
            if (change.After.Cells[i].ComparePlace(cell) == 0)
            {
                change.After = change.After.Keep(static _ => true, change.After.Liveness, change.After.Cells.SetItem(i, cell));
                return;
            }
        }

        Merge(key, RowData.Create(RowLiveness.None, DeletionTime.None, [], [cell]));
    }

    /// <summary>A row as it will be.</summary>
    internal RowData After(ReadOnlyMemory<byte> key) => RowOf(key).After;

    /// <summary>What will cover a row from outside.</summary>
    internal DeletionTime CoveringOf(ReadOnlyMemory<byte> key) => IsNothingCovered || RowKey.IsOfRecord(key.Span)
        ? DeletionTime.None
        : RowKey.CoveringOf(key.Span, PartitionAround(key.Span).After);

    /// <summary>Ends the work; what would become too large, or null when nothing does and it may be written.</summary>
    internal string? Finish()
    {
        var writer = state.Scratch;
        foreach (var partition in _partitions)
        {
            if (partition.After.Ranges.Length > EventualRecords.RangeDeletionsMax)
            {
                return $"a partition remembers at most {EventualRecords.RangeDeletionsMax} deleted ranges";
            }

            if (ReferenceEquals(partition.Before, partition.After))
            {
                continue;
            }

            var before = EventualRecords.Encode(partition.Before, writer);
            writer.Reset();
            partition.After.Write(writer);
            partition.IsChanged = !writer.Written.SequenceEqual(before);
            if (writer.Length > Limits.ValueBytesMax / 2)
            {
                return $"the deleted ranges of a partition have at most {Limits.ValueBytesMax / 2} bytes";
            }
        }

        foreach (var row in _rows)
        {
            if (!ReferenceEquals(row.After, row.IsEncoded))
            {
                row.Encoded = row.After.IsEmpty ? [] : EventualRecords.Encode(row.After, writer);
            }

            var fault = row.Encoded.Length > Limits.ValueBytesMax
                ? $"a row would have {row.Encoded.Length} bytes, the limit is {Limits.ValueBytesMax}"
                : row.After.Cells.Length > Limits.RowCellsMax ? $"a row has at most {Limits.RowCellsMax} cells"
                : row.After.ColumnDeletions.Length > Limits.RowColumnsMax ? $"a row has at most {Limits.RowColumnsMax} columns"
                : null;
            if (fault is not null)
            {
                return fault;
            }
        }

        return null;
    }

    /// <summary>Writes all of it into the state; false when it was all there.</summary>
    internal bool Write(HybridTime now)
    {
        var isNew = truncates;
        if (truncates)
        {
            state.ClearRows(now);
        }

        foreach (var partition in _partitions)
        {
            if (partition.IsChanged)
            {
                isNew = true;
                state.PutDeletions(partition.Key, partition.After, isSwept: false, now);
            }
        }

        foreach (var row in _rows)
        {
            if (!row.Encoded.Span.SequenceEqual(row.Stored.Span))
            {
                isNew = true;
                state.PutRow(row.Key, row.After, row.Encoded, now);
                if (RowKey.IsOfRecord(row.Key.Span))
                {
                    // Remembered for longer than the command.
                    var key = KeptBytes.Copy(row.Key.Span[RowKey.RecordHeadBytes..]);
                    state.History.Add(new RecordChange(now, ChangeKind.Put, key, KeptBytes.Of(row.Encoded)));
                }
            }
        }

        return isNew;
    }

    // No partition had anything deleted before, and none has by this.
    private bool IsNothingCovered => _partitions.Count == 0 && (truncates || !state.HasDeletions);

    private RowChange MergeRow(ReadOnlyMemory<byte> key, RowData row)
    {
        var change = RowOf(key);
        var uncovered = row.Without(CoveringOf(key));
        change.After = LastArrivalWins ? uncovered : RowData.Merge(change.After, uncovered);
        return change;
    }

    // Rows of one partition mostly come one after the other.
    private PartitionChange PartitionAround(ReadOnlySpan<byte> row)
    {
        var prefixBytes = RowKey.PrefixBytes(row);
        return _lastPartition is { } last && last.Key.Length == prefixBytes + 1 && last.Key.Span.StartsWith(row[..prefixBytes])
            ? last : PartitionOf(RowKey.PartitionOf(row));
    }

    private PartitionChange PartitionOf(ReadOnlyMemory<byte> key)
    {
        var partition = _partitionsByKey is { } byKey ? byKey.GetValueOrDefault(new ByteKey(key)) : null;
        for (var i = 0; partition is null && _partitionsByKey is null && i < _partitions.Count; i++)
        {
            partition = _partitions[i].Key.Span.SequenceEqual(key.Span) ? _partitions[i] : null;
        }

        if (partition is null)
        {
            var deletions = truncates ? PartitionDeletions.None : state.GetDeletions(key, out _);
            partition = new PartitionChange(key, deletions) { After = deletions };
            _partitions.Add(partition);
            if (_partitions.Count == LookedThroughMax)
            {
                _partitionsByKey = _partitions.ToDictionary(static change => new ByteKey(change.Key));
            }
            else
            {
                _partitionsByKey?.Add(new ByteKey(key), partition);
            }
        }

        return _lastPartition = partition;
    }

    private RowChange RowOf(ReadOnlyMemory<byte> key)
    {
        var row = _rowsByKey is { } byKey ? byKey.GetValueOrDefault(new ByteKey(key)) : null;
        for (var i = 0; row is null && _rowsByKey is null && i < _rows.Count; i++)
        {
            row = _rows[i].Key.Span.SequenceEqual(key.Span) ? _rows[i] : null;
        }

        if (row is null)
        {
            var stored = truncates ? default : state.GetValue(key);
            var before = stored.IsEmpty ? RowData.Empty : EventualRecords.Stored.RowOf(stored);
            row = new RowChange(key, stored) { After = before.Without(CoveringOf(key)) };
            _rows.Add(row);
            if (_rows.Count == LookedThroughMax)
            {
                _rowsByKey = _rows.ToDictionary(static change => new ByteKey(change.Key));
            }
            else
            {
                _rowsByKey?.Add(new ByteKey(key), row);
            }
        }

        return row;
    }

    private sealed class PartitionChange(ReadOnlyMemory<byte> key, PartitionDeletions before)
    {
        internal ReadOnlyMemory<byte> Key => key;

        internal PartitionDeletions Before => before;

        internal required PartitionDeletions After { get; set; }

        internal bool IsChanged { get; set; }
    }

    private sealed class RowChange(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> stored)
    {
        internal ReadOnlyMemory<byte> Key => key;

        /// <summary>The row's bytes before; empty when it was not there.</summary>
        internal ReadOnlyMemory<byte> Stored => stored;

        internal required RowData After { get; set; }

        /// <summary>The row's bytes after; empty when it is not there.</summary>
        internal ReadOnlyMemory<byte> Encoded { get; set; }

        /// <summary>What <see cref="Encoded"/> are the bytes of while the row is worked out; null when they are none yet.</summary>
        internal RowData? IsEncoded { get; set; }
    }
}
