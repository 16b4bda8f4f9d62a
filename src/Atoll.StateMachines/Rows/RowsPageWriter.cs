using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// Where a source of rows that does not hold everything has nothing more to say, though there may be more. Every place is the first key of
/// which it says nothing; read backwards, the last of which it does.
/// </summary>
internal interface IRowsExtent
{
    /// <summary>The end of what it says of a partition's rows.</summary>
    /// <param name="prefix">What the partition's keys begin with.</param>
    /// <param name="reverse">Whether rows are read from the last on.</param>
    /// <param name="key">The row up to which it says all, included.</param>
    bool TryGetGap(ReadOnlySpan<byte> prefix, bool reverse, out ReadOnlyMemory<byte> key);

    /// <summary>The end of what it says at all, as a place to resume at: a row, or the record about a partition.</summary>
    bool TryGetEnd(out ReadOnlyMemory<byte> key);
}

/// <summary>A page of rows, as readers see them.</summary>
internal sealed class RowsPageWriter : RowsWalk
{
    private readonly uint[] _columns;
    private readonly IRowsExtent? _extent;
    private readonly WireWriter _result;
    private readonly WireWriter _static = new(64);
    private readonly int _start;
    private bool _isWritten;

    /// <param name="cursor">Goes over the records.</param>
    /// <param name="place">Where to.</param>
    /// <param name="records">What the records hold.</param>
    /// <param name="asOf">When rows must be live to be seen.</param>
    /// <param name="result">Receives the page.</param>
    /// <param name="extent">What the records say, when that is not everything.</param>
    internal RowsPageWriter(
        ISortedCursor cursor, RowsPlace place, IRowRecords records, HybridTime asOf, WireWriter result, IRowsExtent? extent = null)
        : base(cursor, place, records, asOf)
    {
        _columns = [.. Selection.Columns];
        _extent = extent;
        _result = result;
        _start = result.Length;
    }

    protected override void Begin() => RowsResultCodec.WriteHead(_result, RowsStatus.Ok, AsOf);

    protected override void Enter()
    {
        _isWritten = false;
        _static.Reset();
    }

    protected override void TakeDeletions()
    {
    }

    protected override void TakeStatic()
    {
        var row = Records.RowOf(Cursor.Record.Value).Without(Deletions.Partition).VisibleAt(AsOf.UnixMilliseconds);
        if (Selection.WithStatic && !row.IsEmpty)
        {
            RowDataCodec.Write(_static, row.Project(_columns));
        }
    }

    protected override bool TryTake(ReadOnlySpan<byte> clustering, out bool isSeen)
    {
        var row = Records.RowOf(Cursor.Record.Value)
            .Without(Deletions.Covering(clustering))
            .VisibleAt(AsOf.UnixMilliseconds);
        isSeen = !row.IsEmpty;
        if (!isSeen)
        {
            return true;
        }

        var before = _result.Length;
        WritePartition();
        RowsResultCodec.WriteRow(_result, clustering, row.Project(_columns));
        if (Rows > 0 && _result.Length - _start > BytesMax)
        {
            _result.Truncate(before);
            return false;
        }

        _isWritten = true;
        return true;
    }

    protected override void PassOver()
    {
    }

    protected override bool TryEndInGap()
    {
        if (_extent?.TryGetGap(Prefix, Selection.Reverse, out var key) != true)
        {
            return false;
        }

        EndAt(key.Span);
        return true;
    }

    // A partition that has only the static row counts as a row of the page.
    protected override bool Leave()
    {
        var isStaticOnly = RowsOfPartition == 0 && _static.Length > 0;
        if (isStaticOnly)
        {
            WritePartition();
        }

        return isStaticOnly;
    }

    protected override void End(bool isAtEnd)
    {
        if (isAtEnd && _extent?.TryGetEnd(out var key) == true)
        {
            EndAt(key.Span);
        }
        else
        {
            RowsResultCodec.WriteEnd(_result, default);
        }
    }

    // Where nothing of the partition was looked at, the next page begins with it.
    protected override void EndInPartition() =>
        EndAt(LastKey.Length > 0 ? LastKey : [.. Prefix, (byte)RowKeyKind.Partition]);

    private void EndAt(ReadOnlySpan<byte> key)
    {
        var resume = new WireWriter(64);
        RowsResume.Write(resume, RowsAt(key), key);
        RowsResultCodec.WriteEnd(_result, resume.Written);
    }

    private void WritePartition()
    {
        if (!_isWritten)
        {
            RowsResultCodec.WritePartition(
                _result, RowKey.HashOf(Prefix), Prefix.AsSpan(10), RowsOfPartition > 0, _static.Written);
        }
    }
}
