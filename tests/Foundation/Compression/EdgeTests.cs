using System.Buffers.Binary;
using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Compression;
using Atoll.Foundation.Compression.Zstandard;
using Xunit;

namespace Atoll.Foundation.Tests.Compression;

/// <summary>
/// Inputs written by hand, for what other programs rarely write, or never: by RFC 8878, and by the formats of LZ4 and Snappy.
/// </summary>
public sealed class EdgeTests
{
    private const string Zstandard = "28B52FFD";
    private const string Lz4 = "04224D18";

    private readonly WireWriter _target = new();
    private readonly ZstandardDecoder _zstandard = new();

    [Theory]
    [InlineData("20 00 01 00 00", "")] // a last raw block of nothing
    [InlineData("21 00 00 01 00 00", "")] // a dictionary's id of zero is none (3.1.1.1.3)
    [InlineData("00 00 0B 00 00 61", "a")] // a window of 1 KiB, and no size
    [InlineData("20 05 2B 00 00 61", "aaaaa")] // one byte, five times
    [InlineData("20 02 08 00 00 61 03 00 00 62 09 00 00", null)] // a second block that repeats nothing, and something behind the last
    [InlineData("20 02 08 00 00 61 09 00 00 62", "ab")] // two blocks
    [InlineData("20 0C 55 00 00 18 61 62 63 01 54 03 02 06 06", "abcabcabcabc")] // one sequence, of three tables of one symbol each
    public void A_frame_by_hand_is_read(string frame, string? expected)
    {
        var fault = Unpack(Zstandard + frame);
        Assert.Equal(expected, fault == CompressionFault.None ? Encoding.ASCII.GetString(_target.Written) : null);
    }

    [Theory]
    [InlineData("28 00 01 00 00", CompressionFault.Format)] // the head's reserved bit
    [InlineData("20 00 07 00 00", CompressionFault.Format)] // the reserved type of blocks
    [InlineData("20 03 09 00 00 61", CompressionFault.Format)] // another size than the head says
    [InlineData("20 01 11 00 00 61 61", CompressionFault.Format)] // a block longer than the window
    [InlineData("21 07 00 01 00 00", CompressionFault.Unsupported)] // a dictionary
    [InlineData("23 00 00 00 01 00 01 00 00", CompressionFault.Unsupported)]
    [InlineData("24 01 09 00 00 61 00 00 00 00", CompressionFault.Checksum)]
    [InlineData("20 01 08 00 00 61", CompressionFault.Truncated)] // no last block
    [InlineData("24 01 09 00 00 61", CompressionFault.Truncated)] // no checksum
    [InlineData("20 0C 55 00 00 18 61 62 63 01 55 03 02 06 06", CompressionFault.Format)] // the modes' reserved bits
    [InlineData("20 0C 55 00 00 18 61 62 63 01 D4 03 02 06 06", CompressionFault.Format)] // the last table again, and there was none
    [InlineData("20 0C 55 00 00 18 61 62 63 01 54 24 02 06 06", CompressionFault.Format)] // a code of literal lengths that there is not
    [InlineData("20 0C 55 00 00 18 61 62 63 01 54 03 02 06 07", CompressionFault.Format)] // offset 4, and only three bytes before it
    [InlineData("20 0C 55 00 00 18 61 62 63 01 54 03 02 06 0C", CompressionFault.Format)] // a bit is left over
    [InlineData("20 0C 55 00 00 18 61 62 63 01 54 03 02 06 00", CompressionFault.Format)] // a stream without its mark
    [InlineData("20 0C 55 00 00 18 61 62 63 01 54 03 02 06 02", CompressionFault.Format)] // a bit too few
    [InlineData("20 0C 55 00 00 18 61 62 63 01 54 04 02 06 06", CompressionFault.Format)] // more literals than there are
    [InlineData("20 0C 55 00 00 18 61 62 63 01 54 00 01 06 03", CompressionFault.Format)] // the last offset less one is none
    [InlineData("20 08 1D 00 00 03 00 00", CompressionFault.Format)] // codes of a tree that there is not
    [InlineData("A0 FF FF FF FF 01 00 00", CompressionFault.Limit)] // 4 GiB, says the head
    [InlineData("E0 FF FF FF FF FF FF FF FF 01 00 00", CompressionFault.Limit)]
    public void A_frame_that_cannot_be_is_refused_by_its_name(string frame, CompressionFault expected)
    {
        Assert.Equal(expected, Unpack(Zstandard + frame));
        Assert.Equal(0, _target.Length);
    }

