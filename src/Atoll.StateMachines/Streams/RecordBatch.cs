using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Streams;

/// <summary>A record batch: its head, and its bytes, which are a slice of something larger and are not copied.</summary>
/// <param name="Header">The head.</param>
/// <param name="Memory">All of it.</param>
public readonly record struct RecordBatch(RecordBatchHeader Header, ReadOnlyMemory<byte> Memory)
{
    /// <summary>The records: compressed, when the head says so.</summary>
    public ReadOnlyMemory<byte> Records => Memory[RecordBatchHeader.Bytes..];

    /// <summary>Reads the first batch, and verifies that it is whole. Never throws; allocates nothing.</summary>
    /// <param name="bytes">Any bytes.</param>
    /// <param name="batch">The batch.</param>
    /// <returns>Why it is none.</returns>
    public static RecordBatchFault Read(ReadOnlyMemory<byte> bytes, out RecordBatch batch) => ReadFirst(bytes, verifies: true, out batch);

    private static RecordBatchFault ReadFirst(ReadOnlyMemory<byte> bytes, bool verifies, out RecordBatch batch)
    {
        batch = default;
        if (bytes.Length <= RecordBatchHeader.MagicAt)
        {
            return RecordBatchFault.Truncated;
        }

        // The format is at the same place in all of them, and comes first: of an old one nothing else is where it is looked for.
        var span = bytes.Span;
        if (span[RecordBatchHeader.MagicAt] != RecordBatchHeader.Magic)
        {
            return RecordBatchFault.Format;
        }

        if (span.Length < RecordBatchHeader.Bytes)
        {
            return RecordBatchFault.Truncated;
        }

        var header = RecordBatchHeader.Read(span);
        if (header.SizeBytes < RecordBatchHeader.Bytes)
        {
            return RecordBatchFault.Length;
        }

        if (header.SizeBytes > span.Length)
        {
            return RecordBatchFault.Truncated;
        }

        if (verifies && Crc32C.Compute(span[RecordBatchHeader.ChecksummedFrom..header.SizeBytes]) != header.Checksum)
        {
            return RecordBatchFault.Checksum;
        }

        batch = new RecordBatch(header, bytes[..header.SizeBytes]);
        return RecordBatchFault.None;
    }

    /// <summary>Reads a batch as a producer sends it: exactly one, and one that can be appended.</summary>
    /// <param name="bytes">Any bytes.</param>
    /// <param name="batch">The batch.</param>
    /// <returns>Why it is refused.</returns>
    public static RecordBatchFault ReadProduced(ReadOnlyMemory<byte> bytes, out RecordBatch batch) =>
        ReadOne(bytes, verifies: true, out batch);

    /// <summary>The same for one that was verified when it was taken: the checksum is not looked at again.</summary>
    internal static RecordBatchFault ReadTaken(ReadOnlyMemory<byte> bytes, out RecordBatch batch) =>
        ReadOne(bytes, verifies: false, out batch);

    /// <summary>
    /// Reads a batch that compaction made: exactly one, of records that kept their offsets and lack some between them; nobody's.
    /// </summary>
    internal static RecordBatchFault ReadKept(ReadOnlyMemory<byte> bytes, bool verifies, out RecordBatch batch)
    {
        var fault = ReadFirst(bytes, verifies, out batch);
        var header = batch.Header;
        return fault != RecordBatchFault.None ? fault
            : batch.Memory.Length != bytes.Length ? RecordBatchFault.LeftOver
            : (header.Attributes & ~RecordBatchHeader.AttributesKnown) != 0 || header.Compression > RecordCompression.Zstandard
                || header.IsAppendTime ? RecordBatchFault.Attributes
            : header.IsControl ? RecordBatchFault.Control
            : header.RecordCount < 1 || header.LastOffsetDelta < header.RecordCount - 1
                || header.LastOffset < header.BaseOffset ? RecordBatchFault.Count
            : header is { ProducerId: -1, ProducerEpoch: -1, BaseSequence: -1, IsTransactional: false } ? RecordBatchFault.None
            : RecordBatchFault.Producer;
    }

    private static RecordBatchFault ReadOne(ReadOnlyMemory<byte> bytes, bool verifies, out RecordBatch batch)
    {
        var fault = ReadFirst(bytes, verifies, out batch);
        if (fault != RecordBatchFault.None)
        {
            return fault;
        }

        var header = batch.Header;
        return batch.Memory.Length != bytes.Length ? RecordBatchFault.LeftOver
            : (header.Attributes & ~RecordBatchHeader.AttributesKnown) != 0 || header.Compression > RecordCompression.Zstandard
                || header.IsAppendTime ? RecordBatchFault.Attributes
            : header.IsControl ? RecordBatchFault.Control
            : FaultOfCounts(header);
    }

    // A record takes at least seven bytes before compression: without it, so many cannot be in so few.
    private static RecordBatchFault FaultOfCounts(in RecordBatchHeader header)
    {
        const int recordBytesMin = 7;
        if (header.RecordCount < 1 || header.LastOffsetDelta != header.RecordCount - 1
            || (header.Compression == RecordCompression.None
                && header.RecordCount > (header.SizeBytes - RecordBatchHeader.Bytes) / recordBytesMin))
        {
            return RecordBatchFault.Count;
        }

        var isNumbered = header.HasProducer && header is { ProducerEpoch: >= 0, BaseSequence: >= 0 };

        // Without a producer the other two mean nothing: some clients have 0 there, and others -1.
        var isPlain = header is { ProducerId: -1, IsTransactional: false };
        return isNumbered || isPlain ? RecordBatchFault.None : RecordBatchFault.Producer;
    }
}
