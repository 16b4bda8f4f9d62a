using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Randomness;
using Xunit;

namespace Atoll.Foundation.Tests;

public sealed class ChecksumTests
{
    // The vectors of RFC 3720, appendix B.4, and the usual check value.
    [Fact]
    public void Crc32C_is_that_of_the_polynomial_at_every_length_and_alignment()
    {
        // RFC 3720, 12.1: the polynomial 0x11EDC6F41, bits reflected; here one bit at a time. The lengths pass all ends of the streams that
        // long data are taken as.
        var bytes = new byte[4 * 1024 + 64];
        new Prng(3720).Fill(bytes);
        for (var alignment = 0; alignment < 9; alignment++)
        {
            var state = ~0u;
            for (var length = 0; alignment + length < bytes.Length; length++)
            {
                if (alignment == 0 || length % 7 == 0 || length is > 1500 and < 1800)
                {
                    var data = bytes.AsSpan(alignment, length);
                    Assert.Equal(~state, Crc32C.Compute(data));
                    Assert.Equal(~state, Crc32C.Compute(data[..(length / 3)], data[(length / 3)..]));
                }

                state ^= bytes[alignment + length];
                for (var bit = 0; bit < 8; bit++)
                {
                    state = (state >> 1) ^ ((state & 1) * 0x82F63B78);
                }
            }
        }
    }

    [Fact]
    public void Crc32C_gives_the_values_of_RFC_3720()
    {
        Assert.Equal(0x8A9136AAu, Crc32C.Compute(new byte[32]));
        Assert.Equal(0x62A8AB43u, Crc32C.Compute([.. Enumerable.Repeat((byte)0xFF, 32)]));
        Assert.Equal(0x46DD794Eu, Crc32C.Compute([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
        Assert.Equal(0x113FDB5Cu, Crc32C.Compute([.. Enumerable.Range(0, 32).Select(i => (byte)(31 - i))]));
        Assert.Equal(0xE3069283u, Crc32C.Compute("123456789"u8));
        Assert.Equal(0u, Crc32C.Compute([]));
    }

    [Fact]
    public void Crc32C_of_two_pieces_is_that_of_the_whole()
    {
        var prng = new Prng(1);
        for (var size = 0; size < 200; size++)
        {
            var data = new byte[size];
            prng.Fill(data);
            var cut = prng.NextInt(0, size);
            Assert.Equal(Crc32C.Compute(data), Crc32C.Compute(data.AsSpan(0, cut), data.AsSpan(cut)));
        }
    }

    [Fact]
    public void Crc32C_notices_every_single_flipped_bit()
    {
        var data = new byte[64];
        new Prng(2).Fill(data);
        var right = Crc32C.Compute(data);
        for (var bit = 0; bit < data.Length * 8; bit++)
        {
            data[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(right, Crc32C.Compute(data));
            data[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    // Values of the xxHash reference implementation, seed 0; each length takes another path.
    [Theory]
    [InlineData("", 0xEF46DB3751D8E999)]
    [InlineData("a", 0xD24EC4F1A98C6E5B)]
    [InlineData("abc", 0x44BC2CF5AD770999)]
    [InlineData("message digest", 0x066ED728FCEEB3BE)]
    [InlineData("Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1)]
    public void Stable_hash_is_XXH64(string text, ulong expected) =>
        Assert.Equal(expected, StableHash.Compute(Encoding.ASCII.GetBytes(text)));

    [Theory]
    [InlineData("", 0x02CC5D05)]
    [InlineData("a", 0x550D7456)]
    [InlineData("abc", 0x32D153FF)]
    [InlineData("Nobody inspects the spammish repetition", 0xE2293B2F)]
    public void The_checksum_of_LZ4s_frames_is_XXH32(string text, uint expected) =>
        Assert.Equal(expected, XxHash32.Compute(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void Crc32_is_that_of_the_polynomial_at_every_length()
    {
        Assert.Equal(0xCBF43926u, Crc32.Compute("123456789"u8));
        var bytes = new byte[100];
        new Prng(1952).Fill(bytes);
        var state = ~0u;
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Equal(~state, Crc32.Compute(bytes.AsSpan(0, length)));
            state ^= bytes[length];
            for (var bit = 0; bit < 8; bit++)
            {
                state = (state >> 1) ^ ((state & 1) * 0xEDB88320);
            }
        }
    }

    [Fact]
    public void Stable_hash_of_a_hundred_bytes_is_XXH64() =>
        Assert.Equal(0x6AC1E58032166597UL, StableHash.Compute([.. Enumerable.Range(0, 100).Select(i => (byte)i)]));
}
