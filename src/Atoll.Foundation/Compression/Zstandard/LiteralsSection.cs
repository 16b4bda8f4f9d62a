namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>
/// The literals of a block (RFC 8878, 3.1.1.3.1): as they are, one byte many times, or Huffman codes in one stream or four.
/// </summary>
internal sealed class LiteralsSection
{
    // Types.
    private const int Raw = 0;
    private const int Repeated = 1;
    private const int Treeless = 3;

    private readonly HuffmanTable _huffman = new();
    private readonly byte[] _buffer = new byte[ZstandardFormat.BlockBytesMax];

    /// <summary>A frame begins: no table is kept from the last one.</summary>
    public void Reset() => _huffman.Reset();

    /// <summary>Reads a section.</summary>
    /// <param name="block">The block.</param>
    /// <param name="read">Bytes of the section.</param>
    /// <param name="literals">The literals, of the block or of a buffer: valid until the next section is read.</param>
    /// <returns>False when it is none.</returns>
    public bool TryRead(ReadOnlySpan<byte> block, out int read, out ReadOnlySpan<byte> literals)
    {
        literals = default;
        read = 0;
        if (block.IsEmpty)
        {
            return false;
        }

        var type = block[0] & 3;
        return type <= Repeated
            ? TryReadPlain(block, type, out read, out literals)
            : TryReadCompressed(block, type, out read, out literals);
    }

    private bool TryReadPlain(ReadOnlySpan<byte> block, int type, out int read, out ReadOnlySpan<byte> literals)
    {
        literals = default;
        var format = (block[0] >> 2) & 3;
        read = format == 1 ? 2 : format == 3 ? 3 : 1;
        if (read > block.Length)
        {
            return false;
        }

        var size = read == 1 ? block[0] >> 3 : (int)(ReadLittleEndian(block[..read]) >> 4);
        var stored = type == Raw ? size : 1;
        if (size > ZstandardFormat.BlockBytesMax || stored > block.Length - read)
        {
            return false;
        }

        if (type == Raw)
        {
            literals = block.Slice(read, size);
        }
        else
        {
            _buffer.AsSpan(0, size).Fill(block[read]);
            literals = _buffer.AsSpan(0, size);
        }

        read += stored;
        return true;
    }

    private bool TryReadCompressed(ReadOnlySpan<byte> block, int type, out int read, out ReadOnlySpan<byte> literals)
    {
        literals = default;
        var format = (block[0] >> 2) & 3;
        read = format <= 1 ? 3 : format + 2;
        if (read > block.Length)
        {
            return false;
        }

        var sizeBits = format <= 1 ? 10 : format == 2 ? 14 : 18;
        var head = ReadLittleEndian(block[..read]) >> 4;
        var size = (int)(head & ((1UL << sizeBits) - 1));
        var compressed = (int)(head >> sizeBits);
        if (size > ZstandardFormat.BlockBytesMax || compressed > block.Length - read)
        {
            return false;
        }

        var streams = block.Slice(read, compressed);
        read += compressed;
        if (type == Treeless ? !_huffman.IsSet : !TryReadTable(ref streams))
        {
            return false;
        }

        var target = _buffer.AsSpan(0, size);
        literals = target;
        return format == 0 ? _huffman.TryDecode(streams, target) : _huffman.TryDecodeFour(streams, target);
    }

    private bool TryReadTable(ref ReadOnlySpan<byte> streams)
    {
        if (!_huffman.TryRead(streams, out var tableBytes))
        {
            return false;
        }

        streams = streams[tableBytes..];
        return true;
    }

    private static ulong ReadLittleEndian(ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (var i = bytes.Length - 1; i >= 0; i--)
        {
            value = (value << 8) | bytes[i];
        }

        return value;
    }
}
