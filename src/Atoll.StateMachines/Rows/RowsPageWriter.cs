using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// A page of rows, partition by partition; it may have to wait for the disk at every step of its cursor. In a partition it reads first what
/// is known of it as a whole and its static row, also when it resumes in the middle, as all of its rows depend on them.
/// </summary>
internal sealed class RowsPageWriter
{
    private static readonly Probe CutShort = Probe.Define("rows: a page ends because of rows that are dead");

    private readonly ISortedCursor _cursor;
    private readonly RowsPlace _place;
    private readonly RowsSelection _selection;
    private readonly uint[] _columns;
    private readonly HybridTime _asOf;
    private readonly WireWriter _result;
    private readonly WireWriter _static = new(64);
    private readonly WireWriter _last = new(64);
    private readonly int _start;
    private readonly int _rowsMax;
    private readonly int _bytesMax;
    private Stage _stage = Stage.Begin;
    private byte[] _prefix = [];
    private PartitionDeletions _deletions = PartitionDeletions.None;
    private ReadOnlyMemory<byte> _after;
    private int _rowsOfPartition;
    private bool _isWritten;
    private int _rows;
    private int _steps;

    internal RowsPageWriter(ISortedCursor cursor, RowsPlace place, HybridTime asOf, WireWriter result)
    {
        _cursor = cursor;
        _place = place;
        _selection = place.Selection;
        _columns = [.. _selection.Columns];
        _asOf = asOf;
        _result = result;
        _start = result.Length;
        _rowsMax = Bounded(_selection.RowsMax, Limits.ScanRowsMax);
        _bytesMax = Bounded(_selection.PageBytesMax, Limits.ScanPageBytesMax);
    }

    private enum Stage
    {
        /// <summary>Nothing was done.</summary>
        Begin,

        /// <summary>The cursor was sent to the beginning of a partition, whichever comes.</summary>
        AtPartition,

        /// <summary>It goes over the partition's own record and the static row.</summary>
        InHead,

        /// <summary>It goes over rows.</summary>
        InRows,
    }

    /// <summary>What keeps the page from being made; null when nothing does.</summary>
    internal StoreFault? Fault => _cursor.Fault;

    private bool IsInPartition => _cursor.IsValid && _cursor.KeySpan.StartsWith(_prefix);

    private bool IsPartitionFull => _selection.RowsPerPartitionMax > 0 && _rowsOfPartition >= _selection.RowsPerPartitionMax;

    /// <summary>Takes rows until the page is full or there are no more.</summary>
    /// <returns>False when it must wait for the cursor to load.</returns>
    internal bool Run()
    {
        if (_stage == Stage.Begin)
        {
            _stage = Stage.AtPartition;
            RowsResultCodec.WriteHead(_result, RowsStatus.Ok, _asOf);
            _cursor.SeekAtOrAfter(_place.From);
        }

        while (!_cursor.IsWaiting)
        {
            if (_cursor.Fault is not null)
            {
                return true;
            }

            var isOver = _stage switch
            {
                Stage.AtPartition => EnterPartition(),
                Stage.InHead => ReadHead(),
                _ => ReadRow(),
            };
            if (isOver)
            {
                return true;
            }
        }

        return false;
    }

    private static int Bounded(int asked, int max) => asked == 0 ? max : Math.Min(asked, max);

    private bool EnterPartition()
    {
        if (!_cursor.IsValid || (!_place.To.IsEmpty && _cursor.KeySpan.SequenceCompareTo(_place.To.Span) >= 0))
        {
            return End();
        }

        _prefix = _cursor.KeySpan[..RowKey.PrefixBytes(_cursor.KeySpan)].ToArray();
        var isResumed = !_place.Resumed.IsEmpty && _place.Resumed.Span.StartsWith(_prefix);
        _after = isResumed ? _place.After : default;
        _last.Reset();
        _last.WriteRaw(_after.Span);
        _rowsOfPartition = isResumed ? _place.RowsBefore : 0;
        _isWritten = false;
        _deletions = PartitionDeletions.None;
        _static.Reset();
        _stage = Stage.InHead;
        return (_rows >= _rowsMax || _steps++ >= Limits.ScanRowsMax) && EndInPartition();
    }

    private bool ReadHead()
    {
        var kind = IsInPartition ? RowKey.KindOf(_cursor.KeySpan) : RowKeyKind.Row;
        switch (kind)
        {
            case RowKeyKind.Partition:
                // A copy: it is needed for longer than the cursor stands here.
                _deletions = StoredPartition.Read(_cursor.Record.Value.ToArray()).Deletions;
                _cursor.Next();
                return false;
            case RowKeyKind.Static:
                ReadStatic();
                _cursor.Next();
                return false;
            default:
                _stage = Stage.InRows;
                return SeekRows();
        }
    }

