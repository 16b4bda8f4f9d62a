using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Records;

namespace Atoll.StateMachines.Streams;

/// <summary>The kinds of commands of a partition, as they stand in the first byte: others than those of all other shards.</summary>
public enum PartitionCommandKind : byte
{
    /// <summary>Appends a producer's batch.</summary>
    Append = 0x31,

    /// <summary>Ends a transaction by its marker.</summary>
    EndTransaction = 0x32,

    /// <summary>Deletes the records before an offset.</summary>
    DeleteBefore = 0x33,

    /// <summary>Changes the settings.</summary>
    Configure = 0x34,

    /// <summary>A producer may write in a transaction from here on.</summary>
    BeginTransaction = 0x35,

    /// <summary>A round of compaction begins: a <see cref="CompactionBeginning"/>.</summary>
    BeginCompaction = 0x36,

    /// <summary>A piece of a round of compaction: a <see cref="CompactionPiece"/>.</summary>
    Replace = 0x37,
}

/// <summary>
/// The commands of a partition. Layout: kind (byte); then of an append the batch to the end, of a marker the control batch to the end, of a
/// deletion the offset (8 bytes), of settings the four of them (zigzag varints), of a beginning the producer's number (8 bytes), its epoch
/// (2 bytes) and the transaction's number (4 bytes), of a round of compaction its number, start and end (8 bytes each) and whether
/// tombstones go (byte), of a piece of it the number, from and to (8 bytes each), the leader epoch (4 bytes) and the batch to the end.
/// </summary>
public static class PartitionCommand
{
    /// <summary>The offset that stands for all records that there are when the deletion is applied.</summary>
    public const long EndOffset = -1;

    /// <summary>Where the batch begins in the command of an append or a marker.</summary>
    public const int BatchAt = BodyAt;

    /// <summary>Where what follows the kind begins.</summary>
    internal const int BodyAt = 1;

    /// <summary>Appends a batch, which <see cref="RecordBatch.ReadProduced"/> has taken.</summary>
    public static void WriteAppend(WireWriter writer, ReadOnlySpan<byte> batch)
    {
        writer.WriteByte((byte)PartitionCommandKind.Append);
        writer.WriteRaw(batch);
    }

    /// <summary>Lets a producer write in a transaction.</summary>
    /// <param name="writer">Receives the command.</param>
    /// <param name="producerId">The producer.</param>
    /// <param name="epoch">Its epoch: older ones are fenced off.</param>
    /// <param name="number">Which transaction of it.</param>
    public static void WriteBeginTransaction(WireWriter writer, long producerId, short epoch, int number)
    {
        writer.WriteByte((byte)PartitionCommandKind.BeginTransaction);
        writer.WriteUInt64((ulong)producerId);
        writer.WriteUInt16((ushort)epoch);
        writer.WriteUInt32((uint)number);
    }

    /// <summary>Ends a transaction.</summary>
    /// <param name="writer">Receives the command.</param>
    /// <param name="marker">What became of it.</param>
    /// <param name="timestamp">When, in milliseconds since 1970.</param>
    public static void WriteEndTransaction(WireWriter writer, in TransactionMarker marker, long timestamp)
    {
        writer.WriteByte((byte)PartitionCommandKind.EndTransaction);
        writer.WriteRaw(marker.ToBatch(timestamp));
    }

    /// <summary>Deletes what is before an offset, or everything (<see cref="EndOffset"/>).</summary>
    public static void WriteDeleteBefore(WireWriter writer, long offset)
    {
        writer.WriteByte((byte)PartitionCommandKind.DeleteBefore);
        writer.WriteUInt64((ulong)offset);
    }

    /// <summary>Changes the settings.</summary>
    public static void WriteConfigure(WireWriter writer, PartitionSettings settings)
    {
        writer.WriteByte((byte)PartitionCommandKind.Configure);
        settings.Write(writer);
    }

