using System.Buffers.Binary;
using Atoll.Foundation.Checks;

namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>Writes the streams that <see cref="BackwardBits"/> reads: what is written last is read first.</summary>
internal ref struct ForwardBits
{
    private const int FlushedBits = 32;

    private readonly Span<byte> _target;
    private ulong _word;
    private int _bits;
    private int _written;
    private bool _isFull;

    /// <summary>A stream into this room; that it may be too small is known at the end.</summary>
    public ForwardBits(Span<byte> target) => _target = target;

    /// <summary>Writes at most 32 bits.</summary>
    public void Write(uint value, int count)
    {
        _word |= (ulong)value << _bits;
        _bits += count;
        if (_bits >= FlushedBits)
        {
            Flush(sizeof(uint));
            _word >>= FlushedBits;
            _bits -= FlushedBits;
        }
    }

    /// <summary>Ends the stream with its mark.</summary>
    /// <returns>Bytes of it; 0 when there was no room.</returns>
    public int Close()
    {
        Write(1, 1);
        return CloseUnmarked();
    }

    /// <summary>Ends a stream that is read forwards, and needs no mark, at a whole byte.</summary>
    /// <returns>Bytes of it; 0 when there was no room.</returns>
    public int CloseUnmarked()
    {
        Flush((_bits + 7) / 8);
        return _isFull ? 0 : _written;
    }

    private void Flush(int bytes)
    {
        Check.That(bytes <= sizeof(uint));
        if (_target.Length - _written < bytes)
        {
            _isFull = true;
            return;
        }

        if (bytes == sizeof(uint))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_target[_written..], (uint)_word);
        }
        else
        {
            for (var i = 0; i < bytes; i++)
            {
                _target[_written + i] = (byte)(_word >> (8 * i));
            }
        }

        _written += bytes;
    }
}
