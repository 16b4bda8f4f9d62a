using System.Buffers.Binary;
using Atoll.Foundation.Bytes;

namespace Atoll.Foundation.Compression;

/// <summary>
/// Snappy as Kafka's clients have it: in the frames of xerial's Java library (a magic number, two versions, then blocks, each behind its
/// length, all big-endian), or one bare block. Both are read; frames are written, which all of them read.
/// </summary>
public static class SnappyStream
{
    private const int WrittenBlockBytes = 32 * 1024;
    private const int LengthBytes = sizeof(int);
    private const int Version = 1;
    private const int HeaderBytes = 16;

    private static ReadOnlySpan<byte> Magic => [0x82, (byte)'S', (byte)'N', (byte)'A', (byte)'P', (byte)'P', (byte)'Y', 0];

    /// <summary>Appends the frames of some contents.</summary>
    /// <param name="source">The contents.</param>
    /// <param name="target">Where to.</param>
    public static void Compress(ReadOnlySpan<byte> source, WireWriter target)
    {
        target.WriteRaw(Magic);
        var versions = target.GetSpan(HeaderBytes - Magic.Length);
        BinaryPrimitives.WriteInt32BigEndian(versions, Version);
        BinaryPrimitives.WriteInt32BigEndian(versions[sizeof(int)..], Version);
        target.Advance(HeaderBytes - Magic.Length);
        while (!source.IsEmpty)
        {
            var block = source[..Math.Min(source.Length, WrittenBlockBytes)];
            var room = target.GetSpan(LengthBytes + SnappyBlock.CompressedBytesMax(block.Length));
            var size = SnappyBlock.Compress(block, room[LengthBytes..]);
            BinaryPrimitives.WriteInt32BigEndian(room, size);
            target.Advance(LengthBytes + size);
            source = source[block.Length..];
        }
    }

    /// <summary>Appends what was compressed. Never throws on any input.</summary>
    /// <param name="source">Frames, or a bare block.</param>
    /// <param name="target">Where to; unchanged when it fails.</param>
    /// <param name="bytesMax">The most that is appended.</param>
    public static CompressionFault Decompress(ReadOnlySpan<byte> source, WireWriter target, int bytesMax)
    {
        var start = target.Length;
        var lengthMax = (int)Math.Min(int.MaxValue, (long)start + bytesMax);
        var fault = source.StartsWith(Magic) ? DecompressFrames(source, target, lengthMax) : DecompressBlock(source, target, lengthMax);
        if (fault != CompressionFault.None)
        {
            target.Truncate(start);
        }

        return fault;
    }

    private static CompressionFault DecompressFrames(ReadOnlySpan<byte> source, WireWriter target, int lengthMax)
    {
        if (source.Length < HeaderBytes)
        {
            return CompressionFault.Truncated;
        }

        // The first version is the writer's, the second one the oldest reader's that can read it.
        if (BinaryPrimitives.ReadInt32BigEndian(source[(HeaderBytes - sizeof(int))..]) > Version)
        {
            return CompressionFault.Unsupported;
        }

        for (source = source[HeaderBytes..]; !source.IsEmpty;)
        {
            if (source.StartsWith(Magic) && source.Length >= HeaderBytes)
            {
                source = source[HeaderBytes..]; // streams one behind the other
                continue;
            }

            if (source.Length < LengthBytes)
            {
                return CompressionFault.Truncated;
            }

            var size = BinaryPrimitives.ReadInt32BigEndian(source);
            if (size < 0 || size > source.Length - LengthBytes)
            {
                return size < 0 ? CompressionFault.Format : CompressionFault.Truncated;
            }

            var fault = DecompressBlock(source.Slice(LengthBytes, size), target, lengthMax);
            if (fault != CompressionFault.None)
            {
                return fault;
            }

            source = source[(LengthBytes + size)..];
        }

        return CompressionFault.None;
    }

    private static CompressionFault DecompressBlock(ReadOnlySpan<byte> block, WireWriter target, int lengthMax)
    {
        if (!SnappyBlock.TryReadLength(block, out var bytes))
        {
            return block.IsEmpty ? CompressionFault.Truncated : CompressionFault.Format;
        }

        if (bytes > lengthMax - target.Length)
        {
            return CompressionFault.Limit;
        }

        if (!SnappyBlock.TryDecompress(block, target.GetSpanFrom(target.Length, bytes)))
        {
            return CompressionFault.Format;
        }

        target.Advance(bytes);
        return CompressionFault.None;
    }
}
