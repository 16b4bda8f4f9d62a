using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// Versions: what replicas of an eventual shard of rows send each other, records with all that is known of them. Layout: format (byte);
/// perhaps its basis (3, 8 bytes: <see cref="BasisOf"/>);
/// items in the order of keys: record (1, key, value), gap (2, key: nothing is said of its partition's rows from here on); the end (0): the
/// first key of which nothing is said, and of a partition that was read backwards the first row of which anything is (both empty when all
/// is). Keys are those of <c>docs/rows.md</c>; the value of a row is its <see cref="RowDataCodec"/>, that of what is known of a
/// partition its
/// <see cref="PartitionDeletions"/>. The version that says that there is nothing has no bytes.
/// </summary>
public static class RowsVersion
{
    /// <summary>What a mutation adds to what is known.</summary>
    /// <param name="partitions">
    /// The operations, without increments (<see cref="HasIncrements"/>): those go by <see cref="EventualCommand.WriteIncrement"/>.
    /// </param>
    /// <param name="timestampMicros">The timestamp of operations that bring none.</param>
    /// <param name="stamp">The mutation's stamp: carried by its deletions, rounded up; times to live count from it.</param>
    /// <param name="coordinator">
    /// Who makes it: elements that two coordinators put at the end of a list in the same microsecond get different places by it.
    /// </param>
    /// <param name="scratch">Somewhere to write to, when it is called often.</param>
    public static ReadOnlyMemory<byte> OfMutation(
        IReadOnlyList<PartitionMutation> partitions, long timestampMicros, HybridTime stamp, NodeId coordinator = default,
        WireWriter? scratch = null)
    {
        Check.That(!HasIncrements(partitions));
        if (partitions is [{ Operations: [{ Kind: RowOperationKind.Upsert or RowOperationKind.DeleteRow } only] } alone])
        {
            return OfOperation(alone, only, timestampMicros, stamp, coordinator, scratch ?? new WireWriter());
        }

        var contents = ContentsOf(partitions, timestampMicros, stamp, coordinator, scratch);
        if (!contents.Records.Exists(static record => RowKey.KindOf(record.Key.Span) == RowKeyKind.Partition))
        {
            return contents.Encode(); // nothing in it covers anything else
        }

        var merge = new VersionMerge();
        merge.Add(contents);
        return merge.Merged().Encode();
    }