    private void ReadStatic()
    {
        var row = StoredRow.Read(_cursor.Record.Value).Row.Without(_deletions.Partition).VisibleAt(_asOf.UnixMilliseconds);
        if (_selection.WithStatic && !row.IsEmpty)
        {
            RowDataCodec.Write(_static, row.Project(_columns));
        }
    }

    private bool SeekRows()
    {
        var range = _selection.Range;
        if (range.IsNothing || IsPartitionFull)
        {
            return LeavePartition();
        }

        if (_selection.Reverse)
        {
            _ = !_after.IsEmpty ? _cursor.SeekBefore(_after)
                : !range.To.IsEmpty ? _cursor.SeekBefore(KeyOf(range.To))
                : KeyOrder.EndOfPrefix(_prefix) is { Length: > 0 } end ? _cursor.SeekBefore(end) : _cursor.SeekLast();
        }
        else if (!_after.IsEmpty)
        {
            _cursor.SeekAfter(_after);
        }
        else if (!range.From.IsEmpty)
        {
            _cursor.SeekAtOrAfter(KeyOf(range.From));
        }

        return false;
    }

    private bool ReadRow()
    {
        if (!IsInPartition || RowKey.KindOf(_cursor.KeySpan) != RowKeyKind.Row)
        {
            return LeavePartition();
        }

        var clustering = RowKey.ClusteringOf(_cursor.KeySpan);
        if (!_selection.Range.Contains(clustering) || IsPartitionFull)
        {
            return LeavePartition();
        }

        // Dead rows cost a step each but give no row: without a bound on steps, a range full of them would hold up the loop.
        if (_rows >= _rowsMax || _steps >= Limits.ScanRowsMax || !TryTake(clustering))
        {
            return EndInPartition();
        }

        _last.Reset();
        _last.WriteRaw(_cursor.KeySpan);
        _steps++;
        if (_selection.Reverse)
        {
            _cursor.Previous();
        }
        else
        {
            _cursor.Next();
        }

        return false;
    }

    private bool TryTake(ReadOnlySpan<byte> clustering)
    {
        var row = StoredRow.Read(_cursor.Record.Value).Row
            .Without(_deletions.Covering(clustering))
            .VisibleAt(_asOf.UnixMilliseconds);
        if (row.IsEmpty)
        {
            return true;
        }

        var before = _result.Length;
        WritePartition();
        RowsResultCodec.WriteRow(_result, clustering, row.Project(_columns));
        if (_rows > 0 && _result.Length - _start > _bytesMax)
        {
            _result.Truncate(before);
            return false;
        }

        _isWritten = true;
        _rows++;
        _rowsOfPartition++;
        return true;
    }

    private void WritePartition()
    {
        if (!_isWritten)
        {
            RowsResultCodec.WritePartition(
                _result, RowKey.HashOf(_prefix), _prefix.AsSpan(10), _rowsOfPartition > 0, _static.Written);
        }
    }

    // Rows and static row are done with: one that has only the static row counts as a row of the page.
    private bool LeavePartition()
    {
        if (_rowsOfPartition == 0 && _static.Length > 0)
        {
            WritePartition();
            _rows++;
        }

        _stage = Stage.AtPartition;
        if (_place.IsOnePartition)
        {
            return End();
        }

        if (IsInPartition)
        {
            var behind = KeyOrder.EndOfPrefix(_prefix);
            if (behind.Length == 0)
            {
                return End();
            }

            _cursor.SeekAtOrAfter(behind);
        }

        return false;
    }

    private bool End()
    {
        RowsResultCodec.WriteEnd(_result, default);
        return true;
    }

    private bool EndInPartition()
    {
        if (_steps >= Limits.ScanRowsMax)
        {
            CutShort.Hit();
        }

        // Where nothing of the partition was looked at, the next page begins with it.
        var resume = new WireWriter(64);
        RowsResume.Write(
            resume, _rowsOfPartition, _last.Length > 0 ? _last.Written : [.. _prefix, (byte)RowKeyKind.Partition]);
        RowsResultCodec.WriteEnd(_result, resume.Written);
        return true;
    }

    private byte[] KeyOf(ReadOnlyMemory<byte> clustering) => [.. _prefix, (byte)RowKeyKind.Row, .. clustering.Span];
}
