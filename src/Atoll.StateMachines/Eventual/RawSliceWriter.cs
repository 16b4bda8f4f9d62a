using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Rows;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// The slice that a read is about, as a version: all that is known of it but what the partitions' deletions cover, static rows only where
/// they are wanted. Rows count as a reader of this replica alone would see them.
/// </summary>
internal sealed class RawSliceWriter : RowsWalk
{
    private readonly WireWriter _result;
    private readonly WireWriter _scratch = new();
    private readonly int _start;
    private readonly Stack<(byte[] Key, byte[] Value)> _backwards = new();
    private byte[] _gapFrom = [];
    private int _backwardsBytes;
    private int _headAt;
    private bool _hasLiveStatic;
    private bool _hasRows;
    private bool _isEmpty = true;

    /// <param name="cursor">Goes over the records.</param>
    /// <param name="place">Where to.</param>
    /// <param name="asOf">When rows must be live to be counted.</param>
    /// <param name="result">Receives the version.</param>
    internal RawSliceWriter(ISortedCursor cursor, RowsPlace place, HybridTime asOf, WireWriter result)
        : base(cursor, place, EventualRecords.Stored, asOf)
    {
        _result = result;
        _start = result.Length;
    }

    protected override void Begin() => VersionContents.WriteHead(_result);

    protected override void Enter()
    {
        _hasLiveStatic = false;
        _headAt = _result.Length;
    }

    protected override void TakeDeletions() =>
        Write(Cursor.KeySpan, EventualRecords.InVersion(Cursor.KeySpan, Cursor.Record.Value).Span);

    protected override void TakeStatic()
    {
        if (!Selection.WithStatic)
        {
            return;
        }

        var value = Cursor.Record.Value;
        var stored = Records.RowOf(value);
        var row = stored.Without(Deletions.Partition);
        _hasLiveStatic = !row.VisibleAt(AsOf.UnixMilliseconds).IsEmpty;
        Write(stored, row, value);
    }

    protected override bool TryTake(ReadOnlySpan<byte> clustering, out bool isSeen)
    {
        var value = Cursor.Record.Value;
        var stored = Records.RowOf(value);
        var row = stored.Without(Deletions.Covering(clustering));
        isSeen = !row.VisibleAt(AsOf.UnixMilliseconds).IsEmpty;
        if (Selection.Reverse)
        {
            return TryKeep(stored, row, value);
        }

        var before = _result.Length;
        Write(stored, row, value);
        if (_hasRows && _result.Length - _start > BytesMax)
        {
            _result.Truncate(before);
            return false;
        }

        _hasRows |= _result.Length > before;
        return true;
    }

    // Merged with another replica's, rows that count here may turn out to be dead: then those behind are wanted.
    protected override void PassOver()
    {
        if (LastKey.Length > 0)
        {
            _isEmpty = false;
            if (Selection.Reverse)
            {
                _gapFrom = LastKey.ToArray();
            }
            else
            {
                VersionContents.WriteGap(_result, KeyOrder.Successor(LastKey));
            }
        }
    }

    protected override bool TryEndInGap() => false;

    protected override bool Leave() => RowsOfPartition == 0 && _hasLiveStatic;

    protected override void End(bool isAtEnd) => End([], []);

    protected override void EndInPartition()
    {
        if (LastKey.Length == 0)
        {
            // The next page begins with the partition: nothing is said of it here.
            _result.Truncate(_headAt);
            End([.. Prefix, (byte)RowKeyKind.Partition], []);
        }
        else if (Selection.Reverse)
        {
            End([], LastKey.ToArray());
        }
        else
        {
            End(KeyOrder.Successor(LastKey), []);
        }
    }

    private void End(byte[] end, byte[] from)
    {
        from = from.Length > 0 ? from : _gapFrom;
        while (_backwards.TryPop(out var record))
        {
            Write(record.Key, record.Value);
        }

        if (_isEmpty && end.Length == 0 && from.Length == 0)
        {
            _result.Truncate(_start);
        }
        else
        {
            VersionContents.WriteEnd(_result, end, from);
        }
    }

    // The last comes first: in the version they stand in order.
    private bool TryKeep(RowData stored, RowData row, ReadOnlyMemory<byte> value)
    {
        if (row.IsEmpty)
        {
            return true;
        }

        var key = Cursor.KeySpan.ToArray();
        var bytes = ReferenceEquals(stored, row) ? value.ToArray() : EventualRecords.Encode(row, _scratch);
        if (_backwards.Count > 0 && _result.Length - _start + _backwardsBytes + key.Length + bytes.Length > BytesMax)
        {
            return false;
        }

        _backwardsBytes += key.Length + bytes.Length;
        _backwards.Push((key, bytes));
        return true;
    }

    private void Write(RowData stored, RowData row, ReadOnlyMemory<byte> value)
    {
        if (ReferenceEquals(stored, row))
        {
            Write(Cursor.KeySpan, value.Span);
        }
        else if (!row.IsEmpty)
        {
            _scratch.Reset();
            RowDataCodec.Write(_scratch, row);
            Write(Cursor.KeySpan, _scratch.Written);
        }
    }

    private void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        _isEmpty = false;
        VersionContents.WriteRecord(_result, key, value);
    }
}
