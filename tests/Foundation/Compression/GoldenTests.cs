using Atoll.Foundation.Bytes;
using Atoll.Foundation.Compression;
using Atoll.Foundation.Compression.Zstandard;
using Xunit;

namespace Atoll.Foundation.Tests.Compression;

/// <summary>
/// What other programs compressed becomes what it was; cut, damaged or too long, it is refused, and nothing is kept of it.
/// </summary>
public sealed class GoldenTests
{
    private static readonly ZstandardDecoder Zstandard = new();

    public static TheoryData<string> Good =>
        [.. GoldenFiles.Names(".zst", ".lz4", ".gz", ".snappy").Where(name => !IsRefused(name))];

    [Theory]
    [MemberData(nameof(Good))]
    public void What_other_programs_compressed_becomes_what_it_was(string name)
    {
        var contents = GoldenFiles.Contents(name);
        var target = new WireWriter();
        target.WriteByte(9); // what is there already stays
        Assert.Equal(CompressionFault.None, Decompress(name, GoldenFiles.Read(name), target, contents.Length));
        Assert.Equal(9, target.Written[0]);
        Assert.True(target.Written[1..].SequenceEqual(contents));
    }

    [Theory]
    [MemberData(nameof(Good))]
    public void More_than_the_reader_allows_is_refused_before_it_takes_memory(string name)
    {
        var contents = GoldenFiles.Contents(name);
        if (contents.Length == 0)
        {
            return;
        }

        var target = new WireWriter(64);
        foreach (var bytesMax in new[] { contents.Length - 1, contents.Length / 2, 1, 0 })
        {
            Assert.Equal(CompressionFault.Limit, Decompress(name, GoldenFiles.Read(name), target, bytesMax));
            Assert.Equal(0, target.Length);
            Assert.True(target.GetSpan().Length <= 2 * (bytesMax + 64), "room was made for more than was allowed");
            target = new WireWriter(64);
        }
    }

    [Theory]
    [MemberData(nameof(Good))]
    public void What_is_cut_is_refused(string name)
    {
        var file = GoldenFiles.Read(name);
        var target = new WireWriter();
        var step = Math.Max(1, file.Length / 50);
        for (var length = 0; length < file.Length; length += step)
        {
            var fault = Decompress(name, file.AsMemory(0, length), target, int.MaxValue);

            // Between two parts is an end, too; and xerial's frames do not say how many blocks there are.
            var isWhole = target.Length < GoldenFiles.Contents(name).Length || name.Contains("framed", StringComparison.Ordinal);
            Assert.True(fault != CompressionFault.None || isWhole, $"{length} of {file.Length}");
            Assert.True(fault == CompressionFault.None || target.Length == 0);
            target.Reset();
        }
    }

    [Theory]
    [InlineData(".zst")]
    [InlineData(".lz4")]
    [InlineData(".gz")]
    public void A_byte_that_is_not_what_it_was_is_noticed_where_there_are_checksums(string extension)
    {
        var name = extension == ".zst" ? "text.3.zst" : "text" + extension;
        var contents = GoldenFiles.Contents(name);
        var target = new WireWriter();
        var file = GoldenFiles.Read(name);
        for (var at = 0; at < file.Length; at += 3)
        {
            var damaged = file.ToArray();
            damaged[at] ^= 0x41;
            target.Reset();
            if (Decompress(name, damaged, target, 10 * contents.Length) == CompressionFault.None)
            {
                Assert.True(target.Written.SequenceEqual(contents), $"{at}"); // a head has bits that mean nothing
            }
        }
    }

    [Fact]
    public void Dictionaries_and_old_formats_are_refused_by_their_name()
    {
        var target = new WireWriter();
        foreach (var name in GoldenFiles.Names(".zst", ".lz4").Where(IsRefused))
        {
            Assert.Equal(CompressionFault.Unsupported, Decompress(name, GoldenFiles.Read(name), target, int.MaxValue));
        }
    }

    [Fact]
    public void A_warm_reader_allocates_nothing()
    {
        const int Times = 50;
        var target = new WireWriter();
        foreach (var name in new[] { "long.3.zst", "medium.linked.lz4", "text.raw.snappy", "text.framed.snappy" })
        {
            var file = GoldenFiles.Read(name);
            Decompress(name, file, target, int.MaxValue);
            target.Reset();
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < Times; i++)
            {
                Decompress(name, file, target, int.MaxValue);
                target.Reset();
            }

            // A collection meanwhile takes what is left of the thread's 8 KiB to allocate from for allocated; tables would be 150 a time.
            var allocatedBytes = (GC.GetAllocatedBytesForCurrentThread() - before) / Times;
            Assert.True(allocatedBytes < 1000, $"{name}: {allocatedBytes}");
        }
    }

    private static bool IsRefused(string name) =>
        name.Contains("dictionary", StringComparison.Ordinal) || name.Contains("legacy", StringComparison.Ordinal);

    private static CompressionFault Decompress(string name, ReadOnlyMemory<byte> file, WireWriter target, int bytesMax) =>
        Path.GetExtension(name) switch
        {
            ".zst" => Zstandard.Decompress(file.Span, target, bytesMax),
            ".lz4" => Lz4Frame.Decompress(file.Span, target, bytesMax),
            ".gz" => Gzip.Decompress(file, target, bytesMax),
            _ => SnappyStream.Decompress(file.Span, target, bytesMax),
        };
}
