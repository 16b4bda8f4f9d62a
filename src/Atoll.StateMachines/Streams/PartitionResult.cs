using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Streams;

/// <summary>What became of a command or query of a partition. The numbers are in answers.</summary>
public enum PartitionStatus : byte
{
    /// <summary>It was done; of a batch that was there already: it is there, at the offset that the answer says.</summary>
    Ok = 0,

    /// <summary>The bytes are no command, or no query.</summary>
    Invalid = 1,

    /// <summary>The batch is none that can be taken.</summary>
    CorruptBatch = 2,

    /// <summary>A batch of the producer is missing before this one.</summary>
    OutOfOrderSequence = 3,

    /// <summary>The batch is there already, so long ago that its offset is forgotten.</summary>
    DuplicateSequence = 4,

    /// <summary>The producer has a newer epoch.</summary>
    ProducerFenced = 5,

    /// <summary>The transaction has ended, and others may have begun since.</summary>
    TransactionOver = 6,

    /// <summary>Not what a producer with, or without, an open transaction may do.</summary>
    InvalidTransactionState = 7,

    /// <summary>Before the log start, or behind the high watermark.</summary>
    OffsetOutOfRange = 8,

    /// <summary>As many producers as are remembered have open transactions.</summary>
    TooManyProducers = 9,

    /// <summary>
    /// The producer may be one that was forgotten, or a batch is missing before this one. It is to begin anew, with another id or epoch.
    /// </summary>
    UnknownProducer = 10,

    /// <summary>Another round of compaction has begun, or this one has gone on, since.</summary>
    CompactionOver = 11,
}

/// <summary>The answer to a command.</summary>
/// <param name="Status">What became of it.</param>
/// <param name="BaseOffset">The offset of the batch's first record, or of the marker; -1 when nothing has one.</param>
/// <param name="LogStart">The first offset that there is.</param>
public readonly record struct PartitionResult(PartitionStatus Status, long BaseOffset, long LogStart)
{
    /// <summary>Writes it: status (byte), base offset, log start (zigzag varints).</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Status);
        writer.WriteVarint(ZigZag.Encode(BaseOffset));
        writer.WriteVarint(ZigZag.Encode(LogStart));
    }

    /// <summary>Reads it; false when the bytes are none.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out PartitionResult result)
    {
        var reader = new WireReader(bytes);
        result = new PartitionResult(
            (PartitionStatus)reader.ReadByte(), ZigZag.Decode(reader.ReadVarint()), ZigZag.Decode(reader.ReadVarint()));
        return reader.OkAtEnd;
    }
}
