using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;

namespace Atoll.StateMachines.Rows;

/// <summary>A row as it was after a change of it: what a shard of rows answers when it is asked for changes.</summary>
/// <param name="Key">The row's key in its shard, in whose order the rows of a shard are.</param>
/// <param name="PartitionKey">The key of its partition.</param>
/// <param name="IsStatic">Whether it is the static row of the partition.</param>
/// <param name="Clustering">Its clustering key; empty for a static row, and without clustering columns.</param>
/// <param name="Row">What a reader saw of it; empty when it was gone.</param>
public sealed record RowImage(
    ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> PartitionKey, bool IsStatic, ReadOnlyMemory<byte> Clustering, RowData Row)
{
    /// <summary>Reads the row of a change that has a key.</summary>
    /// <returns>False when it is the change of no row.</returns>
    public static bool TryRead(in RecordChange change, out RowImage image)
    {
        image = null!;
        var key = change.Key;
        if (!RowKey.IsKey(key.Span) || RowKey.KindOf(key.Span) == RowKeyKind.Partition)
        {
            return false;
        }

        var stored = default(StoredRow);
        var isPut = change.Kind == ChangeKind.Put;
        if (isPut && !StoredRow.TryRead(change.Value, out stored))
        {
            return false;
        }

        var clustering = key[^RowKey.ClusteringOf(key.Span).Length..];
        var partition = key.Slice(RowKey.HeadBytes, RowKey.PartitionKeyOf(key.Span).Length);
        image = new RowImage(
            key, partition, RowKey.KindOf(key.Span) == RowKeyKind.Static, clustering,
            isPut ? stored.Row.VisibleAt(change.Version.UnixMilliseconds) : RowData.Empty);
        return true;
    }
}
