using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Compression;
using Atoll.StateMachines.Streams;

namespace Atoll.Fuzz.Targets;

/// <summary>A record batch as a producer sends it, and the records in it.</summary>
public sealed class RecordBatchTarget : IFuzzTarget
{
    private const int ChecksumAt = 17;
    private const int ChecksummedFrom = 21;
    private const int RecordBytesMax = 16 * 1024;

    private readonly RecordCodec _codec = new();

    /// <inheritdoc />
    public string Name => "record-batch";

    /// <inheritdoc />
    public string About => "record batches and markers: taken or refused; what is placed keeps its checksum, what is read is built again";

    /// <inheritdoc />
    public AllocationBound Allocation => AllocationBound.Usual;

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } = [.. Samples(), new TransactionMarker(7, 1, true, 3).ToBatch(9)];

    /// <summary>Batches that can be taken.</summary>
    internal static IEnumerable<byte[]> Samples()
    {
        var builder = new RecordBatchBuilder();
        builder.Add(1000, "key"u8.ToArray(), "value"u8.ToArray());
        yield return builder.Build();
        builder.Add(1000, null, new byte[100], [new RecordHeaderField("name"u8.ToArray(), null)]);
        builder.Add(900, "key"u8.ToArray(), null);
        yield return builder.Build(7, 0, 0);
        builder.Add(1000, "key"u8.ToArray(), "value"u8.ToArray());
        yield return builder.Build(7, 0, 2, isTransactional: true);
        foreach (var compression in Enum.GetValues<RecordCompression>())
        {
            var compressing = new RecordBatchBuilder { Compression = compression };
            compressing.Add(1000, "key"u8.ToArray(), new byte[1000]);
            compressing.Add(1001, "key"u8.ToArray(), new byte[1000]);
            yield return compressing.Build();
        }
    }

    /// <inheritdoc />
    public void FixChecksums(Span<byte> input)
    {
        if (input.Length > ChecksummedFrom)
        {
            BinaryPrimitives.WriteUInt32BigEndian(input[ChecksumAt..], Crc32C.Compute(input[ChecksummedFrom..]));
        }
    }

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        var fault = RecordBatch.ReadProduced(input, out var batch);
        var isMarker = TransactionMarker.TryRead(input, out var marker);
        BrokenPromiseException.Unless(!isMarker || fault == RecordBatchFault.Control, "a marker is not taken from a producer");
        if (isMarker)
        {
            BrokenPromiseException.Unless(
                TransactionMarker.TryRead(marker.ToBatch(1), out var again) && again == marker, "a marker is written as it was read");
            return Verdict.Accepted("marker");
        }

        if (fault != RecordBatchFault.None)
        {
            return Verdict.Refused($"{fault}");
        }

        var placed = input.ToArray();
        RecordBatchHeader.Place(placed, 1L << 40, 9);
        BrokenPromiseException.Unless(
            RecordBatch.ReadProduced(placed, out var served) == RecordBatchFault.None && served.Header.BaseOffset == 1L << 40,
            "what is placed is the batch that it was");
        return _codec.Decompress(batch, out var records, RecordBytesMax) == CompressionFault.None
            ? ReadRecords(batch, records) : Verdict.Accepted("not decompressed");
    }

    private static Verdict ReadRecords(in RecordBatch batch, ReadOnlyMemory<byte> records)
    {
        var reader = new RecordReader(records, batch.Header.RecordCount);
        var builder = new RecordBatchBuilder();
        while (reader.TryNext(out var record))
        {
            builder.Add(unchecked(batch.Header.BaseTimestamp + record.TimestampDelta), record.Key, record.Value, record.Headers);
        }

        if (!reader.IsComplete)
        {
            return Verdict.Accepted("records garbled");
        }

        var count = builder.Count;
        BrokenPromiseException.Unless(
            RecordBatch.ReadProduced(builder.Build(), out var built) == RecordBatchFault.None && built.Header.RecordCount == count,
            "what is read can be built again");
        return Verdict.Accepted("records");
    }
}
