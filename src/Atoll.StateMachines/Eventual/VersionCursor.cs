using Atoll.Foundation.Time;
using Atoll.StateMachines.Rows;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Eventual;

/// <summary>A version as a shard's records: what a read of a shard goes over.</summary>
internal sealed class VersionCursor(VersionContents version) : ISortedCursor, IRowsExtent
{
    private int _position = -1;

    public bool IsValid => _position >= 0 && _position < version.Records.Count;

    public bool IsWaiting => false;

    public StoreFault? Fault => null;

    public ReadOnlyMemory<byte> Key => version.Records[_position].Key;

    public ReadOnlySpan<byte> KeySpan => Key.Span;

    public StoredRecord Record => new(HybridTime.Zero, HybridTime.Zero, version.Records[_position].Value);

    public StoredRecord Head => Record.WithoutValue();

    public ReadOnlySpan<byte> ValueSpan => version.Records[_position].Value.Span;

    public bool SeekFirst() => GoTo(0);

    public bool SeekLast() => GoTo(version.Records.Count - 1);

    public bool SeekAtOrAfter(ReadOnlyMemory<byte> key) => GoTo(LowerBound(key, isBehind: false));

    public bool SeekAfter(ReadOnlyMemory<byte> key) => GoTo(LowerBound(key, isBehind: true));

    public bool SeekAtOrBefore(ReadOnlyMemory<byte> key) => GoTo(LowerBound(key, isBehind: true) - 1);

    public bool SeekBefore(ReadOnlyMemory<byte> key) => GoTo(LowerBound(key, isBehind: false) - 1);

    public bool Next() => GoTo(_position + 1);

    public bool Previous() => GoTo(_position - 1);

    public bool Load(Action ready) => true;

    public void Dispose()
    {
    }

    public bool TryGetGap(ReadOnlySpan<byte> prefix, bool reverse, out ReadOnlyMemory<byte> key)
    {
        key = default;
        if (reverse)
        {
            key = version.From.Span.StartsWith(prefix) ? version.From : default;
            return !key.IsEmpty;
        }

        foreach (var gap in version.Gaps)
        {
            if (gap.Span.StartsWith(prefix))
            {
                key = gap[..^1];
                return true;
            }
        }

        if (version.End.Span.StartsWith(prefix) && RowKey.KindOf(version.End.Span) == RowKeyKind.Row)
        {
            key = version.End[..^1];
        }

        return !key.IsEmpty;
    }

    public bool TryGetEnd(out ReadOnlyMemory<byte> key)
    {
        key = version.End.IsEmpty || RowKey.KindOf(version.End.Span) == RowKeyKind.Partition ? version.End : version.End[..^1];
        return !key.IsEmpty;
    }

    private bool GoTo(int position)
    {
        _position = Math.Clamp(position, -1, version.Records.Count);
        return IsValid;
    }

    private int LowerBound(ReadOnlyMemory<byte> key, bool isBehind)
    {
        var low = 0;
        var high = version.Records.Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            var order = version.Records[middle].Key.Span.SequenceCompareTo(key.Span);
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
