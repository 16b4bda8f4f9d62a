using Atoll.Foundation;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// What a mutation makes of the rows that it touches, worked out beside the state: it is written when all of it is known to be good. All
/// operations see the rows as they were before the command.
/// </summary>
/// <remarks>
/// An operation without a timestamp gets one above everything that was acknowledged before and that it touches. That is the shard's own,
/// which grows with every command, unless a client gave a higher one: the partition remembers that (<see
/// cref="StoredPartition.AheadMicros"/>), and then the cells that the operation touches are looked at. So a write never loses to an earlier
/// one, however far ahead the clock was that the earlier one came with.
/// </remarks>
internal sealed class RowsChange
{
    private static readonly Probe Ahead = Probe.Define("rows: a write without a timestamp meets one from a clock that is ahead");

    private readonly RowsState _state;
    private readonly HybridTime _now;
    private readonly long _shardMicros;
    private readonly int _graceSeconds;
    private readonly bool _looksAhead;
    private readonly List<RowChange> _rows = [];
    private readonly Dictionary<ByteKey, RowChange> _rowsByKey = [];
    private readonly List<(byte[] Key, StoredPartition Partition)> _partitions = [];

    /// <param name="state">The rows before the command.</param>
    /// <param name="now">The command's time.</param>
    /// <param name="graceSeconds">How long tombstones are kept.</param>
    /// <param name="looksAhead">False with a planted bug only: timestamps above the shard's own are not looked for.</param>
    internal RowsChange(RowsState state, HybridTime now, int graceSeconds, bool looksAhead)
    {
        _looksAhead = looksAhead;
        _state = state;
        _now = now;
        _graceSeconds = graceSeconds;
        _shardMicros = Math.Max(now.UnixMilliseconds * 1000, state.LastTimestampMicros + 1);
    }

    /// <summary>What would become too large; null as long as nothing does.</summary>
    internal string? Fault { get; private set; }

    /// <summary>Works out what the operations on one partition do; each partition comes once.</summary>
    internal void Add(PartitionMutation partition)
    {
        var key = RowKey.OfPartition(partition.Token, partition.Key.Span);
        var before = _state.GetPartition(key);
        var ahead = _looksAhead && before.AheadMicros >= _shardMicros ? before.AheadMicros : RowTimestamp.None;
        if (ahead != RowTimestamp.None)
        {
            Ahead.Hit();
        }

        var deletions = PartitionDeletions.None;
        var highest = RowTimestamp.None;
        var firstRow = _rows.Count;
        foreach (var operation in partition.Operations)
        {
            switch (operation.Kind)
            {
                case RowOperationKind.DeletePartition or RowOperationKind.DeleteRange:
                    var deletion = new DeletionTime(
                        operation.TimestampMicros ?? Math.Max(_shardMicros, ahead + 1), _now.UnixMilliseconds);
                    highest = Math.Max(highest, deletion.TimestampMicros);
                    deletions = PartitionDeletions.Merge(deletions, operation.Kind == RowOperationKind.DeletePartition
                        ? PartitionDeletions.OfPartition(deletion)
                        : PartitionDeletions.OfRange(operation.Range, deletion));
                    break;
                default:
                    var row = RowOf(partition, operation, before.Deletions);
                    var update = new RowUpdate(operation, row, _shardMicros, isAhead: ahead != RowTimestamp.None, _now).Make();
                    highest = Math.Max(highest, update.HighestTimestampMicros);
                    row.After = RowData.Merge(row.After, update);
                    break;
            }
        }

        var after = PartitionDeletions.Merge(before.Deletions, deletions);
        for (var i = firstRow; i < _rows.Count; i++)
        {
            _rows[i].After = _rows[i].After.Without(_rows[i].Covering(after));
        }

        ahead = Math.Max(ahead, highest > _shardMicros ? highest : RowTimestamp.None);
        AddPartition(key, before, after, !deletions.IsNone, ahead);
    }

