using Atoll.Foundation.Bytes;

namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>
/// Writes Zstandard (RFC 8878), fast rather than small: matches found by one look each, literals in Huffman codes where they are text,
/// sequences by tables of their own where they are many. A frame says how long its contents are, and has no checksum (a
/// record batch has its own). Reusable; not for several threads at once.
/// </summary>
public sealed class ZstandardEncoder
{
    private const byte SingleSegmentFlag = 0x20;
    private const int SizeCodeShift = 6;
    private const int SizeOfTwoBytesFrom = 256;
    private const int SizeOfFourBytesFrom = SizeOfTwoBytesFrom + ushort.MaxValue + 1;

    private const int HashBitsMin = 8;
    private const int HashBitsMax = 15;

    // The predefined table of offsets has no code beyond.
    private const int DistanceMax = 1 << 27;

    private readonly LiteralsEncoding _literalsEncoding = new();
    private readonly SequencesEncoding _sequences = new();
    private byte[] _literals = [];
    private int[] _table = [];

    /// <summary>Appends a frame.</summary>
    /// <param name="source">The contents.</param>
    /// <param name="target">Where to.</param>
    public void Compress(ReadOnlySpan<byte> source, WireWriter target)
    {
        WriteHeader(source.Length, target);
        _sequences.Reset();
        var finder = new MatchFinder(source, PrepareTable(source.Length), DistanceMax, MatchFinder.BytesMin, 0);
        var from = 0;
        do
        {
            var block = source.Slice(from, Math.Min(source.Length - from, ZstandardFormat.BlockBytesMax));
            var end = from + block.Length;
            WriteBlock(source, from, end, ref finder, target);
            from = end;
        }
        while (from < source.Length);
    }

    private Span<int> PrepareTable(int bytes)
    {
        var size = 1 << Math.Clamp(int.Log2(Math.Max(1, bytes)), HashBitsMin, HashBitsMax);
        if (_table.Length < size)
        {
            _table = new int[size];
        }

        var table = _table.AsSpan(0, size);
        table.Clear();
        return table;
    }

    private void WriteBlock(ReadOnlySpan<byte> source, int from, int end, ref MatchFinder finder, WireWriter target)
    {
        var block = source[from..end];
        var isLast = end == source.Length;
        if (block.Length > 1 && !block.ContainsAnyExcept(block[0]))
        {
            finder.Pass(end);
            WriteBlockHeader(block.Length, BlockType.Repeated, isLast, target);
            target.WriteByte(block[0]);
            return;
        }

        // Compressed, it must become less than what it is.
        var offsets = _sequences.LastOffsets;
        var room = target.GetSpan(ZstandardFormat.BlockHeaderBytes + block.Length)[ZstandardFormat.BlockHeaderBytes..];
        var size = Encode(source, end, ref finder, room[..Math.Max(0, block.Length - 1)]);
        if (size == 0)
        {
            _sequences.Undo(offsets);
            WriteBlockHeader(block.Length, BlockType.Raw, isLast, target);
            target.WriteRaw(block);
            return;
        }

        WriteBlockHeader(size, BlockType.Compressed, isLast, target);
        target.Advance(size);
    }

    // Bytes of the block; 0 when there is no room.
    private int Encode(ReadOnlySpan<byte> source, int end, ref MatchFinder finder, Span<byte> target)
    {
        if (_literals.Length == 0)
        {
            _literals = new byte[ZstandardFormat.BlockBytesMax];
        }

        var literals = 0;
        while (finder.TryNext(end, out var match))
        {
            var length = match.Position - match.LiteralsFrom;
            source.Slice(match.LiteralsFrom, length).CopyTo(_literals.AsSpan(literals));
            literals += length;
            _sequences.Add(match);
        }

        source[finder.LiteralsFrom..end].CopyTo(_literals.AsSpan(literals));
        literals += end - finder.LiteralsFrom;
        finder.Pass(end);
        var written = _literalsEncoding.Write(_literals.AsSpan(0, literals), target);
        var sequences = _sequences.Write(target[written..]);
        return written == 0 || sequences == 0 ? 0 : written + sequences;
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
