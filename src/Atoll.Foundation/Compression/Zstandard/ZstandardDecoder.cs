using System.Buffers.Binary;
using Atoll.Foundation.Bytes;

namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>
/// Reads Zstandard (RFC 8878): all frames of an input, one behind the other, and skips the frames that are to be skipped. Frames with a
/// dictionary are refused. The contents stay in one piece, so that no window is kept besides: a frame's window only says how far back it
/// may refer. Reusable: its tables, some 150 KiB, are made once. Not for several threads at once.
/// </summary>
public sealed class ZstandardDecoder
{
    private const int WordBytes = sizeof(uint);

    // The head's first byte.
    private const byte SingleSegmentFlag = 0x20;
    private const byte ReservedFlag = 0x08;
    private const byte ChecksumFlag = 0x04;

    private readonly LiteralsSection _literals = new();
    private readonly SequencesSection _sequences = new();

    /// <summary>Appends the contents of all frames of the input. Never throws on any input.</summary>
    /// <param name="source">Frames, and nothing else.</param>
    /// <param name="target">Where to; unchanged when it fails.</param>
    /// <param name="bytesMax">The most that is appended.</param>
    public CompressionFault Decompress(ReadOnlySpan<byte> source, WireWriter target, int bytesMax)
    {
        var start = target.Length;
        var read = 0;
        CompressionFault fault;
        do
        {
            fault = DecompressFrame(source, ref read, target, (int)Math.Min(int.MaxValue, (long)start + bytesMax));
        }
        while (fault == CompressionFault.None && read < source.Length);
        if (fault != CompressionFault.None)
        {
            target.Truncate(start);
        }

        return fault;
    }

    private CompressionFault DecompressFrame(ReadOnlySpan<byte> source, ref int read, WireWriter target, int lengthMax)
    {
        if (source.Length - read < WordBytes)
        {
            return CompressionFault.Truncated;
        }

        var magic = BinaryPrimitives.ReadUInt32LittleEndian(source[read..]);
        if (SkippableFrame.Is(magic))
        {
            return SkippableFrame.Skip(source, ref read);
        }

        if (magic != ZstandardFormat.Magic)
        {
            return CompressionFault.Format;
        }

        read += WordBytes;
        var fault = ReadHeader(source, ref read, out var header);
        if (fault != CompressionFault.None)
        {
            return fault;
        }

        var start = target.Length;
        if (header.HasContentBytes && header.ContentBytes > (ulong)(lengthMax - start))
        {
            return CompressionFault.Limit;
        }

        fault = DecompressBlocks(source, ref read, header, target, lengthMax);
        return fault != CompressionFault.None ? fault
            : header.HasContentBytes && (ulong)(target.Length - start) != header.ContentBytes ? CompressionFault.Format
            : header.HasChecksum ? CheckContents(source, ref read, target.Written[start..]) : CompressionFault.None;
    }

    // 3.1.1.1.
    private static CompressionFault ReadHeader(ReadOnlySpan<byte> source, ref int read, out FrameHeader header)
    {
        header = default;
        var rest = source[read..];
        if (rest.IsEmpty)
        {
            return CompressionFault.Truncated;
        }

        var flags = rest[0];
        if ((flags & ReservedFlag) != 0)
        {
            return CompressionFault.Format;
        }

        var isSingleSegment = (flags & SingleSegmentFlag) != 0;
        var windowBytes = isSingleSegment ? 0 : 1;
        var dictionaryBytes = (flags & 3) == 3 ? sizeof(uint) : flags & 3;
        var sizeCode = flags >> 6;
        var sizeBytes = sizeCode == 0 && !isSingleSegment ? 0 : 1 << sizeCode;
        if (rest.Length < 1 + windowBytes + dictionaryBytes + sizeBytes)
        {
            return CompressionFault.Truncated;
        }

        read += 1 + windowBytes + dictionaryBytes + sizeBytes;
        if (rest.Slice(1 + windowBytes, dictionaryBytes).ContainsAnyExcept((byte)0))
        {
            return CompressionFault.Unsupported;
        }

        var contentBytes = ReadContentBytes(rest.Slice(1 + windowBytes + dictionaryBytes, sizeBytes));
        var window = isSingleSegment ? (long)Math.Min(long.MaxValue, contentBytes) : WindowBytes(rest[1]);
        header = new FrameHeader(window, sizeBytes > 0, contentBytes, (flags & ChecksumFlag) != 0);
        return CompressionFault.None;
    }

