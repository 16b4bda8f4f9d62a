using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Streams;

/// <summary>Begins a round of compaction.</summary>
/// <param name="Rounds">Rounds that were begun before: with any other number it is refused.</param>
/// <param name="Start">Where it begins: the log start.</param>
/// <param name="End">Where it ends: the beginning of a segment, before the last stable offset.</param>
/// <param name="DropsTombstones">Whether the tombstones before the mark go.</param>
public readonly record struct CompactionBeginning(ulong Rounds, long Start, long End, bool DropsTombstones)
{
    internal void Write(WireWriter writer)
    {
        writer.WriteUInt64(Rounds);
        writer.WriteUInt64((ulong)Start);
        writer.WriteUInt64((ulong)End);
        writer.WriteBool(DropsTombstones);
    }

    internal static bool TryRead(ReadOnlyMemory<byte> command, out CompactionBeginning beginning)
    {
        var reader = new WireReader(command);
        beginning = new CompactionBeginning(reader.ReadUInt64(), (long)reader.ReadUInt64(), (long)reader.ReadUInt64(), reader.ReadBool());
        return reader.OkAtEnd && beginning.Start >= 0 && beginning.End > beginning.Start;
    }
}

/// <summary>A piece of a round: a batch that is to stand for all that there is in a stretch of offsets.</summary>
/// <param name="Round">Rounds that were begun, this one included.</param>
/// <param name="From">The first offset: where the piece before ended.</param>
/// <param name="To">The offset behind the last.</param>
/// <param name="LeaderEpoch">The epoch of the batch's records.</param>
/// <param name="Batch">The batch, with its offset; empty when nothing stays. It is nobody's, and belongs to no transaction.</param>
public readonly record struct CompactionPiece(ulong Round, long From, long To, int LeaderEpoch, ReadOnlyMemory<byte> Batch)
{
    /// <summary>Bytes before the batch.</summary>
    internal const int BatchAt = (3 * sizeof(ulong)) + sizeof(uint);

    internal void Write(WireWriter writer)
    {
        writer.WriteUInt64(Round);
        writer.WriteUInt64((ulong)From);
        writer.WriteUInt64((ulong)To);
        writer.WriteUInt32((uint)LeaderEpoch);
        writer.WriteRaw(Batch.Span);
    }

    internal static bool TryRead(ReadOnlyMemory<byte> command, out CompactionPiece piece)
    {
        var reader = new WireReader(command);
        piece = new CompactionPiece(
            reader.ReadUInt64(), (long)reader.ReadUInt64(), (long)reader.ReadUInt64(), (int)reader.ReadUInt32(), default);
        if (!reader.Ok)
        {
            return false;
        }

        piece = piece with { Batch = command[BatchAt..] };
        return piece is { From: >= 0, LeaderEpoch: >= 0 } && piece.To > piece.From;
    }

    /// <summary>Why the batch cannot stand there; its checksum is not looked at unless that is asked for.</summary>
    internal RecordBatchFault FaultOfBatch(bool verifies)
    {
        if (Batch.IsEmpty)
        {
            return RecordBatchFault.None;
        }

        var fault = RecordBatch.ReadKept(Batch, verifies, out var batch);
        var header = batch.Header;
        return fault != RecordBatchFault.None ? fault
            : header.BaseOffset < 0 || header.LastOffset < From || header.LastOffset >= To ? RecordBatchFault.Count
            : RecordBatchFault.None;
    }
}
