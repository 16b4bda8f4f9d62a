using System.Buffers.Binary;
using Atoll.Foundation.Checks;

namespace Atoll.Foundation.Compression;

/// <summary>
/// The LZ4 block format: sequences of a token, literals, and a match (offset of 2 bytes, little-endian, and length). The upper half of the
/// token counts literals, the lower one the match's bytes beyond four; 15 means that more bytes follow, each added, until one is not 255.
/// The last sequence is literals alone.
/// </summary>
public static class Lz4Block
{
    private const int OffsetMax = ushort.MaxValue;
    private const int NibbleMax = 15;

    // The format's rules for the end of a block: the last bytes are literals, and no match begins near the end.
    private const int LastLiteralBytes = 5;
    private const int LastMatchDistance = 12;

    private const int HashBits = 12;

    /// <summary>The most that a byte of a block can stand for: a match's length grows by 255 with each.</summary>
    public const int ExpansionMax = 255;

    /// <summary>How far back a match can be: so many bytes before a block are all that it may refer to.</summary>
    public const int HistoryBytes = 64 * 1024;

    /// <summary>How long the block of so many bytes can be, at worst.</summary>
    public static int CompressedBytesMax(int bytes) => checked(bytes + (bytes / 255) + 16);

    /// <summary>Compresses.</summary>
    /// <param name="source">The bytes.</param>
    /// <param name="target">Room for <see cref="CompressedBytesMax"/> bytes.</param>
    /// <returns>The length of the block.</returns>
    public static int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        Check.That(target.Length >= CompressedBytesMax(source.Length));
        Span<int> table = stackalloc int[1 << HashBits];
        table.Clear();
        var finder = new MatchFinder(source, table, OffsetMax, LastMatchDistance, LastLiteralBytes);
        var written = 0;
        while (finder.TryNext(source.Length, out var match))
        {
            written += WriteSequence(target[written..], source[match.LiteralsFrom..match.Position], match.Distance, match.Length);
        }

        written += WriteLast(target[written..], source[finder.LiteralsFrom..]);
        Check.That(written <= target.Length);
        return written;
    }

    /// <summary>Decompresses a block whose length before compression is known.</summary>
    /// <param name="source">The block.</param>
    /// <param name="target">As long as what was compressed.</param>
    /// <returns>False when the block is damaged, or not of that length; the target may hold anything then.</returns>
    public static bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        var written = 0;
        return Decompress(source, target, ref written) == CompressionFault.None && written == target.Length;
    }

    /// <summary>Decompresses a block behind what it may refer to.</summary>
    /// <param name="source">The block.</param>
    /// <param name="target">What came before, and room behind it, which may hold anything when it fails.</param>
    /// <param name="written">Bytes in the target.</param>
    /// <returns>Limit when the room is too small.</returns>
    public static CompressionFault Decompress(ReadOnlySpan<byte> source, Span<byte> target, ref int written)
    {
        var read = 0;
        var position = written;
        while (read < source.Length)
        {
            var token = source[read++];
            if (!TryReadLength(source, ref read, token >> 4, out var literals))
            {
                return CompressionFault.Format;
            }

            if (literals > source.Length - read || literals > target.Length - position)
            {
                return literals > source.Length - read ? CompressionFault.Format : CompressionFault.Limit;
            }

            Match.CopyLiterals(source[read..], target[position..], literals);
            read += literals;
            position += literals;
            if (read == source.Length)
            {
                written = position;
                return CompressionFault.None;
            }

            if (source.Length - read < sizeof(ushort))
            {
                return CompressionFault.Format;
            }

            var offset = BinaryPrimitives.ReadUInt16LittleEndian(source[read..]);
            read += sizeof(ushort);
            if (!TryReadLength(source, ref read, token & NibbleMax, out var length) || offset == 0 || offset > position)
            {
                return CompressionFault.Format;
            }

            length += MatchFinder.BytesMin;
            if (length > target.Length - position)
            {
                return CompressionFault.Limit;
            }

            Match.Copy(target, position, offset, length);
            position += length;
        }

        return CompressionFault.Format; // it ended without literals
    }

    private static int WriteSequence(Span<byte> target, ReadOnlySpan<byte> literals, int offset, int length)
    {
        var extra = length - MatchFinder.BytesMin;
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
            if (read == source.Length || length > int.MaxValue - 255 - MatchFinder.BytesMin)
            {
                return false;
            }

            more = source[read++];
            length += more;
        }
        while (more == 255);
        return true;
    }
}
