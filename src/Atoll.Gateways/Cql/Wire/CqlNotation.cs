using System.Buffers.Binary;
using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.Gateways.Cql.Wire;

/// <summary>Writes the notations of the native protocol (section 3): all integers big-endian.</summary>
public static class CqlNotation
{
    /// <summary>The longest [string] in bytes; what is longer is cut where a character begins.</summary>
    public const int StringBytesMax = ushort.MaxValue;

    /// <summary>[short], unsigned.</summary>
    public static void WriteShort(this WireWriter writer, ushort value) => writer.WriteUInt16(BinaryPrimitives.ReverseEndianness(value));

    /// <summary>[int]</summary>
    public static void WriteInt(this WireWriter writer, int value) => writer.WriteUInt32(BinaryPrimitives.ReverseEndianness((uint)value));

    /// <summary>[long]</summary>
    public static void WriteLong(this WireWriter writer, long value) =>
        writer.WriteUInt64(BinaryPrimitives.ReverseEndianness((ulong)value));

    /// <summary>[uuid]</summary>
    public static void WriteUuid(this WireWriter writer, Guid value)
    {
        Span<byte> bytes = stackalloc byte[16];
        value.TryWriteBytes(bytes, bigEndian: true, out _);
        writer.WriteRaw(bytes);
    }

    /// <summary>[string]: messages for people may be longer than it can hold, and are cut then.</summary>
    public static void WriteShortString(this WireWriter writer, string value)
    {
        var characters = value.AsSpan();
        while (Encoding.UTF8.GetByteCount(characters) > StringBytesMax)
        {
            // Every character takes one byte at least; a pair of surrogates stays whole.
            characters = characters[..Math.Min(characters.Length - 1, StringBytesMax)];
            if (char.IsHighSurrogate(characters[^1]))
            {
                characters = characters[..^1];
            }
        }

        var bytes = Encoding.UTF8.GetByteCount(characters);
        writer.WriteShort((ushort)bytes);
        writer.Advance(Encoding.UTF8.GetBytes(characters, writer.GetSpan(bytes)));
    }

    /// <summary>[long string]</summary>
    public static void WriteLongString(this WireWriter writer, string value)
    {
        var bytes = Encoding.UTF8.GetByteCount(value);
        writer.WriteInt(bytes);
        writer.Advance(Encoding.UTF8.GetBytes(value, writer.GetSpan(bytes)));
    }

    /// <summary>[short bytes]: at most 65,535 of them.</summary>
    public static void WriteShortBytes(this WireWriter writer, ReadOnlySpan<byte> value)
    {
        Check.That(value.Length <= ushort.MaxValue);
        writer.WriteShort((ushort)value.Length);
        writer.WriteRaw(value);
    }

    /// <summary>[bytes]</summary>
    public static void WriteNullableBytes(this WireWriter writer, ReadOnlyMemory<byte>? value)
    {
        if (value is { } bytes)
        {
            writer.WriteInt(bytes.Length);
            writer.WriteRaw(bytes.Span);
        }
        else
        {
            writer.WriteInt(-1);
        }
    }

    /// <summary>[inetaddr], and the first half of an [inet]: 4 or 16 bytes.</summary>
    public static void WriteAddress(this WireWriter writer, ReadOnlySpan<byte> address)
    {
        Check.That(address.Length is 4 or 16);
        writer.WriteByte((byte)address.Length);
        writer.WriteRaw(address);
    }

    /// <summary>[string list]: at most 65,535 of them.</summary>
    public static void WriteStringList(this WireWriter writer, IReadOnlyList<string> list)
    {
        Check.That(list.Count <= ushort.MaxValue);
        writer.WriteShort((ushort)list.Count);
        foreach (var item in list)
        {
            writer.WriteShortString(item);
        }
    }
}
