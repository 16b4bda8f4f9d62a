using Atoll.Foundation.Bytes;
using Atoll.Gateways.Cql.Compression;

namespace Atoll.Fuzz.Targets;

/// <summary>A compressed body: a byte that says how, and the bytes.</summary>
public sealed class CqlCompressionTarget : IFuzzTarget
{
    private const int BodyBytesMax = 1024 * 1024;

    /// <inheritdoc />
    public string Name => "cql-compression";

    /// <inheritdoc />
    public string About => "BodyCompression (LZ4, Snappy): a body is decompressed or refused; what is decompressed can be compressed again";

    /// <summary>Few bytes of LZ4 may rightly become 255 times as many, here three times over.</summary>
    public AllocationBound Allocation => new(1200, 256 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. new[] { CqlCompression.Lz4, CqlCompression.Snappy }.SelectMany(compression =>
            new[] { "a"u8.ToArray(), [.. Enumerable.Repeat((byte)7, 3000)], [.. Enumerable.Range(0, 600).Select(i => (byte)(i * i / 7))] }
                .Select(body => Compress(compression, body))),
    ];

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        if (input.IsEmpty)
        {
            return Verdict.Refused();
        }

        var compression = (input.Span[0] & 1) == 0 ? CqlCompression.Snappy : CqlCompression.Lz4;
        var fault = BodyCompression.TryDecompress(compression, input.Span[1..], BodyBytesMax, out var body);
        if (fault.Length > 0)
        {
            return Verdict.RefusedFor(fault);
        }

        var again = Compress(compression, body);
        fault = BodyCompression.TryDecompress(compression, again.AsSpan(1), BodyBytesMax, out var same);
        BrokenPromiseException.Unless(fault.Length == 0 && same.AsSpan().SequenceEqual(body), "what is compressed becomes itself again");
        return Verdict.Accepted($"{compression} {(int)Math.Log2(body.Length + 1)}");
    }

    private static byte[] Compress(CqlCompression compression, byte[] body)
    {
        var writer = new WireWriter();
        writer.WriteByte((byte)compression);
        BodyCompression.Compress(compression, body, writer);
        return writer.ToArray();
    }
}
