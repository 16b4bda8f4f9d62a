using System.Buffers.Binary;

namespace Atoll.StateMachines.Streams;

/// <summary>How the records of a batch are compressed. The numbers are in the batch.</summary>
public enum RecordCompression : byte
{
    /// <summary>Not at all.</summary>
    None = 0,

    /// <summary>gzip (RFC 1952).</summary>
    Gzip = 1,

    /// <summary>Snappy, bare or in the frames of xerial's library.</summary>
    Snappy = 2,

    /// <summary>The LZ4 frame format.</summary>
    Lz4 = 3,

    /// <summary>Zstandard (RFC 8878).</summary>
    Zstandard = 4,
}

/// <summary>
/// The head of a record batch, format 2 ("magic 2") of the Kafka protocol, 61 bytes, big-endian. The checksum (CRC-32C) covers what follows
/// it: so base offset and leader epoch, which are before it, can be set by who serves a batch, and all else stays as the producer made it.
/// </summary>
/// <param name="BaseOffset">The offset of the first record; what a producer says here means nothing.</param>
/// <param name="SizeBytes">Bytes of the whole batch, this head included.</param>
/// <param name="LeaderEpoch">The epoch of the leader that took it; what a producer says here means nothing.</param>
/// <param name="Checksum">Of everything from the attributes on.</param>
/// <param name="Attributes">Compression and flags.</param>
/// <param name="LastOffsetDelta">The offset of the last record less that of the first.</param>
/// <param name="BaseTimestamp">What the records' timestamps are relative to, in milliseconds since 1970.</param>
/// <param name="MaxTimestamp">The largest timestamp of a record, in milliseconds since 1970.</param>
/// <param name="ProducerId">The producer; -1 when it is none that numbers its batches.</param>
/// <param name="ProducerEpoch">Its epoch, or -1.</param>
/// <param name="BaseSequence">The producer's number of the first record, or -1.</param>
/// <param name="RecordCount">Records in it.</param>
public readonly record struct RecordBatchHeader(
    long BaseOffset, int SizeBytes, int LeaderEpoch, uint Checksum, short Attributes, int LastOffsetDelta, long BaseTimestamp,
    long MaxTimestamp, long ProducerId, short ProducerEpoch, int BaseSequence, int RecordCount)
{
    /// <summary>Bytes of the head.</summary>
    public const int Bytes = 61;

    /// <summary>The bits of the attributes that mean something: all others are zero in batches that are taken.</summary>
    internal const short AttributesKnown = CompressionMask | TimestampTypeFlag | TransactionalFlag | ControlFlag;

    /// <summary>The flag of a batch of a transaction.</summary>
    internal const short TransactionalFlag = 0x10;

    /// <summary>The flag of a control batch.</summary>
    internal const short ControlFlag = 0x20;

    /// <summary>The only format that is taken: the byte at the same place in all formats.</summary>
    internal const byte Magic = 2;

    /// <summary>Where the format's byte is.</summary>
    internal const int MagicAt = 16;

    /// <summary>Where the checksum begins to count.</summary>
    internal const int ChecksummedFrom = 21;

    // Base offset and length, which the length does not count.
    internal const int LengthOverhead = 12;

    private const short CompressionMask = 0x07;
    private const short TimestampTypeFlag = 0x08;
    private const int LeaderEpochAt = 12;
    private const int ChecksumAt = 17;

    /// <summary>How the records are compressed; may be none of those that there are.</summary>
    public RecordCompression Compression => (RecordCompression)(Attributes & CompressionMask);

    /// <summary>Whether the timestamps are the broker's (when it was appended) rather than the producer's.</summary>
    public bool IsAppendTime => (Attributes & TimestampTypeFlag) != 0;

    /// <summary>Whether it belongs to a transaction.</summary>
    public bool IsTransactional => (Attributes & TransactionalFlag) != 0;

    /// <summary>Whether it holds a marker instead of a producer's records.</summary>
    public bool IsControl => (Attributes & ControlFlag) != 0;

    /// <summary>The offset of the last record.</summary>
    public long LastOffset => unchecked(BaseOffset + LastOffsetDelta);

    /// <summary>Whether the producer numbers its batches.</summary>
    public bool HasProducer => ProducerId >= 0;

    /// <summary>The producer's number of the last record; numbers begin again at 0 behind the largest.</summary>
    public int LastSequence => ProducerSequence.Add(BaseSequence, LastOffsetDelta);

    /// <summary>Reads a head; nothing in it is judged.</summary>
    /// <param name="batch">At least <see cref="Bytes"/> bytes.</param>
    public static RecordBatchHeader Read(ReadOnlySpan<byte> batch) => new(
        BinaryPrimitives.ReadInt64BigEndian(batch),
        (int)Math.Min(int.MaxValue, (long)BinaryPrimitives.ReadInt32BigEndian(batch[8..]) + LengthOverhead),
        BinaryPrimitives.ReadInt32BigEndian(batch[LeaderEpochAt..]),
        BinaryPrimitives.ReadUInt32BigEndian(batch[ChecksumAt..]),
        BinaryPrimitives.ReadInt16BigEndian(batch[ChecksummedFrom..]),
        BinaryPrimitives.ReadInt32BigEndian(batch[23..]),
        BinaryPrimitives.ReadInt64BigEndian(batch[27..]),
        BinaryPrimitives.ReadInt64BigEndian(batch[35..]),
        BinaryPrimitives.ReadInt64BigEndian(batch[43..]),
        BinaryPrimitives.ReadInt16BigEndian(batch[51..]),
        BinaryPrimitives.ReadInt32BigEndian(batch[53..]),
        BinaryPrimitives.ReadInt32BigEndian(batch[57..]));

    /// <summary>Sets the two fields that the checksum does not cover.</summary>
    /// <param name="batch">A copy of a batch.</param>
    /// <param name="baseOffset">The offset of its first record.</param>
    /// <param name="leaderEpoch">The epoch of the leader that took it.</param>
    public static void Place(Span<byte> batch, long baseOffset, int leaderEpoch)
    {
        BinaryPrimitives.WriteInt64BigEndian(batch, baseOffset);
        BinaryPrimitives.WriteInt32BigEndian(batch[LeaderEpochAt..], leaderEpoch);
    }

    /// <summary>Writes it all, as it is.</summary>
    /// <param name="batch">Room for <see cref="Bytes"/> bytes.</param>
    internal void Write(Span<byte> batch)
    {
        Place(batch, BaseOffset, LeaderEpoch);
        BinaryPrimitives.WriteInt32BigEndian(batch[8..], SizeBytes - LengthOverhead);
        batch[MagicAt] = Magic;
        BinaryPrimitives.WriteUInt32BigEndian(batch[ChecksumAt..], Checksum);
        BinaryPrimitives.WriteInt16BigEndian(batch[ChecksummedFrom..], Attributes);
        BinaryPrimitives.WriteInt32BigEndian(batch[23..], LastOffsetDelta);
        BinaryPrimitives.WriteInt64BigEndian(batch[27..], BaseTimestamp);
        BinaryPrimitives.WriteInt64BigEndian(batch[35..], MaxTimestamp);
        BinaryPrimitives.WriteInt64BigEndian(batch[43..], ProducerId);
        BinaryPrimitives.WriteInt16BigEndian(batch[51..], ProducerEpoch);
        BinaryPrimitives.WriteInt32BigEndian(batch[53..], BaseSequence);
        BinaryPrimitives.WriteInt32BigEndian(batch[57..], RecordCount);
    }

    /// <summary>Computes and sets the checksum of a batch whose other fields are all set.</summary>
    /// <param name="batch">A whole batch.</param>
    public static void Seal(Span<byte> batch) => BinaryPrimitives.WriteUInt32BigEndian(
        batch[ChecksumAt..], Foundation.Bytes.Crc32C.Compute(batch[ChecksummedFrom..]));
}