    /// <summary>Begins a round of compaction.</summary>
    public static void WriteBeginCompaction(WireWriter writer, in CompactionBeginning beginning)
    {
        writer.WriteByte((byte)PartitionCommandKind.BeginCompaction);
        beginning.Write(writer);
    }

    /// <summary>Writes a piece of a round of compaction.</summary>
    public static void WriteReplace(WireWriter writer, in CompactionPiece piece)
    {
        writer.WriteByte((byte)PartitionCommandKind.Replace);
        piece.Write(writer);
    }

    /// <summary>The batch of a command that has one; nothing of another, or of one that is too short.</summary>
    public static ReadOnlyMemory<byte> BatchOf(ReadOnlyMemory<byte> command)
    {
        var at = KindOf(command.Span) == PartitionCommandKind.Replace ? BodyAt + CompactionPiece.BatchAt : BatchAt;
        return command.Length <= at ? default : command[at..];
    }

    /// <summary>What the first byte says; anything may follow.</summary>
    public static PartitionCommandKind KindOf(ReadOnlySpan<byte> command) =>
        command.IsEmpty ? default : (PartitionCommandKind)command[0];

    /// <summary>Looks at a command before it is proposed, at the checksum of its batch too.</summary>
    public static CommandFault Validate(ReadOnlyMemory<byte> command)
    {
        var room = KindOf(command.Span) == PartitionCommandKind.Replace ? CompactionPiece.BatchAt : 0;
        if (command.Length - room > Limits.ValueBytesMax)
        {
            return CommandFault.TooLarge($"a batch has at most {Limits.ValueBytesMax} bytes, this one has {command.Length}");
        }

        var rest = command.IsEmpty ? command : command[BatchAt..];
        switch (KindOf(command.Span))
        {
            case PartitionCommandKind.Append:
                var fault = RecordBatch.ReadProduced(rest, out _);
                return fault == RecordBatchFault.None ? CommandFault.None : CommandFault.Invalid($"the batch cannot be taken: {fault}");
            case PartitionCommandKind.EndTransaction:
                return TransactionMarker.TryRead(rest, out _) ? CommandFault.None : CommandFault.Invalid("the bytes are not a marker");
            case PartitionCommandKind.Replace when CompactionPiece.TryRead(rest, out var piece):
                var damage = piece.FaultOfBatch(verifies: true);
                return damage == RecordBatchFault.None ? CommandFault.None : CommandFault.Invalid($"the batch cannot be taken: {damage}");
            case PartitionCommandKind.BeginCompaction when CompactionBeginning.TryRead(rest, out _):
            case PartitionCommandKind.DeleteBefore when TryReadDeleteBefore(command, out _):
            case PartitionCommandKind.Configure when TryReadConfigure(command, out _):
            case PartitionCommandKind.BeginTransaction when TryReadBeginTransaction(command, out _, out _, out _):
                return CommandFault.None;
            default:
                return CommandFault.Invalid("the bytes are not a command of a partition");
        }
    }

    internal static bool TryReadDeleteBefore(ReadOnlyMemory<byte> command, out long offset)
    {
        var reader = new WireReader(command[BatchAt..]);
        offset = (long)reader.ReadUInt64();
        return reader.OkAtEnd && offset >= EndOffset;
    }

    internal static bool TryReadBeginTransaction(ReadOnlyMemory<byte> command, out long producerId, out short epoch, out int number)
    {
        var reader = new WireReader(command[BatchAt..]);
        (producerId, epoch, number) = ((long)reader.ReadUInt64(), (short)reader.ReadUInt16(), (int)reader.ReadUInt32());
        return reader.OkAtEnd && producerId >= 0 && epoch >= 0 && number >= 0;
    }

    internal static bool TryReadConfigure(ReadOnlyMemory<byte> command, out PartitionSettings settings)
    {
        var reader = new WireReader(command[BatchAt..]);
        settings = PartitionSettings.Read(ref reader);
        return reader.OkAtEnd;
    }
}
