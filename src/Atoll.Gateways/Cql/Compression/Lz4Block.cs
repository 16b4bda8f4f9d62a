using System.Buffers.Binary;
using Atoll.Foundation.Checks;

namespace Atoll.Gateways.Cql.Compression;

/// <summary>
/// The LZ4 block format: sequences of a token, literals, and a match (offset of 2 bytes, little-endian, and length). The upper half of the
/// token counts literals, the lower one the match's bytes beyond four; 15 means that more bytes follow, each added, until one is not 255.
/// The last sequence is literals alone. Fast rather than small: one look into a hash table, no search.
/// </summary>
public static class Lz4Block
{
    private const int MatchBytesMin = 4;
    private const int OffsetMax = ushort.MaxValue;
    private const int NibbleMax = 15;

    // The format's rules for the end of a block: the last bytes are literals, and no match begins near the end.
    private const int LastLiteralBytes = 5;
    private const int LastMatchDistance = 12;

    private const int HashBits = 12;
    private const int SkipShift = 6;

    /// <summary>The most that a byte of a block can stand for: a match's length grows by 255 with each.</summary>
    public const int ExpansionMax = 255;

    /// <summary>How long the block of so many bytes can be, at worst.</summary>
    public static int CompressedBytesMax(int bytes) => checked(bytes + (bytes / 255) + 16);

    /// <summary>Compresses.</summary>
    /// <param name="source">The bytes.</param>
    /// <param name="target">Room for <see cref="CompressedBytesMax"/> bytes.</param>
    /// <returns>The length of the block.</returns>
    public static int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        Check.That(target.Length >= CompressedBytesMax(source.Length));
        Span<int> table = stackalloc int[1 << HashBits]; // where a value of four bytes was seen last, plus one; 0: nowhere
        table.Clear();
        var written = 0;
        var literals = 0; // where the literals of the next sequence begin
        var position = 0;
        var misses = 0;
        while (position < source.Length - LastMatchDistance)
        {
            var word = BinaryPrimitives.ReadUInt32LittleEndian(source[position..]);
            ref var slot = ref table[(int)((word * 2654435761U) >> (32 - HashBits))];
            var candidate = slot - 1;
            slot = position + 1;
            if (candidate < 0 || position - candidate > OffsetMax
                || BinaryPrimitives.ReadUInt32LittleEndian(source[candidate..]) != word)
            {
                position += 1 + (misses++ >> SkipShift); // what does not compress is passed over faster and faster
                continue;
            }

            misses = 0;
            var length = MatchBytesMin + CommonBytes(
                source[(candidate + MatchBytesMin)..], source[(position + MatchBytesMin)..^LastLiteralBytes]);
            written += WriteSequence(target[written..], source[literals..position], position - candidate, length);
            position += length;
            literals = position;
        }

        written += WriteLast(target[written..], source[literals..]);
        Check.That(written <= target.Length);
        return written;
    }

    /// <summary>Decompresses a block whose length before compression is known.</summary>
    /// <param name="source">The block.</param>
    /// <param name="target">As long as what was compressed.</param>
    /// <returns>False when the block is damaged, or not of that length; the target may hold anything then.</returns>
    public static bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        var read = 0;
        var written = 0;
        while (read < source.Length)
        {
            var token = source[read++];
            if (!TryReadLength(source, ref read, token >> 4, out var literals)
                || literals > source.Length - read || literals > target.Length - written)
            {
                return false;
            }

            source.Slice(read, literals).CopyTo(target[written..]);
            read += literals;
            written += literals;
            if (read == source.Length)
            {
                return written == target.Length;
            }

            if (source.Length - read < sizeof(ushort))
            {
                return false;
            }

            var offset = BinaryPrimitives.ReadUInt16LittleEndian(source[read..]);
            read += sizeof(ushort);
            if (!TryReadLength(source, ref read, token & NibbleMax, out var length)
                || offset == 0 || offset > written || length > target.Length - written - MatchBytesMin)
            {
                return false;
            }

            CopyMatch(target, written, offset, length + MatchBytesMin);
            written += length + MatchBytesMin;
        }

        return false; // it ended without literals
    }

    private static int CommonBytes(ReadOnlySpan<byte> earlier, ReadOnlySpan<byte> later) => earlier.CommonPrefixLength(later);

    private static int WriteSequence(Span<byte> target, ReadOnlySpan<byte> literals, int offset, int length)
    {
        var extra = length - MatchBytesMin;
        target[0] = (byte)((Math.Min(literals.Length, NibbleMax) << 4) | Math.Min(extra, NibbleMax));
        var written = 1 + WriteLength(target[1..], literals.Length);
        literals.CopyTo(target[written..]);
        written += literals.Length;
        BinaryPrimitives.WriteUInt16LittleEndian(target[written..], (ushort)offset);
        written += sizeof(ushort);
        return written + WriteLength(target[written..], extra);
    }

    private static int WriteLast(Span<byte> target, ReadOnlySpan<byte> literals)
    {
        target[0] = (byte)(Math.Min(literals.Length, NibbleMax) << 4);
        var written = 1 + WriteLength(target[1..], literals.Length);
        literals.CopyTo(target[written..]);
        return written + literals.Length;
    }

    private static int WriteLength(Span<byte> target, int length)
    {
        if (length < NibbleMax)
        {
            return 0;
        }

        var written = 0;
        for (length -= NibbleMax; length >= 255; length -= 255)
        {
            target[written++] = 255;
        }

        target[written++] = (byte)length;
        return written;
    }

    private static bool TryReadLength(ReadOnlySpan<byte> source, ref int read, int nibble, out int length)
    {
        length = nibble;
        if (nibble < NibbleMax)
        {
            return true;
        }

        byte more;
        do
        {
            if (read == source.Length || length > int.MaxValue - 255 - MatchBytesMin)
            {
                return false;
            }

            more = source[read++];
            length += more;
        }
        while (more == 255);
        return true;
    }

    private static void CopyMatch(Span<byte> target, int position, int offset, int length)
    {
        // A match may reach into itself: what is copied so far is then repeated, twice as much each time.
        var from = position - offset;
        while (length > 0)
        {
            var piece = Math.Min(length, position - from);
            target.Slice(from, piece).CopyTo(target[position..]);
            position += piece;
            length -= piece;
        }
    }
}
