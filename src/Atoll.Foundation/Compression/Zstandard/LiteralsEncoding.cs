using System.Buffers.Binary;

namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>Writes the literals of a block (RFC 8878, 3.1.1.3.1), in whichever way takes the fewest bytes.</summary>
internal sealed class LiteralsEncoding
{
    // Types and, for those that are not compressed, formats of their size.
    private const int Raw = 0;
    private const int Repeated = 1;
    private const int Compressed = 2;
    private const int OneByteSizeMax = 31;
    private const int TwoByteSizeMax = 4095;

    // Fewer than these are not worth a table; more than those are written as four streams.
    private const int CompressedFrom = 64;
    private const int OneStreamMax = 255;
    private const int LengthsBytes = 6;

    private readonly HuffmanEncoding _huffman = new();

    /// <summary>Writes a section.</summary>
    /// <returns>Bytes of it; 0 when there is no room.</returns>
    public int Write(ReadOnlySpan<byte> literals, Span<byte> target)
    {
        if (literals.Length > 1 && !literals.ContainsAnyExcept(literals[0]))
        {
            return WritePlain(literals[..1], literals.Length, Repeated, target);
        }

        var written = literals.Length >= CompressedFrom && _huffman.TryBuild(literals) ? WriteCompressed(literals, target) : 0;
        return written > 0 ? written : WritePlain(literals, literals.Length, Raw, target);
    }

    private static int WritePlain(ReadOnlySpan<byte> stored, int size, int type, Span<byte> target)
    {
        var headBytes = size <= OneByteSizeMax ? 1 : size <= TwoByteSizeMax ? 2 : 3;
        if (headBytes + stored.Length > target.Length)
        {
            return 0;
        }

        var head = headBytes == 1 ? type | (size << 3) : type | ((headBytes == 2 ? 1 : 3) << 2) | (size << 4);
        for (var i = 0; i < headBytes; i++)
        {
            target[i] = (byte)(head >> (8 * i));
        }

        stored.CopyTo(target[headBytes..]);
        return headBytes + stored.Length;
    }

    private int WriteCompressed(ReadOnlySpan<byte> literals, Span<byte> target)
    {
        var isOneStream = literals.Length <= OneStreamMax;
        var (sizeBits, format) = literals.Length < 1 << 10 ? (10, isOneStream ? 0 : 1) : literals.Length < 1 << 14 ? (14, 2) : (18, 3);
        var headBytes = (4 + (2 * sizeBits)) / 8;

        // It must become less than what it is, and what it is fits into the field.
        target = target[..Math.Min(target.Length, headBytes + literals.Length - 1)];
        if (target.Length < headBytes)
        {
            return 0;
        }

        var body = target[headBytes..];
        var written = _huffman.WriteTable(body);
        var streams = written == 0 ? 0 : isOneStream ? _huffman.Encode(literals, body[written..]) : WriteFour(literals, body[written..]);
        if (streams == 0)
        {
            return 0;
        }

        written += streams;
        var head = (uint)(Compressed | (format << 2)) | ((ulong)(uint)literals.Length << 4) | ((ulong)(uint)written << (4 + sizeBits));
        for (var i = 0; i < headBytes; i++)
        {
            target[i] = (byte)(head >> (8 * i));
        }

        return headBytes + written;
    }

    private int WriteFour(ReadOnlySpan<byte> literals, Span<byte> target)
    {
        if (target.Length < LengthsBytes)
        {
            return 0;
        }

        var quarter = (literals.Length + 3) / 4;
        var written = LengthsBytes;
        for (var stream = 0; stream < 4; stream++)
        {
            var part = stream < 3 ? literals.Slice(stream * quarter, quarter) : literals[(3 * quarter)..];
            var size = _huffman.Encode(part, target[written..]);
            if (size == 0)
            {
                return 0;
            }

            if (stream < 3)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(target[(2 * stream)..], (ushort)size);
            }

            written += size;
        }

        return written;
    }
}
