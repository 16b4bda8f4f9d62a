using Atoll.Foundation.Time;
using Atoll.StateMachines.Rows;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Eventual;

/// <summary>A version as a shard's records: what a read of a shard goes over.</summary>
internal sealed class VersionCursor(VersionContents version) : ListCursor, IRowsExtent
{
    protected override int Count => version.Records.Count;

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

    protected override ReadOnlyMemory<byte> KeyAt(int position) => version.Records[position].Key;

    protected override StoredRecord RecordAt(int position) => new(HybridTime.Zero, HybridTime.Zero, version.Records[position].Value);
}
