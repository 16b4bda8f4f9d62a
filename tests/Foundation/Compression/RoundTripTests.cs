using Atoll.Foundation.Bytes;
using Atoll.Foundation.Compression;
using Atoll.Foundation.Compression.Zstandard;
using Atoll.Foundation.Randomness;
using Xunit;

namespace Atoll.Foundation.Tests.Compression;

/// <summary>What is compressed here becomes itself again, whatever it is.</summary>
public sealed class RoundTripTests
{
    [Theory]
    [InlineData("gzip")]
    [InlineData("snappy")]
    [InlineData("lz4")]
    [InlineData("zstandard")]
    public void What_is_compressed_becomes_itself_again(string codec)
    {
        var (prng, zstandard, encoder) = (new Prng(11), new ZstandardDecoder(), new ZstandardEncoder());
        var (compressed, target) = (new WireWriter(), new WireWriter());
        for (var round = 0; round < 60; round++)
        {
            var contents = Contents(prng, round);
            compressed.Reset();
            target.Reset();
            var written = compressed;
            switch (codec)
            {
                case "gzip":
                    Gzip.Compress(contents, written);
                    break;
                case "snappy":
                    SnappyStream.Compress(contents, written);
                    break;
                case "lz4":
                    Lz4Frame.Compress(contents, written);
                    break;
                default:
                    encoder.Compress(contents, written);
                    break;
            }

            var fault = codec switch
            {
                "gzip" => Gzip.Decompress(written.WrittenMemory, target, contents.Length),
                "snappy" => SnappyStream.Decompress(written.Written, target, contents.Length),
                "lz4" => Lz4Frame.Decompress(written.Written, target, contents.Length),
                _ => zstandard.Decompress(written.Written, target, contents.Length),
            };
            Assert.Equal(CompressionFault.None, fault);
            Assert.True(target.Written.SequenceEqual(contents), $"round {round}, {contents.Length} bytes");
        }
    }

    // Lengths about the bounds of the formats; few letters and many, runs, and pieces that come again.
    private static byte[] Contents(Prng prng, int round)
    {
        int[] lengths = [0, 1, 5, 255, 256, 65_535, 65_536, 65_537, 65_792, 131_072, 131_073, 300_000];
        var contents = new byte[round < lengths.Length ? lengths[round] : prng.NextInt(0, 20_000)];
        var letters = (ulong)prng.Pick<int>([1, 2, 4, 30, 256]);
        for (var i = 0; i < contents.Length; i++)
        {
            contents[i] = i > 100 && prng.Chance(100_000) ? contents[i - prng.NextInt(1, 100)] : (byte)prng.NextBelow(letters);
        }

        for (var copies = prng.NextInt(0, 40); copies > 0 && contents.Length > 100; copies--)
        {
            var length = prng.NextInt(4, contents.Length / 4);
            contents.AsSpan(prng.NextInt(0, contents.Length - length), length)
                .CopyTo(contents.AsSpan(prng.NextInt(0, contents.Length - length)));
        }

        return contents;
    }
}
