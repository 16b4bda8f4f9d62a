using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// The way of a read over a shard's records, partition by partition; it may have to wait for the disk at every step of its cursor. In a
/// partition it reads first what is known of it as a whole and its static row, also when it resumes in the middle, as all of its rows
/// depend on them. What becomes of what it meets is the derived type's.
/// </summary>
internal abstract class RowsWalk
{
    private static readonly Probe CutShort = Probe.Define("rows: a page ends because of rows that are dead");

    private readonly RowsPlace _place;
    private readonly int _rowsMax;
    private readonly WireWriter _last = new(64);
    private Stage _stage = Stage.Begin;
    private ReadOnlyMemory<byte> _after;
    private int _steps;

    /// <param name="cursor">Goes over the records.</param>
    /// <param name="place">Where to.</param>
    /// <param name="records">What the records hold.</param>
    /// <param name="asOf">When rows must be live to be seen.</param>
    protected RowsWalk(ISortedCursor cursor, RowsPlace place, IRowRecords records, HybridTime asOf)
    {
        _place = place;
        Cursor = cursor;
        Records = records;
        Selection = place.Selection;
        AsOf = asOf;
        _rowsMax = Bounded(Selection.RowsMax, Limits.ScanRowsMax);
        BytesMax = Bounded(Selection.PageBytesMax, Limits.ScanPageBytesMax);
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

    /// <summary>What keeps the read from being answered; null when nothing does.</summary>
    internal StoreFault? Fault => Cursor.Fault;

    /// <summary>The cursor.</summary>
    protected ISortedCursor Cursor { get; }

    /// <summary>What the records hold.</summary>
    protected IRowRecords Records { get; }

    /// <summary>What is read of each partition.</summary>
    protected RowsSelection Selection { get; }

    /// <summary>When rows must be live to be seen.</summary>
    protected HybridTime AsOf { get; }

    /// <summary>Bytes of an answer that holds more than one row.</summary>
    protected int BytesMax { get; }

    /// <summary>What all keys of the partition begin with.</summary>
    protected byte[] Prefix { get; private set; } = [];

    /// <summary>What was deleted of the partition.</summary>
    protected PartitionDeletions Deletions { get; private set; } = PartitionDeletions.None;

    /// <summary>Rows that were seen, over all partitions.</summary>
    protected int Rows { get; private set; }

    /// <summary>Rows of the partition that were seen, on pages before and on this one.</summary>
    protected int RowsOfPartition { get; private set; }

    /// <summary>The last row of the partition that was looked at, on pages before or on this one; empty when there was none.</summary>
    protected ReadOnlySpan<byte> LastKey => _last.Written;

    private bool IsInPartition => Cursor.IsValid && Cursor.KeySpan.StartsWith(Prefix);

    private bool IsPartitionFull => Selection.RowsPerPartitionMax > 0 && RowsOfPartition >= Selection.RowsPerPartitionMax;

    /// <summary>Goes on until the answer is full or there is nothing more.</summary>
    /// <returns>False when it must wait for the cursor to load.</returns>
    internal bool Run()
    {
        if (_stage == Stage.Begin)
        {
            _stage = Stage.AtPartition;
            Begin();
            Cursor.SeekAtOrAfter(_place.From);
        }

        while (!Cursor.IsWaiting)
        {
            if (Cursor.Fault is not null)
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

    /// <summary>Right before everything.</summary>
    protected abstract void Begin();

    /// <summary>A partition begins.</summary>
    protected abstract void Enter();

    /// <summary>The cursor stands on the record about the partition.</summary>
    protected abstract void TakeDeletions();

    /// <summary>The cursor stands on the static row.</summary>
    protected abstract void TakeStatic();

    /// <summary>The cursor stands on a row.</summary>
    /// <param name="clustering">Its key.</param>
    /// <param name="isSeen">Whether a reader sees it.</param>
    /// <returns>False when it does not fit into the answer, which ends before it.</returns>
    protected abstract bool TryTake(ReadOnlySpan<byte> clustering, out bool isSeen);

    /// <summary>The partition has more rows, but as many as wanted were seen.</summary>
    protected abstract void PassOver();

    /// <summary>Whether the source says nothing about the partition's rows from here on: then the answer was ended here.</summary>
    protected abstract bool TryEndInGap();

    /// <summary>The partition is over.</summary>
    /// <returns>Whether it counts as a row of the answer, although none of its rows was seen.</returns>
    protected abstract bool Leave();

    /// <summary>Everything was read.</summary>
    /// <param name="isAtEnd">Whether it ended because there are no more records.</param>
    protected abstract void End(bool isAtEnd);

    /// <summary>The answer is full, in the middle of a partition or, when nothing of it was looked at, before it.</summary>
    protected abstract void EndInPartition();

    /// <summary>Rows of the partition of a key that were seen so far.</summary>
    protected int RowsAt(ReadOnlySpan<byte> key) =>
        Prefix.Length > 0 && key.StartsWith(Prefix) ? RowsOfPartition
        : !_place.Resumed.IsEmpty && key.StartsWith(_place.Resumed.Span[..^1]) ? _place.RowsBefore : 0;

    private static int Bounded(int asked, int max) => asked == 0 ? max : Math.Min(asked, max);

    private bool EnterPartition()
    {
        if (!Cursor.IsValid || (!_place.To.IsEmpty && Cursor.KeySpan.SequenceCompareTo(_place.To.Span) >= 0))
        {
            End(!Cursor.IsValid);
            return true;
        }

        Prefix = Cursor.KeySpan[..RowKey.PrefixBytes(Cursor.KeySpan)].ToArray();
        var isResumed = !_place.Resumed.IsEmpty && _place.Resumed.Span.StartsWith(Prefix);
        _after = isResumed ? _place.After : default;
        _last.Reset();
        _last.WriteRaw(_after.Span);
        RowsOfPartition = isResumed ? _place.RowsBefore : 0;
        Deletions = PartitionDeletions.None;
        Enter();
        _stage = Stage.InHead;
        if (Rows < _rowsMax && _steps++ < Limits.ScanRowsMax)
        {
            return false;
        }

        return IsFull();
    }

    private bool ReadHead()
    {
        var kind = IsInPartition ? RowKey.KindOf(Cursor.KeySpan) : RowKeyKind.Row;
        switch (kind)
        {
            case RowKeyKind.Partition:
                // A copy: it is needed for longer than the cursor stands here.
                Deletions = Records.DeletionsOf(Cursor.Record.Value.ToArray());
                TakeDeletions();
                Cursor.Next();
                return false;
            case RowKeyKind.Static:
                TakeStatic();
                Cursor.Next();
                return false;
            default:
                _stage = Stage.InRows;
                return SeekRows();
        }
    }

    private bool SeekRows()
    {
        var range = Selection.Range;
        if (range.IsNothing || IsPartitionFull)
        {
            return LeavePartition();
        }

        if (Selection.Reverse)
        {
            _ = !_after.IsEmpty ? Cursor.SeekBefore(_after)
                : !range.To.IsEmpty ? Cursor.SeekBefore(KeyOf(range.To))
                : KeyOrder.EndOfPrefix(Prefix) is { Length: > 0 } end ? Cursor.SeekBefore(end) : Cursor.SeekLast();
        }
        else if (!_after.IsEmpty)
        {
            Cursor.SeekAfter(_after);
        }
        else if (!range.From.IsEmpty)
        {
            Cursor.SeekAtOrAfter(KeyOf(range.From));
        }

        return false;
    }

    private bool ReadRow()
    {
        if (!IsInPartition || RowKey.KindOf(Cursor.KeySpan) != RowKeyKind.Row)
        {
            return (!IsPartitionFull && TryEndInGap()) || LeavePartition();
        }

        var clustering = RowKey.ClusteringOf(Cursor.KeySpan);
        if (!Selection.Range.Contains(clustering))
        {
            return LeavePartition();
        }

        if (IsPartitionFull)
        {
            PassOver();
            return LeavePartition();
        }

        // Dead rows cost a step each but give no row: without a bound on steps, a range full of them would hold up the loop.
        if (Rows >= _rowsMax || _steps >= Limits.ScanRowsMax || !TryTake(clustering, out var isSeen))
        {
            return IsFull();
        }

        Rows += isSeen ? 1 : 0;
        RowsOfPartition += isSeen ? 1 : 0;
        _last.Reset();
        _last.WriteRaw(Cursor.KeySpan);
        _steps++;
        if (Selection.Reverse)
        {
            Cursor.Previous();
        }
        else
        {
            Cursor.Next();
        }

        return false;
    }

    private bool LeavePartition()
    {
        Rows += Leave() ? 1 : 0;
        _stage = Stage.AtPartition;
        if (_place.IsOnePartition)
        {
            End(isAtEnd: false);
            return true;
        }

        if (IsInPartition)
        {
            var behind = KeyOrder.EndOfPrefix(Prefix);
            if (behind.Length == 0)
            {
                End(isAtEnd: false);
                return true;
            }

            Cursor.SeekAtOrAfter(behind);
        }

        return false;
    }

    private bool IsFull()
    {
        if (_steps >= Limits.ScanRowsMax)
        {
            CutShort.Hit();
        }

        EndInPartition();
        return true;
    }

    private byte[] KeyOf(ReadOnlyMemory<byte> clustering) => [.. Prefix, (byte)RowKeyKind.Row, .. clustering.Span];
}
