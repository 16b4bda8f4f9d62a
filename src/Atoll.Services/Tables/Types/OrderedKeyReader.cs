using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;
using Atoll.Foundation.Bytes;

namespace Atoll.Services.Tables.Types;

/// <summary>
/// Reads what <see cref="OrderedKeyWriter"/> wrote, back to the native protocol's bytes. Never throws on other bytes:
/// <see cref="Ok"/> turns false.
/// </summary>
public ref struct OrderedKeyReader
{
    private readonly ReadOnlySpan<byte> _bytes;
    private int _position;
    private byte _flip;

    /// <summary>A reader at the start of the bytes.</summary>
    public OrderedKeyReader(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes;
        Ok = true;
    }

    /// <summary>False once something did not fit.</summary>
    public bool Ok { get; private set; }

    /// <summary>Whether everything fitted and nothing is left over.</summary>
    public readonly bool OkAtEnd => Ok && _position == _bytes.Length;

    /// <summary>Bytes read so far.</summary>
    public readonly int Position => _position;

    /// <summary>Decodes one value.</summary>
    public static bool TryDecode(CqlType type, ReadOnlySpan<byte> bytes, bool isDescending, out ReadOnlyMemory<byte> value)
    {
        var reader = new OrderedKeyReader(bytes);
        value = reader.Read(type, isDescending);
        return reader.OkAtEnd;
    }

    /// <summary>The next value; empty after a failure.</summary>
    public ReadOnlyMemory<byte> Read(CqlType type, bool isDescending)
    {
        _flip = isDescending ? (byte)0xFF : (byte)0;
        var value = Read(type);
        return Ok ? value : default;
    }

    private ReadOnlyMemory<byte> Read(CqlType type)
    {
        switch (type)
        {
            case ListType list:
                return ReadElements(list.Element);
            case SetType set:
                return ReadElements(set.Element);
            case MapType map:
                return ReadPairs(map);
            case TupleType tuple:
                return ReadFields(tuple.Elements.Length, index => tuple.Elements[index]);
            case UserType user:
                return ReadFields(user.Fields.Length, index => user.Fields[index].Type);
        }

        switch (type.Code)
        {
            case CqlTypeCode.Ascii or CqlTypeCode.Varchar or CqlTypeCode.Blob or CqlTypeCode.Inet:
                return ReadEscaped();
            case CqlTypeCode.Date:
                return ReadRaw(4);
            case CqlTypeCode.Smallint:
                return ReadSigned(2);
            case CqlTypeCode.Tinyint:
                return ReadSigned(1);
            case CqlTypeCode.Time:
                return ReadSigned(8);
        }

        var mark = ReadByte();
        return mark == OrderedKeyWriter.EmptyMark ? default : ReadMarked(type.Code, mark);
    }

    private ReadOnlyMemory<byte> ReadMarked(CqlTypeCode code, byte mark)
    {
        var isUuid = code is CqlTypeCode.Uuid or CqlTypeCode.Timeuuid;
        if (isUuid ? (mark & 0xF0) != OrderedKeyWriter.UuidMark : mark != OrderedKeyWriter.ValueMark)
        {
            return Failed();
        }

        switch (code)
        {
            case CqlTypeCode.Boolean:
                return ReadRaw(1);
            case CqlTypeCode.Bigint or CqlTypeCode.Counter or CqlTypeCode.Timestamp:
                return ReadSigned(8);
            case CqlTypeCode.Int:
                return ReadSigned(4);
            case CqlTypeCode.Float:
                var single = BinaryPrimitives.ReadUInt32BigEndian(ReadFixed(4));
                return CqlBytes.Of(BitConverter.UInt32BitsToSingle((single >> 31) != 0 ? single & ~(1U << 31) : ~single));
            case CqlTypeCode.Double:
                var ordered = BinaryPrimitives.ReadUInt64BigEndian(ReadFixed(8));
                return CqlBytes.Of(BitConverter.UInt64BitsToDouble((ordered >> 63) != 0 ? ordered & ~(1UL << 63) : ~ordered));
            case CqlTypeCode.Varint:
                return ReadVarint();
            case CqlTypeCode.Decimal:
                return ReadDecimal();
            case CqlTypeCode.Uuid or CqlTypeCode.Timeuuid:
                var high = BinaryPrimitives.ReadUInt64BigEndian(ReadFixed(8));
                var low = BinaryPrimitives.ReadUInt64BigEndian(ReadFixed(8));
                var uuid = new byte[16];
                BinaryPrimitives.WriteUInt64BigEndian(uuid, (mark & 0x0F) == 1 ? CqlComparer.TimeLast(high) : high);
                BinaryPrimitives.WriteUInt64BigEndian(
                    uuid.AsSpan(8), code == CqlTypeCode.Timeuuid ? CqlComparer.SignedBytesFirst(low) : low);
                return uuid;
            default:
                return Failed();
        }
    }

    private ReadOnlyMemory<byte> ReadEscaped()
    {
        var value = new WireWriter(32);
        while (Ok)
        {
            var next = ReadByte();
            if (next == OrderedKeyWriter.Escape)
            {
                var kind = ReadByte();
                if (kind == OrderedKeyWriter.Terminator)
                {
                    return Ok ? value.ToArray() : default;
                }

                if (kind != OrderedKeyWriter.Escaped)
                {
                    return Failed();
                }
            }

            value.WriteByte(next);
        }

        return default;
    }

    private ReadOnlyMemory<byte> ReadVarint()
    {
        var head = ReadByte();
        var isNegative = head < 0x80;
        var length = (isNegative ? (byte)~head : head) & 0x7F;
        if (length > OrderedKeyWriter.VarintShortMax)
        {
            var longLength = BinaryPrimitives.ReadUInt32BigEndian(ReadFixed(4));
            longLength = isNegative ? ~longLength : longLength;
            length = longLength > int.MaxValue ? -1 : (int)longLength;
        }

        return ReadRaw(length);
    }

    private ReadOnlyMemory<byte> ReadDecimal()
    {
        var sign = ReadByte();
        if (sign == OrderedKeyWriter.DecimalZero)
        {
            return CqlBytes.Of(new CqlDecimal(BigInteger.Zero, 0));
        }

        var isNegative = sign == OrderedKeyWriter.DecimalNegative;
        if (!isNegative && sign != OrderedKeyWriter.DecimalPositive)
        {
            return Failed();
        }

        var flip = isNegative ? (byte)0xFF : (byte)0;
        var ordered = BinaryPrimitives.ReadUInt64BigEndian(ReadFixed(8));
        var exponent = unchecked((long)((isNegative ? ~ordered : ordered) ^ (1UL << 63)));
        var digits = new StringBuilder();
        while (Ok)
        {
            var pair = (byte)(ReadByte() ^ flip);
            if (pair is OrderedKeyWriter.EndMark or > 100)
            {
                Ok &= pair == OrderedKeyWriter.EndMark;
                break;
            }

            digits.Append((char)('0' + ((pair - 1) / 10))).Append((char)('0' + ((pair - 1) % 10)));
        }

        var text = digits.ToString().TrimEnd('0');
        var scale = text.Length - exponent;
        if (!Ok || text.Length == 0 || scale > int.MaxValue || scale < int.MinValue - (long)ushort.MaxValue)
        {
            return Failed();
        }

        // Zeros at the end are dropped by the encoding; those that the scale cannot express without come back.
        var zeros = (int)Math.Max(0, int.MinValue - scale);
        var unscaled = BigInteger.Parse(text + new string('0', zeros), NumberStyles.None, CultureInfo.InvariantCulture);
        return CqlBytes.Of(new CqlDecimal(isNegative ? -unscaled : unscaled, (int)(scale + zeros)));
    }

    private ReadOnlyMemory<byte> ReadElements(CqlType element)
    {
        var parts = new List<ReadOnlyMemory<byte>>();
        while (ReadHasMore())
        {
            parts.Add(Read(element));
        }

        return CqlSequence.WriteList(parts);
    }

    private ReadOnlyMemory<byte> ReadPairs(MapType map)
    {
        var parts = new List<ReadOnlyMemory<byte>>();
        while (ReadHasMore())
        {
            parts.Add(Read(map.Key));
            parts.Add(Read(map.Value));
        }

        return CqlSequence.WriteMap(parts);
    }

    private bool ReadHasMore()
    {
        var mark = ReadByte();
        Ok &= mark is OrderedKeyWriter.ElementMark or OrderedKeyWriter.EndMark;
        return Ok && mark == OrderedKeyWriter.ElementMark;
    }

    private ReadOnlyMemory<byte> ReadFields(int count, Func<int, CqlType> typeOf)
    {
        var fields = new ReadOnlyMemory<byte>?[count];
        for (var index = 0; Ok; index++)
        {
            var mark = ReadByte();
            if (mark == OrderedKeyWriter.EndMark)
            {
                break;
            }

            if (index == count || mark is not (OrderedKeyWriter.NullMark or OrderedKeyWriter.ValueMark))
            {
                return Failed();
            }

            if (mark == OrderedKeyWriter.ValueMark)
            {
                fields[index] = Read(typeOf(index));
            }
        }

        return CqlSequence.WriteTuple(fields);
    }

    private ReadOnlyMemory<byte> ReadSigned(int length)
    {
        var bytes = ReadFixed(length);
        bytes[0] ^= 0x80;
        return bytes;
    }

    private ReadOnlyMemory<byte> ReadRaw(int length) =>
        length >= 0 && length <= _bytes.Length - _position ? ReadFixed(length) : Failed();

    // Only for lengths that are small whatever the input says, or checked before.
    private byte[] ReadFixed(int length)
    {
        var bytes = new byte[length];
        if (!Ok || length > _bytes.Length - _position)
        {
            Ok = false;
            return bytes;
        }

        for (var index = 0; index < length; index++)
        {
            bytes[index] = (byte)(_bytes[_position + index] ^ _flip);
        }

        _position += length;
        return bytes;
    }

    private byte ReadByte()
    {
        if (!Ok || _position == _bytes.Length)
        {
            Ok = false;
            return 0;
        }

        return (byte)(_bytes[_position++] ^ _flip);
    }

    private ReadOnlyMemory<byte> Failed()
    {
        Ok = false;
        return default;
    }
}