    /// <summary>Writes all of it into the state; false when something would become too large, and nothing was written.</summary>
    internal bool TryWrite()
    {
        var encoded = new byte[]?[_rows.Count];
        for (var i = 0; i < _rows.Count && Fault is null; i++)
        {
            var row = _rows[i];
            if (!row.After.IsEmpty)
            {
                encoded[i] = _state.Encode(new StoredRow(_graceSeconds, row.After));
                Fault = encoded[i]!.Length > Limits.ValueBytesMax
                    ? $"a row would have {encoded[i]!.Length} bytes, the limit is {Limits.ValueBytesMax}"
                    : row.After.Cells.Length > Limits.RowCellsMax ? $"a row has at most {Limits.RowCellsMax} cells"
                    : row.After.ColumnDeletions.Length > Limits.RowColumnsMax ? $"a row has at most {Limits.RowColumnsMax} columns"
                    : null;
            }
        }

        if (Fault is not null)
        {
            return false;
        }

        foreach (var (key, partition) in _partitions)
        {
            _state.Put(key, partition, _now);
        }

        for (var i = 0; i < _rows.Count; i++)
        {
            if (encoded[i] is { } bytes)
            {
                _state.PutRow(_rows[i].Key, new StoredRow(_graceSeconds, _rows[i].After), bytes, _now);
            }
            else
            {
                _state.RemoveIfThere(_rows[i].Key, _now);
            }

            Tell(_rows[i], encoded[i]);
        }

        Check.That(_shardMicros > _state.LastTimestampMicros);
        _state.LastTimestampMicros = _shardMicros;
        return true;
    }

    // Each write of a row that is seen then, and the end of one that was: what is deleted although nobody saw it is told to nobody.
    private void Tell(RowChange row, byte[]? encoded)
    {
        if (!row.After.VisibleAt(_now.UnixMilliseconds).IsEmpty)
        {
            _state.History.Add(new RecordChange(_now, ChangeKind.Put, row.Key, encoded));
        }
        else if (row.WasSeen)
        {
            _state.History.Add(new RecordChange(_now, ChangeKind.Delete, row.Key, default));
        }
    }

    private void AddPartition(byte[] key, StoredPartition before, PartitionDeletions deletions, bool isDeleted, long aheadMicros)
    {
        if (deletions.Ranges.Length > Limits.RangeDeletionsMax)
        {
            Fault = $"a partition remembers at most {Limits.RangeDeletionsMax} deleted ranges";
        }
        else if (deletions.Ranges.Sum(static range => (long)range.From.Length + range.To.Length) > Limits.ValueBytesMax / 2)
        {
            Fault = $"the deleted ranges of a partition have at most {Limits.ValueBytesMax / 2} bytes of keys";
        }

        if (isDeleted || aheadMicros != before.AheadMicros)
        {
            _partitions.Add((key, new StoredPartition(deletions, aheadMicros, before.IsSwept && !isDeleted, _graceSeconds)));
        }
    }

    private RowChange RowOf(PartitionMutation partition, RowOperation operation, PartitionDeletions deletions)
    {
        var key = ParsedCommand.KeyOf(partition, operation.IsStatic, operation.Clustering);
        if (!_rowsByKey.TryGetValue(new ByteKey(key), out var row))
        {
            var stored = _state.Records.TryGet(key, out var record) ? StoredRow.Read(record.Value).Row : RowData.Empty;
            row = new RowChange(key, operation, deletions, stored)
            {
                WasSeen = !stored.VisibleAt(record.Version.UnixMilliseconds).IsEmpty,
            };
            _rows.Add(row);
            _rowsByKey.Add(new ByteKey(key), row);
        }

        return row;
    }
}

/// <summary>One row that a command touches.</summary>
internal sealed class RowChange
{
    private readonly RowOperation _operation;

    internal RowChange(byte[] key, RowOperation operation, PartitionDeletions deletions, RowData stored)
    {
        Key = key;
        _operation = operation;
        Outer = Covering(deletions);
        Before = stored.Without(Outer);
        After = Before;
    }

    /// <summary>The row's key in the tree.</summary>
    internal byte[] Key { get; }

    /// <summary>
    /// Whether readers saw the row when it was last written, so that watchers know of it. It may have died since: of what expired, and of
    /// what a range's deletion covers, they are told when it is removed.
    /// </summary>
    internal bool WasSeen { get; init; }

    /// <summary>What covered the row from outside, before the command.</summary>
    internal DeletionTime Outer { get; }

    /// <summary>The row before the command.</summary>
    internal RowData Before { get; }

    /// <summary>The row after it.</summary>
    internal RowData After { get; set; }

    /// <summary>What covers the row from outside.</summary>
    internal DeletionTime Covering(PartitionDeletions deletions) =>
        _operation.IsStatic ? deletions.Partition : deletions.Covering(_operation.Clustering.Span);
}
