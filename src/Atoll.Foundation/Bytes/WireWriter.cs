using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Atoll.Foundation.Checks;

namespace Atoll.Foundation.Bytes;

/// <summary>
/// Builds messages and records: fixed-width integers little-endian, varints as in protocol buffers (LEB128), byte strings with a varint
/// length before them. Reusable: <see cref="Reset"/> keeps the buffer, so a warm writer allocates nothing.
/// </summary>
public sealed class WireWriter : IBufferWriter<byte>
{
    private byte[] _buffer;
    private int _length;

    /// <summary>A writer with room for that many bytes before it grows.</summary>
    public WireWriter(int capacityBytes = 256) => _buffer = new byte[Math.Max(16, capacityBytes)];

    /// <summary>Bytes written since the last reset.</summary>
    public int Length => _length;

    /// <summary>What has been written; valid until the next write or reset.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _length);

    /// <summary>What has been written; valid until the next write or reset.</summary>
    public ReadOnlyMemory<byte> WrittenMemory => _buffer.AsMemory(0, _length);

    /// <summary>Forgets what was written and keeps the buffer.</summary>
    public void Reset() => _length = 0;

    /// <summary>Forgets everything behind the first <paramref name="length"/> bytes.</summary>
    public void Truncate(int length)
    {
        Check.That(length >= 0 && length <= _length);
        _length = length;
    }

    /// <summary>A copy of what was written, owned by the caller.</summary>
    public byte[] ToArray() => Written.ToArray();

    /// <summary>One byte.</summary>
    public void WriteByte(byte value) => Claim(1)[0] = value;

    /// <summary>One byte: 1 or 0.</summary>
    public void WriteBool(bool value) => WriteByte(value ? (byte)1 : (byte)0);

    /// <summary>Two bytes.</summary>
    public void WriteUInt16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Claim(2), value);

    /// <summary>Four bytes.</summary>
    public void WriteUInt32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Claim(4), value);

    /// <summary>Eight bytes.</summary>
    public void WriteUInt64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Claim(8), value);

    /// <summary>One to ten bytes, seven bits each, the lowest first.</summary>
    public void WriteVarint(ulong value)
    {
        Ensure(10);
        while (value >= 0x80)
        {
            _buffer[_length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        _buffer[_length++] = (byte)value;
    }

    /// <summary>A varint length, then the bytes.</summary>
    public void WriteBytes(ReadOnlySpan<byte> value)
    {
        WriteVarint((ulong)value.Length);
        WriteRaw(value);
    }

    /// <summary>A varint length in bytes, then UTF-8.</summary>
    public void WriteString(string value)
    {
        WriteVarint((ulong)Encoding.UTF8.GetByteCount(value));
        _length += Encoding.UTF8.GetBytes(value, Reserve(Encoding.UTF8.GetMaxByteCount(value.Length)));
    }

    /// <summary>The bytes as they are, without a length.</summary>
    public void WriteRaw(ReadOnlySpan<byte> value) => value.CopyTo(Claim(value.Length));

    /// <summary>Room for a fixed-width integer whose value is known later; returns its offset.</summary>
    public int ReserveUInt32()
    {
        var offset = _length;
        Claim(4).Clear();
        return offset;
    }

    /// <summary>Fills in what <see cref="ReserveUInt32"/> left open.</summary>
    public void PatchUInt32(int offset, uint value)
    {
        Check.That(offset >= 0 && offset + 4 <= _length);
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(offset), value);
    }

    /// <inheritdoc />
    public void Advance(int count)
    {
        Check.That(count >= 0 && _length + count <= _buffer.Length);
        _length += count;
    }

    /// <inheritdoc />
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(Math.Max(1, sizeHint));
        return _buffer.AsMemory(_length);
    }

    /// <inheritdoc />
    public Span<byte> GetSpan(int sizeHint = 0) => Reserve(Math.Max(1, sizeHint));

    /// <summary>
    /// What was written from an offset on, and room for exactly so many bytes behind it, to be claimed by <see cref="Advance"/>: for what
    /// refers back to what it wrote. Valid until the next write or reset.
    /// </summary>
    public Span<byte> GetSpanFrom(int offset, int roomBytes)
    {
        Check.That(offset >= 0 && offset <= _length && roomBytes >= 0);
        Ensure(roomBytes);
        return _buffer.AsSpan(offset, _length - offset + roomBytes);
    }

    private Span<byte> Reserve(int size)
    {
        Ensure(size);
        return _buffer.AsSpan(_length);
    }

    private Span<byte> Claim(int size)
    {
        Ensure(size);
        var span = _buffer.AsSpan(_length, size);
        _length += size;
        return span;
    }

    private void Ensure(int size)
    {
        if (_buffer.Length - _length < size)
        {
            Array.Resize(ref _buffer, (int)Math.Min(Array.MaxLength, Math.Max(_buffer.Length * 2L, (long)_length + size)));
        }
    }
}
