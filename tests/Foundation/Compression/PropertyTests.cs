using Atoll.Foundation.Bytes;
using Atoll.Foundation.Compression;
using Atoll.Foundation.Compression.Zstandard;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Atoll.Foundation.Tests.Compression;

/// <summary>What holds for all bytes; a counterexample is made small.</summary>
public sealed class PropertyTests
{
    private static readonly Codec[] Codecs =
    [
        new("gzip", Gzip.Compress, Gzip.Decompress),
        new("snappy", SnappyStream.Compress, (source, target, bytesMax) => SnappyStream.Decompress(source.Span, target, bytesMax)),
        new("lz4", Lz4Frame.Compress, (source, target, bytesMax) => Lz4Frame.Decompress(source.Span, target, bytesMax)),
        new(
            "zstandard", (source, target) => new ZstandardEncoder().Compress(source, target),
            (source, target, bytesMax) => new ZstandardDecoder().Decompress(source.Span, target, bytesMax)),
    ];

    private delegate void Compress(ReadOnlySpan<byte> source, WireWriter target);

    private delegate CompressionFault Decompress(ReadOnlyMemory<byte> source, WireWriter target, int bytesMax);

    // A word that is repeated, and something behind it: random bytes alone never compress.
    private static Arbitrary<byte[]> Contents => ArbMap.Default.GeneratorFor<byte[]>()
        .Select(word => word ?? [])
        .SelectMany(word => Gen.Choose(1, 300).Select(times => Enumerable.Repeat(word, times).SelectMany(letters => letters)))
        .SelectMany(text => ArbMap.Default.GeneratorFor<byte[]>().Select(rest => text.Concat(rest ?? []).ToArray()))
        .ToArbitrary();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void What_is_compressed_becomes_itself_again_and_not_a_byte_more_than_allowed(int codec) =>
        Prop.ForAll(Contents, contents =>
        {
            var (compressed, target) = (new WireWriter(), new WireWriter());
            Codecs[codec].Compress(contents, compressed);
            return Codecs[codec].Decompress(compressed.WrittenMemory, target, contents.Length) == CompressionFault.None
                && target.Written.SequenceEqual(contents)
                && (contents.Length == 0
                    || Codecs[codec].Decompress(compressed.WrittenMemory, target, contents.Length - 1) == CompressionFault.Limit)
                && target.Length == contents.Length;
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Any_bytes_are_read_or_refused_without_a_trace(int codec) =>
        Prop.ForAll(Contents, ArbMap.Default.ArbFor<int>(), (contents, place) =>
        {
            var (compressed, target) = (new WireWriter(), new WireWriter());
            Codecs[codec].Compress(contents, compressed);
            var damaged = compressed.ToArray();
            damaged[(int)((uint)place % damaged.Length)] ^= (byte)(1 + ((uint)place >> 8) % 255);
            return Codecs[codec].Decompress(damaged, target, 100_000) == CompressionFault.None
                ? target.Length <= 100_000 : target.Length == 0;
        }).QuickCheckThrowOnFailure();

    private sealed record Codec(string Name, Compress Compress, Decompress Decompress);
}