    /// <summary>Whether a mutation adds to a counter.</summary>
    public static bool HasIncrements(IReadOnlyList<PartitionMutation> partitions)
    {
        for (var i = 0; i < partitions.Count; i++)
        {
            for (var j = 0; j < partitions[i].Operations.Count; j++)
            {
                if (Increments(partitions[i].Operations[j]))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>
    /// Whether it says all there is in its slice. True for the empty version and for mutations, false for garbage.
    /// </summary>
    public static bool IsComplete(ReadOnlyMemory<byte> version) =>
        VersionContents.TryRead(version, out var contents, checksValues: false) && contents.IsComplete;

    /// <summary>
    /// Checks a version that arrived: that it is one, keeps the bounds, and that all of it belongs to the shard. A version that is
    /// merged or
    /// made into pages must have been checked.
    /// </summary>
    /// <param name="version">The bytes as they arrived.</param>
    /// <param name="hashLow">The lowest routing hash of the shard.</param>
    /// <param name="hashHigh">The highest routing hash of the shard, included.</param>
    /// <param name="limits">
    /// The bounds of a key and a value: the operator's for a client's mutation, the highest ones for what other replicas have.
    /// </param>
    public static CommandFault Validate(ReadOnlyMemory<byte> version, ulong hashLow, ulong hashHigh, in RecordLimits limits)
    {
        return VersionContents.TryRead(version, out var contents, checksValues: true)
            ? ValidateRead(contents, hashLow, hashHigh, limits)
            : CommandFault.Invalid("the bytes are not a version of rows");
    }

    /// <summary>Checks a version that was read with its values.</summary>
    internal static CommandFault ValidateRead(VersionContents contents, ulong hashLow, ulong hashHigh, in RecordLimits limits)
    {
        foreach (var record in contents.Records)
        {
            if (RowKey.HashOf(record.Key.Span) is var hash && (hash < hashLow || hash > hashHigh))
            {
                return CommandFault.WrongShard("a record of the version belongs to another shard");
            }

            if (record.Key.Length > limits.KeyBytesMax)
            {
                return CommandFault.TooLarge($"the key of a row has {record.Key.Length} bytes, the limit is {limits.KeyBytesMax}");
            }

            if (LongestValue(record) is var bytes && bytes > limits.ValueBytesMax)
            {
                return CommandFault.TooLarge($"a value has {bytes} bytes, the limit is {limits.ValueBytesMax}");
            }
        }

        return CommandFault.None;
    }

    /// <summary>
    /// The basis of what a version holds beside its own mutation; null for one that holds nothing else. It is as with data of another
    /// replica: where the horizon has passed the basis, what was replaced since may be dropped already (docs/eventual.md, "Siblings").
    /// </summary>
    /// <param name="version">The bytes; anything.</param>
    public static HybridTime? BasisOf(ReadOnlyMemory<byte> version) => VersionContents.BasisOf(version.Span);

    /// <summary>Whether there is any value in it; a version that only deletes has none.</summary>
    internal static bool HasValues(ReadOnlyMemory<byte> version) =>
        VersionContents.TryRead(version, out var contents, checksValues: true)
        && contents.Records.Exists(static record => record.Row is { } row
            && (!row.Liveness.IsNone || row.Cells.Any(static cell => cell.Kind != CellKind.Tombstone)));

    /// <summary>What operations add to what is known; increments are passed over. Some records may cover parts of others.</summary>
    internal static VersionContents ContentsOf(
        IReadOnlyList<PartitionMutation> partitions, long timestampMicros, HybridTime stamp, NodeId coordinator,
        WireWriter? scratch = null)
    {
        var contents = new VersionContents();
        scratch ??= new WireWriter();
        var writer = WriterOf(stamp, coordinator);
        foreach (var partition in partitions)
        {
            var deletions = PartitionDeletions.None;
            var rows = new SortedList<ReadOnlyMemory<byte>, RowData>(KeyOrder.Instance);
            foreach (var operation in partition.Operations)
            {
                var timestamp = operation.TimestampMicros ?? timestampMicros;
                if (operation.Kind is RowOperationKind.DeletePartition or RowOperationKind.DeleteRange)
                {
                    var deletion = new DeletionTime(timestamp, Carried(stamp).UnixMilliseconds);
                    deletions = PartitionDeletions.Merge(deletions, operation.Kind == RowOperationKind.DeletePartition
                        ? PartitionDeletions.OfPartition(deletion)
                        : PartitionDeletions.OfRange(operation.Range, deletion));
                    continue;
                }

                var key = ParsedCommand.KeyOf(partition, operation.IsStatic, operation.Clustering);
                var update = UpdateOf(key, operation, timestamp, stamp, writer);
                rows[key] = RowData.Merge(rows.GetValueOrDefault(key, RowData.Empty), update);
            }

            if (!deletions.IsNone)
            {
                contents.Records.Add(new VersionRecord(
                    RowKey.OfPartition(partition.Token, partition.Key.Span), EventualRecords.Encode(deletions, scratch)));
            }

            foreach (var (key, row) in rows)
            {
                if (!row.IsEmpty)
                {
                    contents.Records.Add(new VersionRecord(key, EventualRecords.Encode(row, scratch)));
                }
            }
        }

        contents.Records.Sort(static (a, b) => a.Key.Span.SequenceCompareTo(b.Key.Span));
        return contents;
    }

    // Most mutations write one row: its bytes go into the version as they are written.
    private static ReadOnlyMemory<byte> OfOperation(
        PartitionMutation partition, RowOperation operation, long timestampMicros, HybridTime stamp, NodeId coordinator, WireWriter scratch)
    {
        var key = ParsedCommand.KeyOf(partition, operation.IsStatic, operation.Clustering);
        var timestamp = operation.TimestampMicros ?? timestampMicros;
        var row = UpdateOf(key, operation, timestamp, stamp, WriterOf(stamp, coordinator));
        if (row.IsEmpty)
        {
            return default;
        }

        scratch.Reset();
        RowDataCodec.Write(scratch, row);
        return VersionContents.Encode(key, scratch.Written);
    }

    private static RowData UpdateOf(byte[] key, RowOperation operation, long timestamp, HybridTime stamp, byte[] writer)
    {
        var row = new RowChange(key, operation, PartitionDeletions.None, RowData.Empty);
        return new RowUpdate(WithoutIncrements(operation), row, timestamp, isAhead: false, Carried(stamp), writer).Make();
    }

    private static HybridTime Carried(HybridTime stamp) => HybridTime.FromUnixMilliseconds(stamp.UnixMilliseconds + 1);

    private static bool Increments(RowOperation operation)
    {
        for (var i = 0; i < operation.Cells.Count; i++)
        {
            if (operation.Cells[i].Kind == CellWriteKind.Increment)
            {
                return true;
            }
        }

        return false;
    }

    private static RowOperation WithoutIncrements(RowOperation operation) =>
        Increments(operation)
            ? operation with { Cells = [.. operation.Cells.Where(static cell => cell.Kind != CellWriteKind.Increment)] }
            : operation;

    private static byte[] WriterOf(HybridTime stamp, NodeId coordinator)
    {
        if (coordinator == NodeId.None)
        {
            return [];
        }

        var writer = new byte[12];
        BinaryPrimitives.WriteUInt64BigEndian(writer, stamp.Value);
        BinaryPrimitives.WriteUInt32BigEndian(writer.AsSpan(8), coordinator.Value);
        return writer;
    }

    // Counters and siblings are as large as they have to be.
    private static int LongestValue(in VersionRecord record)
    {
        var longest = 0;
        if (record.Row is { } row)
        {
            foreach (ref readonly var cell in row.Cells.AsSpan())
            {
                var bytes = cell.Kind is CellKind.Counter or CellKind.Siblings ? 0 : cell.Value.Length;
                longest = Math.Max(longest, Math.Max(cell.Path.Length, bytes));
            }
        }

        return longest;
    }
}
