using System.Buffers.Binary;
using System.Text;
using Atoll.Foundation.Bytes;

namespace Atoll.Gateways.Cql.Wire;

/// <summary>
/// Reads the notations of the native protocol (section 3) from bytes that may be anything. Like <see cref="WireReader"/> it never throws on
/// bad input: the first field that does not fit makes <see cref="Ok"/> false and everything after it empty. Byte strings are slices.
/// </summary>
public ref struct CqlReader
{
    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private WireReader _reader;

    /// <summary>A reader at the start of the bytes.</summary>
    public CqlReader(ReadOnlyMemory<byte> memory) => _reader = new WireReader(memory);

    /// <summary>False once a field did not fit.</summary>
    public readonly bool Ok => _reader.Ok;

    /// <summary>Bytes not yet read; 0 after a failure.</summary>
    public readonly int Remaining => _reader.Remaining;

    /// <summary>Marks the input as bad: a field had a value that it may not have.</summary>
    public void Fail() => _reader.Fail();

    /// <summary>[byte]</summary>
    public byte ReadByte() => _reader.ReadByte();

    /// <summary>[short], unsigned.</summary>
    public ushort ReadShort() => BinaryPrimitives.ReverseEndianness(_reader.ReadUInt16());

    /// <summary>[int]</summary>
    public int ReadInt() => (int)BinaryPrimitives.ReverseEndianness(_reader.ReadUInt32());

    /// <summary>[long]</summary>
    public long ReadLong() => (long)BinaryPrimitives.ReverseEndianness(_reader.ReadUInt64());

    /// <summary>[uuid]</summary>
    public Guid ReadUuid()
    {
        var bytes = _reader.ReadRaw(16);
        return _reader.Ok ? new Guid(bytes.Span, bigEndian: true) : Guid.Empty;
    }

    /// <summary>[string]: a [short] length in bytes, and UTF-8 without errors.</summary>
    public string ReadString() => Text(_reader.ReadRaw(ReadShort()));

    /// <summary>[long string]: an [int] length in bytes, and UTF-8 without errors.</summary>
    public string ReadLongString() => Text(_reader.ReadRaw(ReadInt()));

    /// <summary>[short bytes]</summary>
    public ReadOnlyMemory<byte> ReadShortBytes() => _reader.ReadRaw(ReadShort());

    /// <summary>[bytes]: null when the length is negative.</summary>
    public ReadOnlyMemory<byte>? ReadBytes()
    {
        var length = ReadInt();
        return length < 0 || !Ok ? (ReadOnlyMemory<byte>?)null : _reader.ReadRaw(length);
    }

    /// <summary>[inetaddr] or the address of an [inet]: a length of 4 or 16, and the bytes.</summary>
    public ReadOnlyMemory<byte> ReadAddress()
    {
        var length = ReadByte();
        if (length is not 4 and not 16)
        {
            Fail();
        }

        return _reader.ReadRaw(length);
    }

    /// <summary>
    /// A [short] count of items that take that many bytes each at least: more than what is left holds makes the input bad, before anything
    /// is kept for them.
    /// </summary>
    public int ReadShortCount(int itemBytesMin) => Counted(ReadShort(), itemBytesMin);

    /// <summary>An [int] count of items that take that many bytes each at least.</summary>
    public int ReadIntCount(int itemBytesMin) => Counted(ReadInt(), itemBytesMin);

    /// <summary>[string list]</summary>
    public string[] ReadStringList()
    {
        var list = new string[ReadShortCount(2)];
        for (var i = 0; i < list.Length; i++)
        {
            list[i] = ReadString();
        }

        return list;
    }

    /// <summary>That many bytes, as a slice.</summary>
    public ReadOnlyMemory<byte> ReadRaw(int length) => _reader.ReadRaw(length);

    private int Counted(int count, int itemBytesMin)
    {
        if (count < 0 || (long)count * itemBytesMin > Remaining)
        {
            Fail();
        }

        return Ok ? count : 0;
    }

    private string Text(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return Ok ? StrictUtf8.GetString(bytes.Span) : "";
        }
        catch (DecoderFallbackException)
        {
            Fail();
            return "";
        }
    }
}
