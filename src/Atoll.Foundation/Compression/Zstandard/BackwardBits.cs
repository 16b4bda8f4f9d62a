using System.Buffers.Binary;

namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>
/// A bit stream that is read from its end to its beginning (RFC 8878, 4.1 and 4.2.2): the last byte's highest bit that is set marks where
/// it begins. Beyond the beginning there are zeros; who cares asks whether that was reached.
/// </summary>
internal ref struct BackwardBits
{
    private const int WordBytes = sizeof(ulong);

    private readonly ReadOnlySpan<byte> _source;
    private readonly ulong _head; // the first bytes, for what is near the beginning
    private int _position;

    private BackwardBits(ReadOnlySpan<byte> source, int position)
    {
        _source = source;
        _position = position;
        for (var i = Math.Min(source.Length, WordBytes) - 1; i >= 0; i--)
        {
            _head = (_head << 8) | source[i];
        }
    }

    /// <summary>Bits that are not read yet; less than 0 when more were read than there are.</summary>
    public readonly int Position => _position;

    /// <summary>Begins to read.</summary>
    /// <returns>False when there is no mark.</returns>
    public static bool TryCreate(ReadOnlySpan<byte> source, out BackwardBits bits)
    {
        if (source.IsEmpty || source[^1] == 0)
        {
            bits = default;
            return false;
        }

        bits = new BackwardBits(source, (8 * (source.Length - 1)) + int.Log2(source[^1]));
        return true;
    }

    /// <summary>Reads at most 56 bits.</summary>
    public ulong Read(int count)
    {
        _position -= count;
        return From(_position) & ((1UL << count) - 1);
    }

    /// <summary>The next bits, at most 56, which stay unread.</summary>
    public readonly int Peek(int count) => (int)(From(_position - count) & ((1UL << count) - 1));

    /// <summary>The next bits, the very next one at the top: at least 57 of them are right when the position is at least 64.</summary>
    public readonly ulong PeekWord()
    {
        var from = ((_position + 7) >> 3) - WordBytes;
        return BinaryPrimitives.ReadUInt64LittleEndian(_source[from..]) << (((from + WordBytes) << 3) - _position);
    }

    /// <summary>Passes over bits.</summary>
    public void Skip(int count) => _position -= count;

    private readonly ulong From(int position)
    {
        if (position < 0)
        {
            return position <= -64 ? 0 : _head << -position;
        }

        if (_source.Length < WordBytes)
        {
            return _head >> position;
        }

        var index = Math.Min(position >> 3, _source.Length - WordBytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(_source[index..]) >> (position - (index << 3));
    }
}