    [Fact]
    public void A_match_may_reach_as_far_back_as_the_window()
    {
        // A window of 1 KiB; two raw blocks of 1 KiB; and one sequence: no literals, nine bytes from so far back.
        foreach (var (offset, expected) in new[]
                 {
                     (1000, CompressionFault.None), (1024, CompressionFault.None), (1025, CompressionFault.Format),
                 })
        {
            var code = int.Log2(offset + 3);
            var stream = (1 << code) | (offset + 3 - (1 << code)); // the bits, and the mark above them
            byte[] block = [0x00, 0x01, 0x54, 0, (byte)code, 6, (byte)stream, (byte)(stream >> 8)];
            byte[] raw = [0x00, 0x20, 0x00, .. new byte[1024]];
            byte[] frame = [.. Convert.FromHexString(Zstandard), 0, 0, .. raw, .. raw, (byte)((block.Length << 3) | 5), 0, 0, .. block];
            _target.Reset();
            Assert.Equal(expected, _zstandard.Decompress(frame, _target, int.MaxValue));
            Assert.Equal(expected == CompressionFault.None ? 2048 + 9 : 0, _target.Length);
        }
    }

    [Fact]
    public void A_few_bytes_that_would_become_gigabytes_get_no_memory()
    {
        // 25,000 blocks of one byte 128 KiB times: 100 KB that would become 3.3 GB.
        var bomb = new List<byte>(Convert.FromHexString(Zstandard + "0058"));
        for (var i = 0; i < 25_000; i++)
        {
            bomb.AddRange([0x02, 0x00, 0x10, 0x61]);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(CompressionFault.Limit, _zstandard.Decompress(bomb.ToArray(), _target, 1024 * 1024));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8 * 1024 * 1024);
    }

    [Theory]
    [InlineData("6040 82 00000000", "", CompressionFault.None)]
    [InlineData("6040 82 01000080 61 00000000", "a", CompressionFault.None)]
    [InlineData("6040 83 00000000", "", CompressionFault.Checksum)]
    [InlineData("6040 82 01000080 61", "", CompressionFault.Truncated)] // no end mark
    [InlineData("6040 82 01000180", "", CompressionFault.Format)] // a block longer than 64 KiB
    [InlineData("6040 82 03000000 000100", "", CompressionFault.Format)] // a match before the beginning
    [InlineData("A040 00 00000000", "", CompressionFault.Unsupported)] // another version
    [InlineData("6240 00 00000000", "", CompressionFault.Format)] // the reserved bit
    [InlineData("6030 00 00000000", "", CompressionFault.Format)] // a size of blocks that there is not
    public void A_frame_of_LZ4_by_hand_is_read_or_refused_by_its_name(string frame, string contents, CompressionFault expected)
    {
        Assert.Equal(expected, Lz4Frame.Decompress(Hex(Lz4 + frame), _target, 100));
        Assert.Equal(contents, Encoding.ASCII.GetString(_target.Written));
    }

