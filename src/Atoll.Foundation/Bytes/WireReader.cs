using System.Buffers.Binary;
using System.Text;

namespace Atoll.Foundation.Bytes;

/// <summary>
/// Reads what <see cref="WireWriter"/> wrote, from bytes that may be anything. It never throws on bad input: the first
/// field that does not fit makes <see cref="Ok"/> false and everything after it empty, so that a parser reads all fields
/// in a row and asks once at the end. Byte strings are slices of the input, not copies.
/// </summary>
public ref struct WireReader
{
    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly ReadOnlyMemory<byte> _memory;
    private readonly ReadOnlySpan<byte> _span;
    private int _position;

    /// <summary>A reader at the start of the bytes.</summary>
    public WireReader(ReadOnlyMemory<byte> memory)
    {
        _memory = memory;
        _span = memory.Span;
        _position = 0;
        Ok = true;
    }

    /// <summary>False once a field did not fit.</summary>
    public bool Ok { get; private set; }

    /// <summary>True when every field fitted and nothing is left over.</summary>
    public readonly bool OkAtEnd => Ok && _position == _span.Length;

    /// <summary>Bytes read so far.</summary>
    public readonly int Position => _position;

    /// <summary>Bytes not yet read; 0 after a failure.</summary>
    public readonly int Remaining => Ok ? _span.Length - _position : 0;

    /// <summary>Marks the input as bad: a field had a value that it may not have.</summary>
    public void Fail() => Ok = false;

    /// <summary>One byte; 0 after a failure.</summary>
    public byte ReadByte() => Take(1) ? _span[_position - 1] : (byte)0;

    /// <summary>One byte that must be 0 or 1.</summary>
    public bool ReadBool()
    {
        var value = ReadByte();
        Ok &= value <= 1;
        return value == 1;
    }

    /// <summary>Two bytes; 0 after a failure.</summary>
    public ushort ReadUInt16() => Take(2) ? BinaryPrimitives.ReadUInt16LittleEndian(_span[(_position - 2)..]) : (ushort)0;

    /// <summary>Four bytes; 0 after a failure.</summary>
    public uint ReadUInt32() => Take(4) ? BinaryPrimitives.ReadUInt32LittleEndian(_span[(_position - 4)..]) : 0;

    /// <summary>Eight bytes; 0 after a failure.</summary>
    public ulong ReadUInt64() => Take(8) ? BinaryPrimitives.ReadUInt64LittleEndian(_span[(_position - 8)..]) : 0;

    /// <summary>
    /// A varint of at most 64 bits, in as few bytes as it takes: what was taken apart is the same bytes when it is put together again, and
    /// replicas compare bytes. 0 after a failure.
    /// </summary>
    public ulong ReadVarint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var b = ReadByte();
            if (!Ok || (shift == 63 && b > 1) || (shift > 0 && b == 0))
            {
                break;
            }

            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }

        Ok = false;
        return 0;
    }

    /// <summary>A varint that must not exceed <paramref name="max"/>; 0 after a failure.</summary>
    public int ReadCount(int max)
    {
        var value = ReadVarint();
        if (value > (ulong)max)
        {
            Ok = false;
            return 0;
        }

        return (int)value;
    }

    /// <summary>A varint length and that many bytes, as a slice of the input; empty after a failure.</summary>
    public ReadOnlyMemory<byte> ReadBytes()
    {
        var length = ReadVarint();
        if (!Ok || length > (ulong)(_span.Length - _position))
        {
            Ok = false;
            return default;
        }

        return ReadRaw((int)length);
    }

    /// <summary>That many bytes, as a slice of the input; empty after a failure.</summary>
    public ReadOnlyMemory<byte> ReadRaw(int length) =>
        length >= 0 && Take(length) ? _memory.Slice(_position - length, length) : Failed();

    /// <summary>A varint length in bytes, then UTF-8 without errors; empty after a failure.</summary>
    public string ReadString()
    {
        var bytes = ReadBytes();
        try
        {
            return Ok ? StrictUtf8.GetString(bytes.Span) : "";
        }
        catch (DecoderFallbackException)
        {
            Ok = false;
            return "";
        }
    }

    private ReadOnlyMemory<byte> Failed()
    {
        Ok = false;
        return default;
    }

    private bool Take(int size)
    {
        if (!Ok || _span.Length - _position < size)
        {
            Ok = false;
            return false;
        }

        _position += size;
        return true;
    }
}
