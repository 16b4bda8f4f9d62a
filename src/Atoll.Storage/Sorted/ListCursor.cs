using Atoll.Storage.Lsm;

namespace Atoll.Storage.Sorted;

/// <summary>A cursor over records that stand in memory one after the other, in the order of their keys: it never waits.</summary>
public abstract class ListCursor : ISortedCursor
{
    private int _position = -1;

    /// <inheritdoc />
    public bool IsValid => _position >= 0 && _position < Count;

    /// <inheritdoc />
    public bool IsWaiting => false;

    /// <inheritdoc />
    public StoreFault? Fault => null;

    /// <inheritdoc />
    public ReadOnlyMemory<byte> Key => KeyAt(_position);

    /// <inheritdoc />
    public ReadOnlySpan<byte> KeySpan => Key.Span;

    /// <inheritdoc />
    public StoredRecord Record => RecordAt(_position);

    /// <inheritdoc />
    public StoredRecord Head => Record.WithoutValue();

    /// <inheritdoc />
    public ReadOnlySpan<byte> ValueSpan => Record.Value.Span;

    /// <summary>How many records there are.</summary>
    protected abstract int Count { get; }

    /// <inheritdoc />
    public bool SeekFirst() => GoTo(0);

    /// <inheritdoc />
    public bool SeekLast() => GoTo(Count - 1);

    /// <inheritdoc />
    public bool SeekAtOrAfter(ReadOnlyMemory<byte> key) => GoTo(LowerBound(key, isBehind: false));

    /// <inheritdoc />
    public bool SeekAfter(ReadOnlyMemory<byte> key) => GoTo(LowerBound(key, isBehind: true));

    /// <inheritdoc />
    public bool SeekAtOrBefore(ReadOnlyMemory<byte> key) => GoTo(LowerBound(key, isBehind: true) - 1);

    /// <inheritdoc />
    public bool SeekBefore(ReadOnlyMemory<byte> key) => GoTo(LowerBound(key, isBehind: false) - 1);

    /// <inheritdoc />
    public bool Next() => GoTo(_position + 1);

    /// <inheritdoc />
    public bool Previous() => GoTo(_position - 1);

    /// <inheritdoc />
    public bool Load(Action ready) => true;

    /// <inheritdoc />
    public void Dispose() => GC.SuppressFinalize(this);

    /// <summary>The key of a record, by its place.</summary>
    protected abstract ReadOnlyMemory<byte> KeyAt(int position);

    /// <summary>A record, by its place.</summary>
    protected abstract StoredRecord RecordAt(int position);

    private bool GoTo(int position)
    {
        _position = Math.Clamp(position, -1, Count);
        return IsValid;
    }

    private int LowerBound(ReadOnlyMemory<byte> key, bool isBehind)
    {
        var low = 0;
        var high = Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            var order = KeyAt(middle).Span.SequenceCompareTo(key.Span);
            if (order < 0 || (order == 0 && isBehind))
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
