using System.Buffers.Binary;
using Atoll.Foundation.Bytes;

namespace Atoll.Storage.Lsm;

/// <summary>What a block holds; part of its checksum.</summary>
internal enum BlockType : byte
{
    /// <summary>Entries.</summary>
    Data = 1,

    /// <summary>The last key and place of each data block of a partition.</summary>
    Index = 2,

    /// <summary>The Bloom filter of a partition's keys.</summary>
    Filter = 3,

    /// <summary>The last key of each partition, and the places of its index and filter.</summary>
    Top = 4,

    /// <summary>The ranges that are deleted.</summary>
    RangeTombstones = 5,

    /// <summary>What the file says of itself.</summary>
    Properties = 6,

    /// <summary>One value, in a value file.</summary>
    Value = 7,
}

/// <summary>Where a block is.</summary>
/// <param name="Offset">Where in the file it begins.</param>
/// <param name="Length">Bytes of its content, without the trailer.</param>
internal readonly record struct BlockHandle(long Offset, int Length)
{
    /// <summary>The first byte behind the block and its trailer.</summary>
    public long End => Offset + Length + TableFormat.BlockTrailerBytes;
}

/// <summary>The layout of a sorted file, as docs/store.md has it.</summary>
internal static class TableFormat
{
    /// <summary>The format that this program writes, and the newest that it reads.</summary>
    public const uint Version = 2;

    /// <summary>The first format that knows value files.</summary>
    public const uint VersionOfValueFiles = 2;

    /// <summary>Type, three zeros, checksum.</summary>
    public const int BlockTrailerBytes = 8;

    /// <summary>Bytes of the footer, at the very end of the file.</summary>
    public const int FooterBytes = 96;

    /// <summary>Data blocks are closed at or below this size; one entry that is larger gets a block of its own.</summary>
    public const int BlockBytesMax = 1024 * 1024;

    /// <summary>No block is as long as this: keys, values and heads at their ceilings fit many times over.</summary>
    public const int BlockBytesCeiling = 256 * 1024 * 1024;

    /// <summary>No value file is as long as this.</summary>
    public const long ValueFileBytesCeiling = 1L << 44;

    /// <summary>Entries between two keys of a data block that are written in full.</summary>
    public const int RestartInterval = 16;

    /// <summary>Tree's number, big-endian, in front of every key.</summary>
    public const int TreePrefixBytes = 8;

    private const string Suffix = ".sst";
    private const string ValueSuffix = ".val";

    private static readonly System.Buffers.SearchValues<char> HexDigits = System.Buffers.SearchValues.Create("0123456789abcdef");

    /// <summary>The name of a sorted file.</summary>
    public static string FileName(string folder, ulong number) => $"{folder}/{number:x16}{Suffix}";

    /// <summary>The number in the name of a sorted file, as a listing shows it.</summary>
    public static bool TryParseFileName(string name, out ulong number) => TryParse(name, Suffix, out number);

    /// <summary>The name of a value file.</summary>
    public static string ValueFileName(string folder, ulong number) => $"{folder}/{number:x16}{ValueSuffix}";

    /// <summary>The number in the name of a sorted file or of a value file, as a listing shows it.</summary>
    public static bool TryParseNumberedName(string name, out ulong number) =>
        TryParse(name, Suffix, out number) || TryParse(name, ValueSuffix, out number);

    private static bool TryParse(string name, string suffix, out ulong number)
    {
        number = 0;
        return name.Length == 16 + suffix.Length
            && name.EndsWith(suffix, StringComparison.Ordinal)
            && name.AsSpan(0, 16).IndexOfAnyExcept(HexDigits) < 0
            && ulong.TryParse(
                name.AsSpan(0, 16), System.Globalization.NumberStyles.AllowHexSpecifier,
                System.Globalization.CultureInfo.InvariantCulture, out number);
    }

    /// <summary>
    /// The checksum of a block: over its content, and over what makes it this block of this file, so that a read or write that went to
    /// another place shows.
    /// </summary>
    public static uint Checksum(ReadOnlySpan<byte> content, BlockType type, long offset, ulong identity, ulong number)
    {
        Span<byte> place = stackalloc byte[32];
        BinaryPrimitives.WriteUInt64LittleEndian(place, identity);
        BinaryPrimitives.WriteUInt64LittleEndian(place[8..], number);
        BinaryPrimitives.WriteInt64LittleEndian(place[16..], offset);
        BinaryPrimitives.WriteInt32LittleEndian(place[24..], content.Length);
        BinaryPrimitives.WriteInt32LittleEndian(place[28..], (int)type);
        return Crc32C.Compute(place, content);
    }

    /// <summary>Whether a block, with its trailer behind it, is what was written there.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> block, BlockType type, long offset, ulong identity, ulong number)
    {
        if (block.Length < BlockTrailerBytes)
        {
            return false;
        }

        var trailer = block[^BlockTrailerBytes..];
        return trailer[0] == (byte)type && (trailer[1] | trailer[2] | trailer[3]) == 0
            && BinaryPrimitives.ReadUInt32LittleEndian(trailer[4..])
                == Checksum(block[..^BlockTrailerBytes], type, offset, identity, number);
    }

    /// <summary>Writes a block's trailer.</summary>
    public static void WriteTrailer(
        Span<byte> trailer, ReadOnlySpan<byte> content, BlockType type, long offset, ulong identity, ulong number)
    {
        trailer[0] = (byte)type;
        trailer[1] = trailer[2] = trailer[3] = 0;
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[4..], Checksum(content, type, offset, identity, number));
    }
}
