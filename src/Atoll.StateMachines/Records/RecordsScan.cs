using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>A page of records that is being written; it may have to wait for the disk on its way.</summary>
internal sealed class RecordsScan(ISortedCursor cursor, ScanQuery scan, HybridTime now, WireWriter result)
{
    private readonly WireWriter _last = new(64);
    private readonly int _start = result.Length;
    private bool _isSought;
    private int _rows;
    private int _steps;

    /// <summary>What keeps the page from being written; null when nothing does.</summary>
    internal StoreFault? Fault => cursor.Fault;

    /// <summary>Writes rows until the page is full or the range is over.</summary>
    /// <returns>False when it must wait for the cursor to load.</returns>
    internal bool Run()
    {
        if (!_isSought)
        {
            _isSought = true;
            RecordsResultCodec.WriteHead(result, RecordsStatus.Ok, now);
            SeekStart();
        }

        while (true)
        {
            if (cursor.IsWaiting)
            {
                return false;
            }

            if (cursor.Fault is not null)
            {
                return true;
            }

            // Expired records cost a step each but give no row: without a bound on steps, a range full of them would hold up the loop.
            var isInside = cursor.IsValid && IsInside(cursor.KeySpan);
            if (!isInside || _rows >= scan.RowsMax || _steps >= Limits.ScanRowsMax || !TryTake())
            {
                RecordsResultCodec.WriteRowsEnd(result, isInside, _last.Written);
                return true;
            }

            _steps++;
            if (scan.Reverse)
            {
                cursor.Previous();
            }
            else
            {
                cursor.Next();
            }
        }
    }

    private bool TryTake()
    {
        var key = cursor.KeySpan;
        var record = cursor.Record;
        if (!record.IsExpired(now))
        {
            var size = key.Length + (scan.KeysOnly ? 0 : record.Value.Length);
            if (_rows > 0 && result.Length - _start + size > scan.PageBytesMax)
            {
                return false;
            }

            RecordsResultCodec.WriteRow(result, key, record, scan.KeysOnly);
            _rows++;
        }

        _last.Reset();
        _last.WriteRaw(key);
        return true;
    }

    private void SeekStart()
    {
        if (scan.Reverse)
        {
            _ = !scan.After.IsEmpty && (scan.To.IsEmpty || KeyOrder.Instance.Compare(scan.After, scan.To) < 0)
                ? cursor.SeekBefore(scan.After)
                : scan.To.IsEmpty ? cursor.SeekLast() : cursor.SeekBefore(scan.To);
        }
        else
        {
            _ = !scan.After.IsEmpty && KeyOrder.Instance.Compare(scan.After, scan.From) >= 0
                ? cursor.SeekAfter(scan.After)
                : cursor.SeekAtOrAfter(scan.From);
        }
    }

    private bool IsInside(ReadOnlySpan<byte> key) => scan.Reverse
        ? key.SequenceCompareTo(scan.From.Span) >= 0
        : scan.To.IsEmpty || key.SequenceCompareTo(scan.To.Span) < 0;
}