    [Fact]
    public void A_block_of_LZ4_refers_to_the_one_before_only_where_the_frame_says_so()
    {
        byte[] blocks = [4, 0, 0, 0x80, .. "abcd"u8, 9, 0, 0, 0, 0x00, 4, 0, 0x50, .. "vwxyz"u8, 0, 0, 0, 0];
        foreach (var (flags, expected) in new[] { (0x40, CompressionFault.None), (0x60, CompressionFault.Format) })
        {
            byte[] descriptor = [(byte)flags, 0x40];
            byte[] frame = [.. Convert.FromHexString(Lz4), .. descriptor, (byte)(XxHash32.Compute(descriptor) >> 8), .. blocks];
            _target.Reset();
            Assert.Equal(expected, Lz4Frame.Decompress(frame, _target, 100));
            Assert.Equal(expected == CompressionFault.None ? "abcdabcdvwxyz" : "", Encoding.ASCII.GetString(_target.Written));
        }
    }

    [Theory]
    [InlineData("00", "")]
    [InlineData("05 10 6162636465", "abcde")]
    [InlineData("05 F0 04 6162636465", "abcde")] // lengths behind the tag
    [InlineData("05 F4 0400 6162636465", "abcde")]
    [InlineData("05 FC 04000000 6162636465", "abcde")]
    [InlineData("06 04 6162 01 02", "ababab")] // four bytes from two back
    [InlineData("06 04 6162 0E 0200", "ababab")]
    [InlineData("06 04 6162 0F 02000000", "ababab")]
    [InlineData("06 04 6162 01 03", null)] // from before the beginning
    [InlineData("06 04 6162 01 00", null)]
    [InlineData("05 04 6162 01 02", null)] // longer than it says
    [InlineData("07 04 6162 01 02", null)] // shorter
    [InlineData("05 10 61626364", null)]
    [InlineData("05 FC FFFFFFFF 6162636465", null)]
    [InlineData("05 FC FFFF", null)]
    [InlineData("FFFFFFFFFF01 00", null)]
    [InlineData("FFFF03 00", null)] // a length that so few bytes cannot have
    public void A_block_of_Snappy_by_hand_is_read(string block, string? expected)
    {
        var fault = SnappyStream.Decompress(Hex(block), _target, 100);
        Assert.Equal(expected is null ? CompressionFault.Format : CompressionFault.None, fault);
        Assert.Equal(expected ?? "", Encoding.ASCII.GetString(_target.Written));
    }

    [Fact]
    public void Frames_of_xerial_end_where_a_block_ends()
    {
        var magic = "82534E4150505900 00000001 00000001";
        Assert.Equal(CompressionFault.None, SnappyStream.Decompress(Hex(magic + "00000003 010061 00000003 010062"), _target, 100));
        Assert.Equal("ab", Encoding.ASCII.GetString(_target.Written));
        Assert.Equal(CompressionFault.Truncated, SnappyStream.Decompress(Hex(magic + "00000004 010061"), _target, 100));
        Assert.Equal(CompressionFault.Format, SnappyStream.Decompress(Hex(magic + "80000000 010061"), _target, 100));
        Assert.Equal(CompressionFault.Truncated, SnappyStream.Decompress(Hex(magic + "000000"), _target, 100));
        Assert.Equal(
            CompressionFault.Unsupported, SnappyStream.Decompress(Hex("82534E4150505900 00000002 00000002"), _target, 100));
    }

    [Fact]
    public void What_follows_the_end_of_gzip_is_not_overlooked()
    {
        var file = GoldenFiles.Read("text.gz");
        byte[][] mores = [[1], [1, 2, 3, 4, 5, 6, 7, 8, 9], [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]];
        foreach (var more in mores)
        {
            Assert.NotEqual(CompressionFault.None, Gzip.Decompress((byte[])[.. file, .. more], _target, int.MaxValue));
        }

        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(file.Length - 4), 5);
        Assert.NotEqual(CompressionFault.None, Gzip.Decompress(file, _target, int.MaxValue));
    }

    private CompressionFault Unpack(string frame) => _zstandard.Decompress(Hex(frame), _target, 1024 * 1024);

    private static byte[] Hex(string text) => Convert.FromHexString(text.Replace(" ", "", StringComparison.Ordinal));
}
