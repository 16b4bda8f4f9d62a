using System.Buffers.Binary;

namespace Atoll.Foundation.Compression;

/// <summary>Frames that LZ4 and Zstandard both pass over (RFC 8878, 3.1.2): one of sixteen magic numbers, a length, and anything.</summary>
internal static class SkippableFrame
{
    private const uint Magic = 0x184D2A50;
    private const int HeaderBytes = 8;

    /// <summary>Whether a frame with this magic number is to be skipped.</summary>
    public static bool Is(uint magic) => (magic & ~0xFu) == Magic;

    /// <summary>Skips one.</summary>
    /// <param name="source">The input.</param>
    /// <param name="read">Where it begins; becomes where it ends.</param>
    /// <returns>Truncated when it does not end.</returns>
    public static CompressionFault Skip(ReadOnlySpan<byte> source, ref int read)
    {
        var rest = source[read..];
        if (rest.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]) > (uint)(rest.Length - HeaderBytes))
        {
            return CompressionFault.Truncated;
        }

        read += HeaderBytes + (int)BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
        return CompressionFault.None;
    }
}
