using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// The kinds of commands of a rows shard, as they stand in the first byte: others than those of records, so that a command that went astray
/// is never taken for something else.
/// </summary>
public enum RowsCommandKind : byte
{
    /// <summary>Changes rows, if conditions hold.</summary>
    Mutate = 0x11,

    /// <summary>Removes everything.</summary>
    Truncate = 0x12,

    /// <summary>Removes what is dead; the system's own.</summary>
    Expire = 0x13,
}

/// <summary>A record that the leader found something dead in.</summary>
/// <param name="Key">The record's key.</param>
/// <param name="Version">The version that it had; see <see cref="IsSwept"/>.</param>
/// <param name="IsSwept">
/// For the record about a partition: no row of the partition has anything in it any more that its deletions cover, as of this version of
/// the record.
/// </param>
internal readonly record struct ExpiredRow(ReadOnlyMemory<byte> Key, HybridTime Version, bool IsSwept);

/// <summary>
/// The commands of the rows machine. Layout of a mutation: kind (byte), grace in seconds (varint), number of partitions; each: token (8
/// bytes), key (bytes), number of operations, each as <see cref="RowsCommandCodec"/> has it; number of conditions, each as there. A
/// truncation is its kind. An expiry: kind, number of records, each as key (bytes), version (8 bytes), whether it is swept (byte).
/// </summary>
public static class RowsCommand
{
    /// <summary>Writes a mutation.</summary>
    public static void WriteMutate(WireWriter writer, RowsMutation mutation)
    {
        writer.WriteByte((byte)RowsCommandKind.Mutate);
        writer.WriteVarint((ulong)mutation.GraceSeconds);
        writer.WriteVarint((ulong)mutation.Partitions.Count);
        foreach (var partition in mutation.Partitions)
        {
            writer.WriteUInt64((ulong)partition.Token);
            writer.WriteBytes(partition.Key.Span);
            writer.WriteVarint((ulong)partition.Operations.Count);
            foreach (var operation in partition.Operations)
            {
                RowsCommandCodec.Write(writer, operation);
            }
        }

        writer.WriteVarint((ulong)mutation.Conditions.Count);
        foreach (var condition in mutation.Conditions)
        {
            RowsCommandCodec.Write(writer, condition);
        }
    }

    /// <summary>Writes a truncation: every row goes, whatever its timestamp.</summary>
    public static void WriteTruncate(WireWriter writer) => writer.WriteByte((byte)RowsCommandKind.Truncate);

    /// <summary>What the first byte says; anything may follow.</summary>
    public static RowsCommandKind KindOf(ReadOnlySpan<byte> command) => command.IsEmpty ? default : (RowsCommandKind)command[0];

    /// <summary>Reads a mutation; keys and values are slices of the command.</summary>
    /// <returns>False when the bytes are none, or break a bound that no operator can change.</returns>
    public static bool TryReadMutate(ReadOnlyMemory<byte> command, out RowsMutation mutation)
    {
        const int partitionBytesMin = 8 + 1 + 1;
        var reader = new WireReader(command);
        var kind = (RowsCommandKind)reader.ReadByte();
        var grace = reader.ReadCount(int.MaxValue);
        var count = reader.ReadCount(Limits.BatchOperationsMax);
        var partitions = new List<PartitionMutation>(Math.Min(count, reader.Remaining / partitionBytesMin));
        var operations = 0;
        for (var left = count; left > 0 && reader.Ok; left--)
        {
            var token = (long)reader.ReadUInt64();
            var key = reader.ReadBytes();
            var list = new List<RowOperation>();
            for (var i = reader.ReadCount(Limits.BatchOperationsMax - operations); i > 0 && reader.Ok; i--)
            {
                list.Add(RowsCommandCodec.ReadOperation(ref reader));
            }

            operations += list.Count;
            if (key.Length > Limits.PartitionKeyBytesMax)
            {
                reader.Fail();
            }

            partitions.Add(new PartitionMutation(token, key, list));
        }

        var conditions = new List<RowCondition>();
        for (var left = reader.ReadCount(Limits.ConditionsMax); left > 0 && reader.Ok; left--)
        {
            conditions.Add(RowsCommandCodec.ReadCondition(ref reader, count));
        }

        mutation = new RowsMutation(partitions, conditions, grace);
        return reader.OkAtEnd && kind == RowsCommandKind.Mutate && count > 0 && AreDistinct(partitions) && KeysFit(mutation);
    }

    /// <summary>
    /// Checks a client's command before it is proposed: that it is one, keeps the bounds, and that all its partitions belong to the shard.
    /// </summary>
    /// <param name="command">The bytes as they arrived.</param>
    /// <param name="hashLow">The lowest routing hash of the shard.</param>
    /// <param name="hashHigh">The highest routing hash of the shard, included.</param>
    /// <param name="limits">The operator's bounds: of a record's key, and of one value.</param>
    public static CommandFault Validate(ReadOnlyMemory<byte> command, ulong hashLow, ulong hashHigh, in RecordLimits limits) =>
        Read(command, hashLow, hashHigh, limits, out _);

