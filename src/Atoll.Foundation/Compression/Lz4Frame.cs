using System.Buffers.Binary;
using Atoll.Foundation.Bytes;

namespace Atoll.Foundation.Compression;

/// <summary>
/// The LZ4 frame format, version 1.6.1: a head with its checksum, blocks, and an end mark, with checksums of blocks and of the contents
/// where the head says so. Blocks may refer back to those before them (64 KiB). Several frames one behind the other are their contents in a
/// row. Frames with a dictionary and those of the old format ("legacy") are refused.
/// </summary>
public static class Lz4Frame
{
    private const uint Magic = 0x184D2204;
    private const uint LegacyMagic = 0x184C2102;

    // The first byte of the head: version and flags.
    private const int VersionShift = 6;
    private const int Version = 1;
    private const byte IndependentFlag = 0x20;
    private const byte BlockChecksumFlag = 0x10;
    private const byte ContentBytesFlag = 0x08;
    private const byte ContentChecksumFlag = 0x04;
    private const byte ReservedFlag = 0x02;
    private const byte DictionaryFlag = 0x01;

    // The second one: the longest block, 64 KiB times a power of four.
    private const byte BlockBytesReserved = 0x8F;
    private const int BlockBytesCodeMin = 4;

    private const uint StoredFlag = 0x80000000;
    private const int WordBytes = sizeof(uint);

    // What is written: independent blocks of 64 KiB, no checksums (a record batch has its own), as Kafka's clients write it.
    private const int WrittenBlockBytes = 64 * 1024;

    /// <summary>Appends a frame.</summary>
    /// <param name="source">The contents.</param>
    /// <param name="target">Where to.</param>
    public static void Compress(ReadOnlySpan<byte> source, WireWriter target)
    {
        ReadOnlySpan<byte> descriptor = [(Version << VersionShift) | IndependentFlag, BlockBytesCodeMin << 4];
        target.WriteUInt32(Magic);
        target.WriteRaw(descriptor);
        target.WriteByte(HeaderChecksum(descriptor));
        while (!source.IsEmpty)
        {
            var block = source[..Math.Min(source.Length, WrittenBlockBytes)];
            var room = target.GetSpan(WordBytes + Lz4Block.CompressedBytesMax(block.Length));
            var size = Lz4Block.Compress(block, room[WordBytes..]);
            if (size >= block.Length)
            {
                size = block.Length;
                block.CopyTo(room[WordBytes..]);
                BinaryPrimitives.WriteUInt32LittleEndian(room, (uint)size | StoredFlag);
            }
            else
            {
                BinaryPrimitives.WriteUInt32LittleEndian(room, (uint)size);
            }

            target.Advance(WordBytes + size);
            source = source[block.Length..];
        }

        target.WriteUInt32(0);
    }

    /// <summary>Appends the contents of all frames of the input. Never throws on any input.</summary>
    /// <param name="source">Frames, and nothing else.</param>
    /// <param name="target">Where to; unchanged when it fails.</param>
    /// <param name="bytesMax">The most that is appended.</param>
    public static CompressionFault Decompress(ReadOnlySpan<byte> source, WireWriter target, int bytesMax)
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

    private static CompressionFault DecompressFrame(ReadOnlySpan<byte> source, ref int read, WireWriter target, int lengthMax)
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

        if (magic != Magic)
        {
            return magic == LegacyMagic ? CompressionFault.Unsupported : CompressionFault.Format;
        }

        read += WordBytes;
        var fault = ReadHeader(source, ref read, out var header);
        if (fault != CompressionFault.None)
        {
            return fault;
        }

        var start = target.Length;
        if (header.ContentBytes > lengthMax - start)
        {
            return CompressionFault.Limit;
        }

