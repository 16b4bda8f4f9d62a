using System.Text;
using Atoll.Foundation.Compression;
using Atoll.StateMachines.Streams;
using Xunit;

namespace Atoll.StateMachines.Tests.Streams;

/// <summary>Compressed batches: those of real clients, made by make.py of the folder Golden, and own ones.</summary>
public sealed class RecordCodecTests
{
    private readonly RecordCodec _codec = new();

    public static TheoryData<RecordCompression> Compressions => [.. Enum.GetValues<RecordCompression>()];

    [Theory]
    [InlineData("kcat-gzip", RecordCompression.Gzip)] // kcat 1.7.1, librdkafka 2.0.2
    [InlineData("kcat-snappy", RecordCompression.Snappy)]
    [InlineData("kcat-lz4", RecordCompression.Lz4)]
    [InlineData("kcat-zstd", RecordCompression.Zstandard)]
    [InlineData("kafkapython-gzip", RecordCompression.Gzip)] // kafka-python 2.0.2
    [InlineData("kafkapython-snappy", RecordCompression.Snappy)]
    [InlineData("kafkapython-lz4", RecordCompression.Lz4)]
    public void Compressed_records_of_a_real_client_are_read(string client, RecordCompression compression)
    {
        Assert.Equal(RecordBatchFault.None, RecordBatch.ReadProduced(Golden(client), out var batch));
        Assert.Equal(compression, batch.Header.Compression);
        Assert.True(batch.Header.RecordCount >= 30);
        Assert.Equal(CompressionFault.None, _codec.Decompress(batch, out var records));
        var reader = new RecordReader(records, batch.Header.RecordCount);
        for (var i = 0; reader.TryNext(out var record); i++)
        {
            Assert.Equal($"key-{i % 10}", Encoding.ASCII.GetString(record.Key!.Value.Span));
            Assert.Equal(
                $"package {i} depends on library {i * 7 % 13} of release {i % 3}", Encoding.ASCII.GetString(record.Value!.Value.Span));
        }

        Assert.True(reader.IsComplete);
        Assert.Equal(CompressionFault.Limit, _codec.Decompress(batch, out _, records.Length - 1));
    }

    [Theory]
    [MemberData(nameof(Compressions))]
    public void What_is_built_with_any_compression_is_read_again(RecordCompression compression)
    {
        var builder = new RecordBatchBuilder { Compression = compression };
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 2000; i++)
            {
                builder.Add(1000 + i, null, Encoding.ASCII.GetBytes($"value {i} of round {round}"));
            }

            Assert.Equal(RecordBatchFault.None, RecordBatch.ReadProduced(builder.Build(7, 0, 0), out var batch));
            Assert.True(batch.Header.Compression == compression || batch.Header.Compression == RecordCompression.None);
            Assert.Equal(CompressionFault.None, _codec.Decompress(batch, out var records));
            var reader = new RecordReader(records, batch.Header.RecordCount);
            for (var i = 0; i < 2000; i++)
            {
                Assert.True(reader.TryNext(out var record));
                Assert.Equal($"value {i} of round {round}", Encoding.ASCII.GetString(record.Value!.Value.Span));
            }

            Assert.True(reader.IsComplete);
        }
    }

    [Fact]
    public void Records_that_do_not_become_fewer_bytes_are_not_compressed()
    {
        var builder = new RecordBatchBuilder { Compression = RecordCompression.Lz4 };
        builder.Add(1, null, "short"u8.ToArray());
        Assert.Equal(RecordBatchFault.None, RecordBatch.ReadProduced(builder.Build(), out var batch));
        Assert.Equal(RecordCompression.None, batch.Header.Compression);
        Assert.Equal(CompressionFault.None, _codec.Decompress(batch, out var records));
        Assert.True(records.Equals(batch.Records));
    }

    [Fact]
    public void A_batch_that_says_another_compression_than_it_has_is_refused()
    {
        var bytes = Golden("kcat-lz4");
        foreach (var other in new[] { RecordCompression.Gzip, RecordCompression.Snappy, RecordCompression.Zstandard })
        {
            bytes[22] = (byte)other;
            RecordBatchHeader.Seal(bytes);
            Assert.Equal(RecordBatchFault.None, RecordBatch.ReadProduced(bytes, out var batch));
            Assert.Equal(CompressionFault.Format, _codec.Decompress(batch, out var records));
            Assert.True(records.IsEmpty);
        }
    }

    private static byte[] Golden(string name)
    {
        using var stream = typeof(RecordCodecTests).Assembly.GetManifestResourceStream($"Golden/{name}.batch")!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
