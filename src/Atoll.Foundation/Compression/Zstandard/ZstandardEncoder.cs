using System.Buffers.Binary;
using Atoll.Foundation.Bytes;

namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>
/// Writes Zstandard (RFC 8878): valid frames, of blocks that are stored, or of one byte many times. It does not compress yet.
/// </summary>
public static class ZstandardEncoder
{
    private const byte SingleSegmentFlag = 0x20;
    private const int SizeCodeShift = 6;
    private const int SizeOfTwoBytesFrom = 256;
    private const int SizeOfFourBytesFrom = SizeOfTwoBytesFrom + ushort.MaxValue + 1;

    /// <summary>Appends a frame, which says how long its contents are, and has no checksum (a record batch has its own).</summary>
    /// <param name="source">The contents.</param>
    /// <param name="target">Where to.</param>
    public static void Compress(ReadOnlySpan<byte> source, WireWriter target)
    {
        WriteHeader(source.Length, target);
        do
        {
            var block = source[..Math.Min(source.Length, ZstandardFormat.BlockBytesMax)];
            source = source[block.Length..];
            var isRepeated = block.Length > 1 && !block.ContainsAnyExcept(block[0]);
            WriteBlockHeader(block.Length, isRepeated ? BlockType.Repeated : BlockType.Raw, source.IsEmpty, target);
            target.WriteRaw(isRepeated ? block[..1] : block);
        }
        while (!source.IsEmpty);
    }

    private static void WriteHeader(int bytes, WireWriter target)
    {
        target.WriteUInt32(ZstandardFormat.Magic);
        var sizeCode = bytes < SizeOfTwoBytesFrom ? 0 : bytes < SizeOfFourBytesFrom ? 1 : 2;
        target.WriteByte((byte)(SingleSegmentFlag | (sizeCode << SizeCodeShift)));
        switch (sizeCode)
        {
            case 0:
                target.WriteByte((byte)bytes);
                break;
            case 1:
                target.WriteUInt16((ushort)(bytes - SizeOfTwoBytesFrom));
                break;
            default:
                target.WriteUInt32((uint)bytes);
                break;
        }
    }

    private static void WriteBlockHeader(int size, BlockType type, bool isLast, WireWriter target)
    {
        var head = (size << 3) | ((int)type << 1) | (isLast ? 1 : 0);
        target.WriteUInt16((ushort)head);
        target.WriteByte((byte)(head >> 16));
    }
}