        fault = DecompressBlocks(source, ref read, header, target, lengthMax);
        return fault != CompressionFault.None ? fault
            : header.ContentBytes >= 0 && target.Length - start != header.ContentBytes ? CompressionFault.Format
            : header.HasContentChecksum ? CheckContents(source, ref read, target.Written[start..]) : CompressionFault.None;
    }

    private static CompressionFault ReadHeader(ReadOnlySpan<byte> source, ref int read, out FrameHeader header)
    {
        header = default;
        var rest = source[read..];
        if (rest.Length < 3)
        {
            return CompressionFault.Truncated;
        }

        var (flags, blockBytesCode) = (rest[0], rest[1] >> 4);
        if (flags >> VersionShift != Version)
        {
            return CompressionFault.Unsupported;
        }

        if ((flags & ReservedFlag) != 0 || (rest[1] & BlockBytesReserved) != 0 || blockBytesCode < BlockBytesCodeMin)
        {
            return CompressionFault.Format;
        }

        var hasContentBytes = (flags & ContentBytesFlag) != 0;
        var hasDictionary = (flags & DictionaryFlag) != 0;
        var size = 2 + (hasContentBytes ? sizeof(ulong) : 0) + (hasDictionary ? sizeof(uint) : 0);
        if (rest.Length <= size)
        {
            return CompressionFault.Truncated;
        }

        if (HeaderChecksum(rest[..size]) != rest[size])
        {
            return CompressionFault.Checksum;
        }

        if (hasDictionary)
        {
            return CompressionFault.Unsupported;
        }

        read += size + 1;
        header = new FrameHeader(
            1 << (8 + (2 * blockBytesCode)),
            hasContentBytes ? (long)Math.Min(long.MaxValue, BinaryPrimitives.ReadUInt64LittleEndian(rest[2..])) : -1,
            (flags & IndependentFlag) != 0, (flags & BlockChecksumFlag) != 0, (flags & ContentChecksumFlag) != 0);
        return CompressionFault.None;
    }

    private static CompressionFault DecompressBlocks(
        ReadOnlySpan<byte> source, ref int read, in FrameHeader header, WireWriter target, int lengthMax)
    {
        var start = target.Length;
        while (source.Length - read >= WordBytes)
        {
            var word = BinaryPrimitives.ReadUInt32LittleEndian(source[read..]);
            read += WordBytes;
            if (word == 0)
            {
                return CompressionFault.None;
            }

            var size = (int)(word & ~StoredFlag);
            if (size > header.BlockBytesMax)
            {
                return CompressionFault.Format;
            }

            if (size > source.Length - read - (header.HasBlockChecksums ? WordBytes : 0))
            {
                return CompressionFault.Truncated;
            }

            var block = source.Slice(read, size);
            read += size;
            if (header.HasBlockChecksums)
            {
                if (BinaryPrimitives.ReadUInt32LittleEndian(source[read..]) != XxHash32.Compute(block))
                {
                    return CompressionFault.Checksum;
                }

                read += WordBytes;
            }

            var history = header.AreBlocksIndependent ? 0 : Math.Min(Lz4Block.HistoryBytes, target.Length - start);
            var fault = (word & StoredFlag) == 0 ? DecompressBlock(block, header.BlockBytesMax, history, target, lengthMax)
                : AppendStored(block, target, lengthMax);
            if (fault != CompressionFault.None)
            {
                return fault;
            }
        }

        return CompressionFault.Truncated;
    }

    private static CompressionFault AppendStored(ReadOnlySpan<byte> block, WireWriter target, int lengthMax)
    {
        if (block.Length > lengthMax - target.Length)
        {
            return CompressionFault.Limit;
        }

        target.WriteRaw(block);
        return CompressionFault.None;
    }

    private static CompressionFault DecompressBlock(
        ReadOnlySpan<byte> block, int blockBytesMax, int history, WireWriter target, int lengthMax)
    {
        // Room for what the block may become: few bytes never make much of it.
        var possible = (int)Math.Min(blockBytesMax, (long)block.Length * Lz4Block.ExpansionMax);
        var room = Math.Min(possible, lengthMax - target.Length);
        var written = history;
        var fault = Lz4Block.Decompress(block, target.GetSpanFrom(target.Length - history, room), ref written);
        if (fault != CompressionFault.None)
        {
            return room == possible ? CompressionFault.Format : fault;
        }

        target.Advance(written - history);
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
        return checksum == XxHash32.Compute(contents) ? CompressionFault.None : CompressionFault.Checksum;
    }

    private static byte HeaderChecksum(ReadOnlySpan<byte> descriptor) => (byte)(XxHash32.Compute(descriptor) >> 8);

    /// <summary>What the head of a frame says.</summary>
    /// <param name="BlockBytesMax">The longest block, before compression.</param>
    /// <param name="ContentBytes">Bytes of the contents; -1 when it does not say.</param>
    /// <param name="AreBlocksIndependent">Whether no block refers to those before it.</param>
    /// <param name="HasBlockChecksums">Whether a checksum is behind each block.</param>
    /// <param name="HasContentChecksum">Whether one of the contents is behind all.</param>
    private readonly record struct FrameHeader(
        int BlockBytesMax, long ContentBytes, bool AreBlocksIndependent, bool HasBlockChecksums, bool HasContentChecksum);
}