    /// <summary>Checks a client's command as <see cref="Validate"/> does, and gives what it says.</summary>
    /// <param name="command">The bytes as they arrived.</param>
    /// <param name="hashLow">The lowest routing hash of the shard.</param>
    /// <param name="hashHigh">The highest routing hash of the shard, included.</param>
    /// <param name="limits">The operator's bounds: of a record's key, and of one value.</param>
    /// <param name="mutation">The mutation when it is a good one; null for any other command.</param>
    public static CommandFault Read(
        ReadOnlyMemory<byte> command, ulong hashLow, ulong hashHigh, in RecordLimits limits, out RowsMutation? mutation)
    {
        mutation = null;
        if (command.Length > Limits.EntryBytesMax - CommandEnvelope.HeaderBytesMax)
        {
            return CommandFault.TooLarge($"the command has {command.Length} bytes, more than the {Limits.EntryBytesMax} of one log entry");
        }

        switch (KindOf(command.Span))
        {
            case RowsCommandKind.Truncate when command.Length == 1:
                return CommandFault.None;
            case RowsCommandKind.Expire:
                return CommandFault.Invalid("expiry is the system's own command");
            case RowsCommandKind.Mutate when TryReadMutate(command, out var read):
                foreach (var partition in read.Partitions)
                {
                    if (FaultOf(partition, hashLow, hashHigh, limits) is { IsNone: false } fault)
                    {
                        return fault;
                    }
                }

                foreach (var condition in read.Conditions)
                {
                    var bytes = RowKey.LengthOf(read.Partitions[condition.Partition].Key.Length, condition.Clustering.Length);
                    if (bytes > limits.KeyBytesMax)
                    {
                        return KeyTooLarge(bytes, limits);
                    }
                }

                mutation = read;
                return CommandFault.None;
            default:
                return CommandFault.Invalid("the bytes are not a rows command");
        }
    }

    /// <summary>Whether a command writes any value; one that only deletes does not.</summary>
    /// <param name="command">The bytes of a sound command.</param>
    public static bool Writes(ReadOnlyMemory<byte> command) =>
        TryReadMutate(command, out var mutation)
        && mutation.Partitions.Any(static partition => partition.Operations.Any(static operation =>
            operation.WritesMarker || operation.Cells.Any(static cell =>
                cell.Kind is not (CellWriteKind.Delete or CellWriteKind.Clear or CellWriteKind.Replace))));

    /// <summary>Writes an expiry. Clients have no use for it, and <see cref="Validate"/> refuses it.</summary>
    internal static void WriteExpire(WireWriter writer, IReadOnlyList<ExpiredRow> expired)
    {
        writer.WriteByte((byte)RowsCommandKind.Expire);
        writer.WriteVarint((ulong)expired.Count);
        foreach (var row in expired)
        {
            writer.WriteBytes(row.Key.Span);
            writer.WriteUInt64(row.Version.Value);
            writer.WriteBool(row.IsSwept);
        }
    }

    /// <summary>Reads an expiry.</summary>
    internal static bool TryReadExpire(ReadOnlyMemory<byte> command, out List<ExpiredRow> expired)
    {
        var reader = new WireReader(command);
        expired = [];
        var kind = (RowsCommandKind)reader.ReadByte();
        for (var left = reader.ReadCount(Limits.ExpiredPerCommandMax); left > 0 && reader.Ok; left--)
        {
            var row = new ExpiredRow(reader.ReadBytes(), new HybridTime(reader.ReadUInt64()), reader.ReadBool());
            if (!reader.Ok || row.Key.Length > Limits.KeyBytesMax || !RowKey.IsKey(row.Key.Span))
            {
                return false;
            }

            expired.Add(row);
        }

        return reader.OkAtEnd && kind == RowsCommandKind.Expire;
    }

    private static bool KeysFit(RowsMutation mutation)
    {
        foreach (var partition in mutation.Partitions)
        {
            foreach (var operation in partition.Operations)
            {
                var longest = Math.Max(operation.Clustering.Length, Math.Max(operation.Range.From.Length, operation.Range.To.Length));
                if (RowKey.LengthOf(partition.Key.Length, longest) > Limits.KeyBytesMax)
                {
                    return false;
                }
            }
        }

        foreach (var condition in mutation.Conditions)
        {
            var key = mutation.Partitions[condition.Partition].Key;
            if (RowKey.LengthOf(key.Length, condition.Clustering.Length) > Limits.KeyBytesMax)
            {
                return false;
            }
        }

        return true;
    }

    private static bool AreDistinct(List<PartitionMutation> partitions)
    {
        if (partitions.Count == 1)
        {
            return true;
        }

        var keys = partitions.ConvertAll(static partition => RowKey.OfPartition(partition.Token, partition.Key.Span));
        keys.Sort(KeyOrder.Instance);
        for (var i = 1; i < keys.Count; i++)
        {
            if (keys[i].AsSpan().SequenceEqual(keys[i - 1]))
            {
                return false;
            }
        }

        return true;
    }

    private static CommandFault FaultOf(PartitionMutation partition, ulong hashLow, ulong hashHigh, in RecordLimits limits)
    {
        var hash = RowTokens.HashOf(partition.Token);
        if (hash < hashLow || hash > hashHigh)
        {
            return CommandFault.WrongShard("a partition of the command belongs to another shard");
        }

        foreach (var operation in partition.Operations)
        {
            var bytes = RowKey.LengthOf(
                partition.Key.Length,
                Math.Max(operation.Clustering.Length, Math.Max(operation.Range.From.Length, operation.Range.To.Length)));
            if (bytes > limits.KeyBytesMax)
            {
                return KeyTooLarge(bytes, limits);
            }

            foreach (var cell in operation.Cells)
            {
                if (cell.Value.Length > limits.ValueBytesMax || cell.Path.Length > limits.ValueBytesMax)
                {
                    return CommandFault.TooLarge(
                        $"a value has {Math.Max(cell.Value.Length, cell.Path.Length)} bytes, the limit is {limits.ValueBytesMax}");
                }
            }
        }

        return CommandFault.None;
    }

    private static CommandFault KeyTooLarge(int bytes, in RecordLimits limits) =>
        CommandFault.TooLarge(
            $"the key of a row, partition and clustering key together, has {bytes} bytes, the limit is {limits.KeyBytesMax}");
}
