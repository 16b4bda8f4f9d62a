using System.Text;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Compression;
using Xunit;

namespace Atoll.Foundation.Tests.Compression;

/// <summary>LZ4 blocks, against the format's own description (lz4_Block_format.md).</summary>
public sealed class Lz4BlockTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(270)]
    [InlineData(70_000)]
    [InlineData(300_000)]
    public void What_is_compressed_is_decompressed_to_itself(int bytes)
    {
        var prng = new Prng(5);
        foreach (var letters in new[] { 1, 2, 4, 30, 256 })
        {
            var plain = new byte[bytes];
            for (var i = 0; i < bytes; i++)
            {
                plain[i] = (byte)prng.NextBelow((ulong)letters);
            }

            var block = Compress(plain);
            Assert.True(block.Length <= Lz4Block.CompressedBytesMax(bytes));
            var again = new byte[bytes];
            Assert.True(Lz4Block.TryDecompress(block, again));
            Assert.Equal(plain, again);
            if (letters == 1 && bytes > 1000)
            {
                Assert.True(block.Length < bytes / 100, $"{block.Length} bytes for {bytes} of a kind");
            }
        }
    }

    [Fact]
    public void A_block_written_by_hand_is_understood()
    {
        // Four literals, a match of 4 + 15 + 3 bytes at distance 4, and five last literals.
        byte[] block = [0x4F, .. "abcd"u8, 4, 0, 3, 0x50, .. "vwxyz"u8];
        var plain = new byte[4 + 22 + 5];
        Assert.True(Lz4Block.TryDecompress(block, plain));
        Assert.Equal("abcdabcdabcdabcdabcdabcdabvwxyz", Encoding.ASCII.GetString(plain));
    }

    [Fact]
    public void A_damaged_block_is_refused_and_nothing_outside_of_it_is_touched()
    {
        var plain = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 200).Select(i => $"row {i % 17}, ")));
        var block = Compress(plain);
        var target = new byte[plain.Length];
        for (var cut = 0; cut < block.Length; cut++)
        {
            Assert.False(Lz4Block.TryDecompress(block.AsSpan(0, cut), target));
        }

        var prng = new Prng(6);
        for (var i = 0; i < 20_000; i++)
        {
            var damaged = block.ToArray();
            damaged[(int)prng.NextBelow((ulong)block.Length)] ^= (byte)(1 + prng.NextBelow(255));
            Lz4Block.TryDecompress(damaged, target); // whether it notices is the checksum's business: it must only stay within bounds
        }

        Assert.False(Lz4Block.TryDecompress(block, new byte[plain.Length + 1]));
        Assert.False(Lz4Block.TryDecompress(block, new byte[plain.Length - 1]));
    }

    private static byte[] Compress(byte[] plain)
    {
        var target = new byte[Lz4Block.CompressedBytesMax(plain.Length)];
        return target[..Lz4Block.Compress(plain, target)];
    }
}