    private static ulong ReadContentBytes(ReadOnlySpan<byte> field) => field.Length switch
    {
        0 => 0,
        1 => field[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(field) + 256u,
        4 => BinaryPrimitives.ReadUInt32LittleEndian(field),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(field),
    };

    // 3.1.1.1.2: a power of two from 1 KiB on, and eighths of it.
    private static long WindowBytes(byte descriptor)
    {
        var power = 1L << (10 + (descriptor >> 3));
        return power + (power / 8 * (descriptor & 7));
    }

    private CompressionFault DecompressBlocks(
        ReadOnlySpan<byte> source, ref int read, in FrameHeader header, WireWriter target, int lengthMax)
    {
        var start = target.Length;
        var blockBytesMax = (int)Math.Min(ZstandardFormat.BlockBytesMax, header.WindowBytes);
        _literals.Reset();
        _sequences.Reset();
        while (source.Length - read >= ZstandardFormat.BlockHeaderBytes)
        {
            var head = source[read] | (source[read + 1] << 8) | (source[read + 2] << 16);
            read += ZstandardFormat.BlockHeaderBytes;
            var (isLast, type, size) = ((head & 1) != 0, (BlockType)((head >> 1) & 3), head >> 3);
            if (size > blockBytesMax)
            {
                return CompressionFault.Format;
            }

            var stored = type == BlockType.Repeated ? 1 : size;
            if (stored > source.Length - read)
            {
                return CompressionFault.Truncated;
            }

            var block = source.Slice(read, stored);
            read += stored;
            var fault = type switch
            {
                BlockType.Raw or BlockType.Repeated => AppendPlain(block, size, target, lengthMax),
                BlockType.Compressed => DecompressBlock(block, start, blockBytesMax, header.WindowBytes, target, lengthMax),
                _ => CompressionFault.Format,
            };
            if (fault != CompressionFault.None || isLast)
            {
                return fault;
            }
        }

        return CompressionFault.Truncated;
    }

    private static CompressionFault AppendPlain(ReadOnlySpan<byte> block, int size, WireWriter target, int lengthMax)
    {
        if (size > lengthMax - target.Length)
        {
            return CompressionFault.Limit;
        }

        var room = target.GetSpanFrom(target.Length, size);
        if (block.Length == size)
        {
            block.CopyTo(room);
        }
        else
        {
            room.Fill(block[0]);
        }

        target.Advance(size);
        return CompressionFault.None;
    }

    private CompressionFault DecompressBlock(
        ReadOnlySpan<byte> block, int start, int blockBytesMax, long windowBytes, WireWriter target, int lengthMax)
    {
        if (!_literals.TryRead(block, out var read, out var literals))
        {
            return CompressionFault.Format;
        }

        var room = Math.Min(blockBytesMax, lengthMax - target.Length);
        var before = target.Length - start;
        var written = before;
        var fault = _sequences.Execute(block[read..], literals, target.GetSpanFrom(start, room), ref written, windowBytes);
        if (fault != CompressionFault.None)
        {
            return room == blockBytesMax ? CompressionFault.Format : fault;
        }

        target.Advance(written - before);
        return CompressionFault.None;
    }

    private static CompressionFault CheckContents(ReadOnlySpan<byte> source, ref int read, ReadOnlySpan<byte> contents)
    {
        if (source.Length - read < WordBytes)
        {
            return CompressionFault.Truncated;
        }

        var checksum = BinaryPrimitives.ReadUInt32LittleEndian(source[read..]);
        read += WordBytes;
        return checksum == (uint)StableHash.Compute(contents) ? CompressionFault.None : CompressionFault.Checksum;
    }

    /// <summary>What the head of a frame says.</summary>
    /// <param name="WindowBytes">How far back it may refer.</param>
    /// <param name="HasContentBytes">Whether it says how long the contents are.</param>
    /// <param name="ContentBytes">How long.</param>
    /// <param name="HasChecksum">Whether a checksum of the contents is behind it.</param>
    private readonly record struct FrameHeader(long WindowBytes, bool HasContentBytes, ulong ContentBytes, bool HasChecksum);
}
