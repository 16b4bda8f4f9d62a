using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Eventual;

/// <summary>Judges the conditions of a mutation on a merged version.</summary>
public static class EventualConditions
{
    /// <summary>Whether all conditions hold.</summary>
    /// <param name="mutation">The mutation.</param>
    /// <param name="version">
    /// What <see cref="EventualQuery.WriteConditionRows"/> got, of several replicas merged. Bytes that are none count as no rows.
    /// </param>
    /// <param name="now">When.</param>
    /// <param name="result">When one does not hold, receives the result with the rows as they are; else nothing.</param>
    public static bool Judge(RowsMutation mutation, ReadOnlyMemory<byte> version, HybridTime now, WireWriter result)
    {
        _ = VersionContents.TryRead(version, out var contents, checksValues: true);
        using var cursor = new VersionCursor(contents);
        return RowConditions.Judge(mutation, Visible, now, result);

        RowData Visible(PartitionMutation partition, bool isStatic, ReadOnlyMemory<byte> clustering)
        {
            var deletions = IsAt(RowKey.OfPartition(partition.Token, partition.Key.Span))
                ? EventualRecords.OfVersions.DeletionsOf(cursor.Record.Value)
                : PartitionDeletions.None;
            var key = ParsedCommand.KeyOf(partition, isStatic, clustering);
            return IsAt(key)
                ? EventualRecords.OfVersions.RowOf(cursor.Record.Value)
                    .Without(RowKey.CoveringOf(key, deletions))
                    .VisibleAt(now.UnixMilliseconds)
                : RowData.Empty;
        }

        bool IsAt(byte[] key) => cursor.SeekAtOrAfter(key) && cursor.KeySpan.SequenceEqual(key);
    }
}
