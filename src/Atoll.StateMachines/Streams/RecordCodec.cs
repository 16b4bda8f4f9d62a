using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Compression;
using Atoll.Foundation.Compression.Zstandard;

namespace Atoll.StateMachines.Streams;

/// <summary>
/// Compresses and decompresses the records of batches. Streams keep batches as they came: this is for who looks into them, or makes them.
/// Reusable; not for several threads at once.
/// </summary>
public sealed class RecordCodec
{
    // A buffer that one large batch left behind is not kept for all the small ones.
    private const int KeptBytesMax = 8 * 1024 * 1024;

    private WireWriter _records = new();
    private ZstandardDecoder? _zstandardDecoder;
    private ZstandardEncoder? _zstandardEncoder;

    /// <summary>Appends compressed records.</summary>
    /// <param name="compression">How.</param>
    /// <param name="records">The records.</param>
    /// <param name="target">Where to.</param>
    public void Compress(RecordCompression compression, ReadOnlySpan<byte> records, WireWriter target)
    {
        switch (compression)
        {
            case RecordCompression.None:
                target.WriteRaw(records);
                break;
            case RecordCompression.Gzip:
                Gzip.Compress(records, target);
                break;
            case RecordCompression.Snappy:
                SnappyStream.Compress(records, target);
                break;
            case RecordCompression.Lz4:
                Lz4Frame.Compress(records, target);
                break;
            case RecordCompression.Zstandard:
                (_zstandardEncoder ??= new ZstandardEncoder()).Compress(records, target);
                break;
            default:
                Check.Unreachable("there is no such compression");
                break;
        }
    }

    /// <summary>The records of a batch as a <see cref="RecordReader"/> reads them. Never throws on any batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="records">The records: a slice of the batch where it is not compressed, else valid until the next call.</param>
    /// <param name="bytesMax">The most that they may become.</param>
    public CompressionFault Decompress(
        in RecordBatch batch, out ReadOnlyMemory<byte> records, int bytesMax = Limits.DecompressedRecordsBytesMax)
    {
        if (_records.Length > KeptBytesMax)
        {
            _records = new WireWriter();
        }

        _records.Reset();
        var compressed = batch.Records;
        if (batch.Header.Compression == RecordCompression.None)
        {
            records = compressed;
            return CompressionFault.None;
        }

        var fault = batch.Header.Compression switch
        {
            RecordCompression.Gzip => Gzip.Decompress(compressed, _records, bytesMax),
            RecordCompression.Snappy => SnappyStream.Decompress(compressed.Span, _records, bytesMax),
            RecordCompression.Lz4 => Lz4Frame.Decompress(compressed.Span, _records, bytesMax),
            RecordCompression.Zstandard =>
                (_zstandardDecoder ??= new ZstandardDecoder()).Decompress(compressed.Span, _records, bytesMax),
            _ => CompressionFault.Unsupported,
        };
        records = _records.WrittenMemory;
        return fault;
    }
}
