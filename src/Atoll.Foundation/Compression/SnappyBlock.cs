using System.Buffers.Binary;
using Atoll.Foundation.Checks;

namespace Atoll.Foundation.Compression;

/// <summary>
/// Snappy's own format (format_description.txt): the length before compression (varint), then literals and copies of what was before, each
/// behind a tag whose lowest two bits say which of them it is and how its offset is written.
/// </summary>
public static class SnappyBlock
{
    /// <summary>The most that a byte can stand for: a copy of 64 bytes takes three.</summary>
    public const int ExpansionMax = 22;

    private const int LengthBytesMax = 5;
    private const int HashBits = 12;
    private const int OffsetMax = ushort.MaxValue;

    // Kinds of tags.
    private const int Literal = 0;
    private const int NearCopy = 1;
    private const int Copy = 2;

    // A literal's length less one is in its tag below this; above, the tag counts the bytes that it takes.
    private const int LiteralInTagMax = 60;
    private const int CopyBytesMax = 64;
    private const int NearCopyBytesMax = 11;
    private const int NearOffsetMax = 2047;

    /// <summary>How long so many bytes can become, at worst.</summary>
    public static int CompressedBytesMax(int bytes) => checked(bytes + (bytes / 6) + 32);

    /// <summary>Compresses.</summary>
    /// <param name="source">The bytes.</param>
    /// <param name="target">Room for <see cref="CompressedBytesMax"/> bytes.</param>
    /// <returns>The length of what was written.</returns>
    public static int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        Check.That(target.Length >= CompressedBytesMax(source.Length));
        var written = 0;
        var length = (uint)source.Length;
        for (; length >= 0x80; length >>= 7)
        {
            target[written++] = (byte)(length | 0x80);
        }

        target[written++] = (byte)length;
        Span<int> table = stackalloc int[1 << HashBits];
        table.Clear();
        var finder = new MatchFinder(source, table, OffsetMax, MatchFinder.BytesMin, 0);
        while (finder.TryNext(source.Length, out var match))
        {
            written += WriteLiteral(target[written..], source[match.LiteralsFrom..match.Position]);
            written += WriteCopies(target[written..], match.Distance, match.Length);
        }

        written += WriteLiteral(target[written..], source[finder.LiteralsFrom..]);
        Check.That(written <= target.Length);
        return written;
    }

    /// <summary>Reads how long a block was before compression.</summary>
    /// <param name="source">The block, or anything else.</param>
    /// <param name="bytes">The length: never more than so many bytes could become.</param>
    /// <returns>False when there is no length, or an impossible one.</returns>
    public static bool TryReadLength(ReadOnlySpan<byte> source, out int bytes) => TryReadLength(source, out bytes, out _);

    /// <summary>Decompresses a block.</summary>
    /// <param name="source">The block.</param>
    /// <param name="target">As long as the block says that it was.</param>
    /// <returns>False when it is damaged, or not of that length; the target may hold anything then.</returns>
    public static bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (!TryReadLength(source, out var bytes, out var read) || bytes != target.Length)
        {
            return false;
        }

        var position = 0;
        while (read < source.Length)
        {
            var tag = source[read++];
            if ((tag & 3) == Literal)
            {
                if (!TryReadLiteralLength(source, ref read, tag >> 2, out var literals)
                    || literals > source.Length - read || literals > target.Length - position)
                {
                    return false;
                }

                Match.CopyLiterals(source[read..], target[position..], literals);
                read += literals;
                position += literals;
                continue;
            }

            if (!TryReadCopy(source, ref read, tag, out var distance, out var length)
                || distance == 0 || distance > (uint)position || length > target.Length - position)
            {
                return false;
            }

            Match.Copy(target, position, (int)distance, length);
            position += length;
        }

        return position == target.Length;
    }

    private static bool TryReadLength(ReadOnlySpan<byte> source, out int bytes, out int read)
    {
        bytes = 0;
        read = 0;
        ulong length = 0;
        do
        {
            if (read == LengthBytesMax || read == source.Length)
            {
                return false;
            }

            length |= (ulong)(source[read] & 0x7F) << (7 * read);
        }
        while (source[read++] >= 0x80);
        if (length > (ulong)source.Length * ExpansionMax || length > int.MaxValue)
        {
            return false;
        }

        bytes = (int)length;
        return true;
    }

    private static bool TryReadLiteralLength(ReadOnlySpan<byte> source, ref int read, int inTag, out int length)
    {
        length = inTag + 1;
        if (inTag < LiteralInTagMax)
        {
            return true;
        }

        uint more = 0;
        var bytes = inTag - LiteralInTagMax + 1;
        if (bytes > source.Length - read)
        {
            return false;
        }

        for (var i = 0; i < bytes; i++)
        {
            more |= (uint)source[read++] << (8 * i);
        }

        length = (int)Math.Min(more, int.MaxValue - 1) + 1;
        return true;
    }

    private static bool TryReadCopy(ReadOnlySpan<byte> source, ref int read, byte tag, out uint distance, out int length)
    {
        var kind = tag & 3;
        var bytes = kind == NearCopy ? 1 : kind == Copy ? sizeof(ushort) : sizeof(uint);
        (distance, length) = (0, 0);
        if (bytes > source.Length - read)
        {
            return false;
        }

        length = kind == NearCopy ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
        distance = kind == NearCopy ? ((uint)(tag >> 5) << 8) | source[read]
            : kind == Copy ? BinaryPrimitives.ReadUInt16LittleEndian(source[read..])
            : BinaryPrimitives.ReadUInt32LittleEndian(source[read..]);
        read += bytes;
        return true;
    }

    private static int WriteLiteral(Span<byte> target, ReadOnlySpan<byte> literal)
    {
        if (literal.IsEmpty)
        {
            return 0;
        }

        var written = 1;
        var more = (uint)literal.Length - 1;
        if (more < LiteralInTagMax)
        {
            target[0] = (byte)(more << 2);
        }
        else
        {
            for (; more > 0; more >>= 8)
            {
                target[written++] = (byte)more;
            }

            target[0] = (byte)((LiteralInTagMax + written - 2) << 2);
        }

        literal.CopyTo(target[written..]);
        return written + literal.Length;
    }

    private static int WriteCopies(Span<byte> target, int distance, int length)
    {
        var written = 0;
        while (length > 0)
        {
            // What is left behind a long copy is never shorter than a match.
            var piece = length <= CopyBytesMax ? length : Math.Min(CopyBytesMax, length - MatchFinder.BytesMin);
            if (piece is >= MatchFinder.BytesMin and <= NearCopyBytesMax && distance <= NearOffsetMax)
            {
                target[written++] = (byte)(NearCopy | ((piece - MatchFinder.BytesMin) << 2) | (distance >> 8 << 5));
                target[written++] = (byte)distance;
            }
            else
            {
                target[written++] = (byte)(Copy | ((piece - 1) << 2));
                BinaryPrimitives.WriteUInt16LittleEndian(target[written..], (ushort)distance);
                written += sizeof(ushort);
            }

            length -= piece;
        }

        return written;
    }
}
