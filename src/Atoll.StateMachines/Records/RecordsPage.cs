using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>An answer that is made of the records of a range, one after the other; it may have to wait for the disk on its way.</summary>
/// <param name="cursor">Over the records.</param>
/// <param name="range">The range, where the page before ended, and the direction.</param>
internal abstract class RecordsPage(ISortedCursor cursor, ScanQuery range)
{
    private readonly WireWriter _last = new(64);
    private bool _isSought;
    private int _steps;

    /// <summary>What was asked for.</summary>
    protected ScanQuery Range { get; } = range;

    /// <summary>What keeps the page from being made; null when nothing does.</summary>
    internal StoreFault? Fault => cursor.Fault;

    /// <summary>Takes records until the page is full or the range is over.</summary>
    /// <returns>False when it must wait for the cursor to load.</returns>
    internal bool Run()
    {
        if (!_isSought)
        {
            _isSought = true;
            Begin();
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
            if (!isInside || _steps >= Limits.ScanRowsMax || !TryTake(cursor.KeySpan, cursor.Head, cursor.ValueSpan))
            {
                End(isInside, _last.Written);
                return true;
            }

            _last.Reset();
            _last.WriteRaw(cursor.KeySpan);
            _steps++;
            if (Range.Reverse)
            {
                cursor.Previous();
            }
            else
            {
                cursor.Next();
            }
        }
    }

    /// <summary>Writes what comes before the first record.</summary>
    protected abstract void Begin();

    /// <summary>Takes a record; false when the page is full without it.</summary>
    protected abstract bool TryTake(ReadOnlySpan<byte> key, in StoredRecord head, ReadOnlySpan<byte> value);

    /// <summary>Writes what comes behind the last record.</summary>
    protected abstract void End(bool more, ReadOnlySpan<byte> resumeAfter);

    private void SeekStart()
    {
        if (Range.Reverse)
        {
            _ = !Range.After.IsEmpty && (Range.To.IsEmpty || KeyOrder.Instance.Compare(Range.After, Range.To) < 0)
                ? cursor.SeekBefore(Range.After)
                : Range.To.IsEmpty ? cursor.SeekLast() : cursor.SeekBefore(Range.To);
        }
        else
        {
            _ = !Range.After.IsEmpty && KeyOrder.Instance.Compare(Range.After, Range.From) >= 0
                ? cursor.SeekAfter(Range.After)
                : cursor.SeekAtOrAfter(Range.From);
        }
    }

    private bool IsInside(ReadOnlySpan<byte> key) => Range.Reverse
        ? key.SequenceCompareTo(Range.From.Span) >= 0
        : Range.To.IsEmpty || key.SequenceCompareTo(Range.To.Span) < 0;
}
