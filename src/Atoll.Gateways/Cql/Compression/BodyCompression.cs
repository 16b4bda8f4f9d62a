using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Compression;

namespace Atoll.Gateways.Cql.Compression;

/// <summary>How bodies are compressed; chosen by the client in STARTUP.</summary>
public enum CqlCompression : byte
{
    /// <summary>Not at all.</summary>
    None = 0,

    /// <summary>LZ4 blocks; the only one in version 5.</summary>
    Lz4 = 1,

    /// <summary>Snappy; in versions 3 and 4.</summary>
    Snappy = 2,
}

/// <summary>
/// Bodies as versions 3 and 4 compress them, each by itself (native protocol, section 5): Snappy as it is, LZ4 behind its length before
/// compression (4 bytes, big-endian). Both say how long they become; that is believed only as far as so few bytes can become so many.
/// </summary>
public static class BodyCompression
{
    /// <summary>Bodies below so many bytes are sent as they are: there is nothing to gain.</summary>
    public const int WorthwhileBytesMin = 256;

    private const int LengthBytes = sizeof(int);

    /// <summary>The names as STARTUP and SUPPORTED have them.</summary>
    public static IReadOnlyList<string> Names { get; } = ["lz4", "snappy"];

    /// <summary>The algorithm of a name, in capitals or not.</summary>
    public static bool TryParse(string name, out CqlCompression compression)
    {
        compression = name.ToUpperInvariant() switch
        {
            "LZ4" => CqlCompression.Lz4,
            "SNAPPY" => CqlCompression.Snappy,
            _ => CqlCompression.None,
        };
        return compression != CqlCompression.None;
    }

    /// <summary>Appends a body, compressed.</summary>
    public static void Compress(CqlCompression compression, ReadOnlySpan<byte> body, WireWriter target)
    {
        if (compression == CqlCompression.Snappy)
        {
            target.Advance(SnappyBlock.Compress(body, target.GetSpan(SnappyBlock.CompressedBytesMax(body.Length))));
            return;
        }

        var room = target.GetSpan(LengthBytes + Lz4Block.CompressedBytesMax(body.Length));
        BinaryPrimitives.WriteInt32BigEndian(room, body.Length);
        target.Advance(LengthBytes + Lz4Block.Compress(body, room[LengthBytes..]));
    }

    /// <summary>Decompresses a body.</summary>
    /// <param name="compression">How it was compressed.</param>
    /// <param name="compressed">The body as it came.</param>
    /// <param name="bodyBytesMax">The longest body that is accepted.</param>
    /// <param name="body">The body, in memory of its own.</param>
    /// <returns>Why it is refused; empty when it is not.</returns>
    public static string TryDecompress(
        CqlCompression compression, ReadOnlySpan<byte> compressed, int bodyBytesMax, out byte[] body) =>
        compression == CqlCompression.Snappy
            ? DecompressSnappy(compressed, bodyBytesMax, out body)
            : DecompressLz4(compressed, bodyBytesMax, out body);

    private static string DecompressLz4(ReadOnlySpan<byte> compressed, int bodyBytesMax, out byte[] body)
    {
        body = [];
        if (compressed.Length < LengthBytes)
        {
            return "a compressed body is too short for its length";
        }

        var length = BinaryPrimitives.ReadInt32BigEndian(compressed);
        var fault = LengthFault(length, compressed.Length, Lz4Block.ExpansionMax, bodyBytesMax);
        if (fault.Length > 0)
        {
            return fault;
        }

        if (length > 0)
        {
            body = GC.AllocateUninitializedArray<byte>(length);
            return Lz4Block.TryDecompress(compressed[LengthBytes..], body) ? "" : "a compressed body is not an LZ4 block of its length";
        }

        return "";
    }

    private static string DecompressSnappy(ReadOnlySpan<byte> compressed, int bodyBytesMax, out byte[] body)
    {
        body = [];
        if (!SnappyBlock.TryReadLength(compressed, out var length))
        {
            return "a compressed body has no length, or an impossible one";
        }

        var fault = LengthFault(length, compressed.Length, SnappyBlock.ExpansionMax, bodyBytesMax);
        if (fault.Length > 0)
        {
            return fault;
        }

        body = GC.AllocateUninitializedArray<byte>(length);
        return SnappyBlock.TryDecompress(compressed, body) ? "" : "a compressed body is not Snappy";
    }

    private static string LengthFault(long length, int compressedBytes, int expansionMax, int bodyBytesMax) =>
        length < 0 || length > (long)compressedBytes * expansionMax ? "a compressed body has an impossible length"
        : length > bodyBytesMax ? $"a body of {length} bytes is over the limit of {bodyBytesMax}"
        : "";
}
