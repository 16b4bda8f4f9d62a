using System.Buffers.Binary;
using System.Text;

namespace Atoll.Gateways.Kafka.Protocol;

/// <summary>
/// Reads the primitive types of the Kafka protocol (big-endian) from bytes that may be anything. It never throws on bad input: the first
/// field that does not fit sets <see cref="Fault"/>, and all behind it read as empty. Nothing is allocated by a length that was not
/// compared with what is left. Byte strings are slices of the input, not copies.
/// </summary>
public ref struct KafkaReader
{
    /// <summary>
    /// Elements in all arrays of one message. A request for every partition of the largest cluster has fewer; and what a message becomes in
    /// memory is bounded, as an element may be one byte on the wire and a hundred as an object.
    /// </summary>
    public const int ElementsMax = 256 * 1024;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly ReadOnlyMemory<byte> _memory;
    private readonly ReadOnlySpan<byte> _span;
    private int _position;
    private int _elementsLeft;

    /// <summary>A reader at the start of the bytes.</summary>
    public KafkaReader(ReadOnlyMemory<byte> memory)
    {
        _memory = memory;
        _span = memory.Span;
        _elementsLeft = ElementsMax;
    }

    /// <summary>The first thing that did not fit.</summary>
    public KafkaReadFault Fault { get; private set; }

    /// <summary>True as long as every field fitted.</summary>
    public readonly bool Ok => Fault == KafkaReadFault.None;

    /// <summary>Bytes not yet read; 0 after a fault.</summary>
    public readonly int Remaining => Ok ? _span.Length - _position : 0;

    /// <summary>The end of a message: anything behind it is a fault.</summary>
    public void End()
    {
        if (Remaining > 0)
        {
            Fail(KafkaReadFault.LeftOver);
        }
    }

    /// <summary>One byte; anything but 0 is true.</summary>
    public bool ReadBool() => ReadInt8() != 0;

    /// <summary>One byte.</summary>
    public sbyte ReadInt8() => Take(1) ? (sbyte)_span[_position - 1] : (sbyte)0;

    /// <summary>Two bytes.</summary>
    public short ReadInt16() => Take(2) ? BinaryPrimitives.ReadInt16BigEndian(_span[(_position - 2)..]) : (short)0;

    /// <summary>Two bytes, unsigned.</summary>
    public ushort ReadUInt16() => (ushort)ReadInt16();

    /// <summary>Two bytes: what became of a call.</summary>
    public KafkaError ReadError() => (KafkaError)ReadInt16();

    /// <summary>Four bytes.</summary>
    public int ReadInt32() => Take(4) ? BinaryPrimitives.ReadInt32BigEndian(_span[(_position - 4)..]) : 0;

    /// <summary>Eight bytes.</summary>
    public long ReadInt64() => Take(8) ? BinaryPrimitives.ReadInt64BigEndian(_span[(_position - 8)..]) : 0;

    /// <summary>Eight bytes: IEEE 754.</summary>
    public double ReadFloat64() => BitConverter.Int64BitsToDouble(ReadInt64());

    /// <summary>Sixteen bytes, the first being the most significant one.</summary>
    public Guid ReadUuid() => Take(16) ? new Guid(_span.Slice(_position - 16, 16), bigEndian: true) : default;

    /// <summary>A string that may not be null.</summary>
    /// <param name="flexible">Whether its length is a varint and one more than it is.</param>
    public string ReadString(bool flexible) => ReadNullableString(flexible, mayBeNull: false) ?? "";

    /// <summary>A string.</summary>
    /// <param name="flexible">Whether its length is a varint and one more than it is.</param>
    /// <param name="mayBeNull">Whether null is no fault.</param>
    public string? ReadNullableString(bool flexible, bool mayBeNull)
    {
        var length = flexible ? ReadCompactLength() : ReadInt16();
        if (!TakeLength(length, mayBeNull))
        {
            return null;
        }

        try
        {
            return StrictUtf8.GetString(_span.Slice(_position - length, length));
        }
        catch (DecoderFallbackException)
        {
            Fail(KafkaReadFault.NotUtf8);
            return null;
        }
    }

    /// <summary>Bytes that may not be null, as a slice of the input.</summary>
    /// <param name="flexible">Whether their length is a varint and one more than it is.</param>
    public ReadOnlyMemory<byte> ReadBytes(bool flexible) => ReadNullableBytes(flexible, mayBeNull: false) ?? default;

    /// <summary>Bytes, as a slice of the input.</summary>
    /// <param name="flexible">Whether their length is a varint and one more than it is.</param>
    /// <param name="mayBeNull">Whether null is no fault.</param>
    public ReadOnlyMemory<byte>? ReadNullableBytes(bool flexible, bool mayBeNull)
    {
        var length = flexible ? ReadCompactLength() : ReadInt32();
        if (!TakeLength(length, mayBeNull))
        {
            return null;
        }

        return _memory.Slice(_position - length, length);
    }

    /// <summary>The number of an array's elements; -1 for null.</summary>
    /// <param name="flexible">Whether it is a varint and one more than it is.</param>
    /// <param name="bytesMin">The fewest bytes that an element takes: more elements than fit into what is left are a fault.</param>
    /// <param name="mayBeNull">Whether null is no fault.</param>
    public int ReadCount(bool flexible, int bytesMin, bool mayBeNull)
    {
        var count = flexible ? ReadCompactLength() : ReadInt32();
        if (!IsLength(count, mayBeNull))
        {
            return -1;
        }

        if (count > Remaining / bytesMin)
        {
            Fail(KafkaReadFault.Truncated);
            return -1;
        }

        _elementsLeft -= count;
        if (_elementsLeft < 0)
        {
            Fail(KafkaReadFault.TooManyElements);
            return -1;
        }

        return count;
    }

    /// <summary>The byte before a struct that may be null: whether it is there.</summary>
    /// <param name="mayBeNull">Whether null is no fault.</param>
    public bool ReadPresence(bool mayBeNull) => IsLength(ReadInt8(), mayBeNull);

    /// <summary>How many tagged fields follow.</summary>
    public int ReadTagCount()
    {
        var count = ReadVarint();
        if (count > (uint)Remaining / 2)
        {
            Fail(KafkaReadFault.Truncated);
            return 0;
        }

        return (int)count;
    }

    /// <summary>A tagged field's tag; -1 after a fault.</summary>
    /// <param name="end">Where it ends, for <see cref="SkipTo"/> and <see cref="EndTag"/>.</param>
    public int ReadTag(out int end)
    {
        var tag = ReadVarint();
        var length = ReadVarint();
        end = _position;
        if (tag > int.MaxValue || length > (uint)Remaining)
        {
            Fail(KafkaReadFault.Truncated);
        }

        if (!Ok)
        {
            return -1;
        }

        end += (int)length;
        return (int)tag;
    }

    /// <summary>Passes over a tagged field that is not known.</summary>
    public void SkipTo(int end)
    {
        if (Ok)
        {
            Take(end - _position);
        }
    }

    /// <summary>The end of a tagged field: it must be where it said.</summary>
    public void EndTag(int end)
    {
        if (Ok && _position != end)
        {
            Fail(KafkaReadFault.TagLength);
        }
    }

    /// <summary>Tagged fields of which none is known.</summary>
    public void SkipTags()
    {
        for (var tags = ReadTagCount(); tags > 0; tags--)
        {
            _ = ReadTag(out var end);
            SkipTo(end);
        }
    }

    private int ReadCompactLength()
    {
        var value = ReadVarint();
        if (value > int.MaxValue)
        {
            Fail(KafkaReadFault.Truncated);
            return 0;
        }

        return (int)value - 1;
    }

    // Seven bits a byte, the lowest first, at most 32 in all.
    private uint ReadVarint()
    {
        uint value = 0;
        for (var shift = 0; shift < 35; shift += 7)
        {
            var next = (byte)ReadInt8();
            if (!Ok || (shift == 28 && next > 0x0F))
            {
                break;
            }

            value |= (uint)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        Fail(KafkaReadFault.LongVarint);
        return 0;
    }

    private bool IsLength(int length, bool mayBeNull)
    {
        if (length < -1)
        {
            Fail(KafkaReadFault.NegativeLength);
        }
        else if (length == -1 && !mayBeNull)
        {
            Fail(KafkaReadFault.UnexpectedNull);
        }

        return Ok && length >= 0;
    }

    private bool TakeLength(int length, bool mayBeNull) => IsLength(length, mayBeNull) && Take(length);

    private bool Take(int size)
    {
        if (Ok && _span.Length - _position < size)
        {
            Fail(KafkaReadFault.Truncated);
        }

        _position += Ok ? size : 0;
        return Ok;
    }

    private void Fail(KafkaReadFault fault)
    {
        if (Ok)
        {
            Fault = fault;
        }
    }
}
