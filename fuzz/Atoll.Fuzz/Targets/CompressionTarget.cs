using Atoll.Foundation.Bytes;
using Atoll.Foundation.Compression;
using Atoll.Foundation.Compression.Zstandard;

namespace Atoll.Fuzz.Targets;

/// <summary>What somebody compressed: gzip, Snappy, LZ4 frames or Zstandard.</summary>
public sealed class CompressionTarget : IFuzzTarget
{
    private const int ContentBytesMax = 256 * 1024;
    private const string Golden = "Golden/";

    private readonly string _extension;
    private readonly ZstandardDecoder _zstandard = new();
    private readonly ZstandardEncoder _zstandardEncoder = new();
    private readonly WireWriter _contents = new();
    private readonly WireWriter _compressed = new();
    private readonly WireWriter _again = new();

    private CompressionTarget(string name, string extension)
    {
        Name = name;
        _extension = extension;
        Seeds = [.. Samples(extension), .. OwnSamples()];
    }

    /// <inheritdoc />
    public string Name { get; }

    /// <inheritdoc />
    public string About => $"{Name}: decompressed within a limit, or refused without a trace; what is decompressed can be compressed again";

    /// <inheritdoc />
    public AllocationBound Allocation => AllocationBound.Usual;

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; }

    /// <summary>One target for each format.</summary>
    public static IEnumerable<IFuzzTarget> All() =>
    [
        new CompressionTarget("gzip", ".gz"),
        new CompressionTarget("snappy", ".snappy"),
        new CompressionTarget("lz4-frame", ".lz4"),
        new CompressionTarget("zstandard", ".zst"),
    ];

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        _contents.Reset();
        _contents.WriteByte(7);
        var fault = Decompress(input, _contents, ContentBytesMax);
        BrokenPromiseException.Unless(_contents.Written[0] == 7, "what is there already stays");
        if (fault != CompressionFault.None)
        {
            BrokenPromiseException.Unless(_contents.Length == 1, "what is refused leaves no trace");
            return Verdict.Refused($"{fault}");
        }

        var contents = _contents.WrittenMemory[1..];
        BrokenPromiseException.Unless(contents.Length <= ContentBytesMax, "the limit is one");
        _compressed.Reset();
        _again.Reset();
        Compress(contents.Span);
        BrokenPromiseException.Unless(
            Decompress(_compressed.WrittenMemory, _again, contents.Length) == CompressionFault.None
            && _again.Written.SequenceEqual(contents.Span),
            "what is compressed becomes itself again");
        return Verdict.Accepted($"{(int)Math.Log2(contents.Length + 1)}");
    }

    private CompressionFault Decompress(ReadOnlyMemory<byte> input, WireWriter target, int bytesMax) => _extension switch
    {
        ".gz" => Gzip.Decompress(input, target, bytesMax),
        ".snappy" => SnappyStream.Decompress(input.Span, target, bytesMax),
        ".lz4" => Lz4Frame.Decompress(input.Span, target, bytesMax),
        _ => _zstandard.Decompress(input.Span, target, bytesMax),
    };

    private void Compress(ReadOnlySpan<byte> contents)
    {
        switch (_extension)
        {
            case ".gz":
                Gzip.Compress(contents, _compressed);
                break;
            case ".snappy":
                SnappyStream.Compress(contents, _compressed);
                break;
            case ".lz4":
                Lz4Frame.Compress(contents, _compressed);
                break;
            default:
                _zstandardEncoder.Compress(contents, _compressed);
                break;
        }
    }

    private IEnumerable<byte[]> OwnSamples()
    {
        byte[][] samples =
            [[], "a"u8.ToArray(), [.. Enumerable.Repeat((byte)7, 3000)], [.. Enumerable.Range(0, 600).Select(i => (byte)(i * i / 7))]];
        foreach (var sample in samples)
        {
            _compressed.Reset();
            Compress(sample);
            yield return _compressed.ToArray();
        }
    }

    // What other programs made, which the codecs' own tests read: but for what is to be refused.
    private static IEnumerable<byte[]> Samples(string extension)
    {
        var assembly = typeof(CompressionTarget).Assembly;
        foreach (var name in assembly.GetManifestResourceNames().Order(StringComparer.Ordinal))
        {
            if (name.StartsWith(Golden, StringComparison.Ordinal) && name.EndsWith(extension, StringComparison.Ordinal)
                && !name.Contains("dictionary", StringComparison.Ordinal) && !name.Contains("legacy", StringComparison.Ordinal))
            {
                using var stream = assembly.GetManifestResourceStream(name)!;
                var bytes = new byte[stream.Length];
                stream.ReadExactly(bytes);
                yield return bytes;
            }
        }
    }
}
