using System.Buffers.Binary;
using System.Numerics;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.Services.Tables.Types;

/// <summary>
/// Writes values as bytes that order, unsigned and byte by byte, as the values do, and that end where they say: no encoded value is the
/// beginning of another of its type, so that all keys that begin with some values are one range. Descending values have every bit
/// inverted. <see cref="OrderedKeyReader"/> reads them. Layouts:
/// <list type="bullet">
/// <item>text, ascii, blob, inet: the bytes, with 00 as 00 FF, then 00 01;</item>
/// <item>types that may be empty: 01 for the empty value, else 02 (a uuid: 10 and its version) and the bytes below;</item>
/// <item>integers: big-endian, the sign bit flipped; dates as they are; floats and doubles: as integers of one sign;</item>
/// <item>varint: the length (80 and it, from 7F on FF and four bytes; of a negative number all that inverted), then the bytes;</item>
/// <item>decimal: 01 negative, 02 zero, 03 positive; the exponent; two digits a byte, plus one; 00 (all behind 01 inverted);</item>
/// <item>uuids: version 1 with the time's highest bits first; of a timeuuid the second half as signed bytes;</item>
/// <item>lists, sets, maps: 01 before each element or pair, 00 at the end; tuples and user types: 02 and the value, or 01 for null, 00 at
/// the end, without the nulls before it.</item>
/// </list>
/// Equal decimals and varints have equal bytes, whatever zeros they were given with.
/// </summary>
public readonly struct OrderedKeyWriter
{
    internal const byte EndMark = 0x00;
    internal const byte EmptyMark = 0x01;
    internal const byte ValueMark = 0x02;
    internal const byte NullMark = 0x01;
    internal const byte ElementMark = 0x01;
    internal const byte UuidMark = 0x10;
    internal const byte Escape = 0x00;
    internal const byte Escaped = 0xFF;
    internal const byte Terminator = 0x01;
    internal const byte DecimalNegative = 0x01;
    internal const byte DecimalZero = 0x02;
    internal const byte DecimalPositive = 0x03;
    internal const int VarintShortMax = 0x7E;

    private readonly WireWriter _writer;

    /// <summary>Appends to a writer.</summary>
    public OrderedKeyWriter(WireWriter writer) => _writer = writer;

    /// <summary>The encoding of one value.</summary>
    public static byte[] Encode(CqlType type, ReadOnlyMemory<byte> value, bool isDescending = false)
    {
        var writer = new WireWriter(value.Length + 8);
        new OrderedKeyWriter(writer).Write(type, value, isDescending);
        return writer.ToArray();
    }

    /// <summary>Writes a value, which must be a valid one of the type.</summary>
    public void Write(CqlType type, ReadOnlyMemory<byte> value, bool isDescending)
    {
        if (!isDescending)
        {
            Write(type, value);
            return;
        }

        var ascending = new WireWriter(value.Length + 8);
        new OrderedKeyWriter(ascending).Write(type, value);
        var target = _writer.GetSpan(ascending.Length);
        for (var index = 0; index < ascending.Length; index++)
        {
            target[index] = (byte)~ascending.Written[index];
        }

        _writer.Advance(ascending.Length);
    }

    private void Write(CqlType type, ReadOnlyMemory<byte> value)
    {
        switch (type)
        {
            case ListType list:
                WriteElements(list.Element, value);
                return;
            case SetType set:
                WriteElements(set.Element, value);
                return;
            case MapType map:
                WritePairs(map, value);
                return;
            case TupleType tuple:
                WriteFields(tuple.Elements.Length, index => tuple.Elements[index], value);
                return;
            case UserType user:
                WriteFields(user.Fields.Length, index => user.Fields[index].Type, value);
                return;
        }

        switch (type.Code)
        {
            case CqlTypeCode.Ascii or CqlTypeCode.Varchar or CqlTypeCode.Blob or CqlTypeCode.Inet:
                WriteEscaped(value.Span);
                return;
            case CqlTypeCode.Date:
                _writer.WriteRaw(value.Span);
                return;
            case CqlTypeCode.Smallint or CqlTypeCode.Tinyint or CqlTypeCode.Time:
                WriteSigned(value.Span);
                return;
        }

        if (value.IsEmpty)
        {
            _writer.WriteByte(EmptyMark);
        }
        else
        {
            WriteMarked(type.Code, value.Span);
        }
    }

    private void WriteMarked(CqlTypeCode code, ReadOnlySpan<byte> value)
    {
        _writer.WriteByte(code is CqlTypeCode.Uuid or CqlTypeCode.Timeuuid ? (byte)(UuidMark + (value[6] >> 4)) : ValueMark);
        switch (code)
        {
            case CqlTypeCode.Boolean:
                _writer.WriteByte(value[0] == 0 ? (byte)0 : (byte)1);
                break;
            case CqlTypeCode.Bigint or CqlTypeCode.Counter or CqlTypeCode.Timestamp or CqlTypeCode.Int:
                WriteSigned(value);
                break;
            case CqlTypeCode.Float:
                WriteBigEndian(CqlComparer.OrderOf(CqlBytes.ToFloat(value)));
                break;
            case CqlTypeCode.Double:
                WriteBigEndian(CqlComparer.OrderOf(CqlBytes.ToDouble(value)));
                break;
            case CqlTypeCode.Varint:
                WriteVarint(CqlBytes.ToVarint(value));
                break;
            case CqlTypeCode.Decimal:
                WriteDecimal(CqlBytes.ToDecimal(value));
                break;
            case CqlTypeCode.Uuid or CqlTypeCode.Timeuuid:
                var high = BinaryPrimitives.ReadUInt64BigEndian(value);
                var low = BinaryPrimitives.ReadUInt64BigEndian(value[8..]);
                WriteBigEndian(value[6] >> 4 == 1 ? CqlComparer.TimeFirst(high) : high);
                WriteBigEndian(code == CqlTypeCode.Timeuuid ? CqlComparer.SignedBytesFirst(low) : low);
                break;
            default:
                Check.Unreachable("a type without an order is refused in every key");
                break;
        }
    }

    private void WriteEscaped(ReadOnlySpan<byte> bytes)
    {
        while (bytes.IndexOf(Escape) is >= 0 and var zero)
        {
            _writer.WriteRaw(bytes[..(zero + 1)]);
            _writer.WriteByte(Escaped);
            bytes = bytes[(zero + 1)..];
        }

        _writer.WriteRaw(bytes);
        _writer.WriteByte(Escape);
        _writer.WriteByte(Terminator);
    }

    private void WriteSigned(ReadOnlySpan<byte> bigEndian)
    {
        _writer.WriteByte((byte)(bigEndian[0] ^ 0x80));
        _writer.WriteRaw(bigEndian[1..]);
    }

    private void WriteVarint(BigInteger value)
    {
        var bytes = CqlBytes.Of(value);
        var flip = value.Sign < 0 ? (byte)0xFF : (byte)0;
        if (bytes.Length <= VarintShortMax)
        {
            _writer.WriteByte((byte)((0x80 | bytes.Length) ^ flip));
        }
        else
        {
            _writer.WriteByte((byte)(0xFF ^ flip));
            WriteBigEndian(value.Sign < 0 ? ~(uint)bytes.Length : (uint)bytes.Length);
        }

        _writer.WriteRaw(bytes);
    }

    private void WriteDecimal(CqlDecimal value)
    {
        if (value.Unscaled.IsZero)
        {
            _writer.WriteByte(DecimalZero);
            return;
        }

        var isNegative = value.Unscaled.Sign < 0;
        var flip = isNegative ? (byte)0xFF : (byte)0;
        var (digits, exponent) = value.Significant();
        _writer.WriteByte(isNegative ? DecimalNegative : DecimalPositive);
        var ordered = unchecked((ulong)exponent) ^ (1UL << 63);
        WriteBigEndian(isNegative ? ~ordered : ordered);
        for (var index = 0; index < digits.Length; index += 2)
        {
            var pair = ((digits[index] - '0') * 10) + (index + 1 < digits.Length ? digits[index + 1] - '0' : 0);
            _writer.WriteByte((byte)((pair + 1) ^ flip));
        }

        _writer.WriteByte((byte)(EndMark ^ flip));
    }

    private void WriteBigEndian(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(_writer.GetSpan(8), value);
        _writer.Advance(8);
    }

    private void WriteBigEndian(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_writer.GetSpan(4), value);
        _writer.Advance(4);
    }

    private void WriteElements(CqlType element, ReadOnlyMemory<byte> value)
    {
        foreach (var part in CqlSequence.ReadCollection(value))
        {
            _writer.WriteByte(ElementMark);
            Write(element, part);
        }

        _writer.WriteByte(EndMark);
    }

    private void WritePairs(MapType map, ReadOnlyMemory<byte> value)
    {
        var isKey = true;
        foreach (var part in CqlSequence.ReadCollection(value))
        {
            if (isKey)
            {
                _writer.WriteByte(ElementMark);
            }

            Write(isKey ? map.Key : map.Value, part);
            isKey = !isKey;
        }

        _writer.WriteByte(EndMark);
    }

    private void WriteFields(int count, Func<int, CqlType> typeOf, ReadOnlyMemory<byte> value)
    {
        var fields = CqlSequence.ReadTuple(value, count);
        var last = Array.FindLastIndex(fields, field => field is not null);
        for (var index = 0; index <= last; index++)
        {
            if (fields[index] is { } field)
            {
                _writer.WriteByte(ValueMark);
                Write(typeOf(index), field);
            }
            else
            {
                _writer.WriteByte(NullMark);
            }
        }

        _writer.WriteByte(EndMark);
    }
}
