using System.Buffers.Binary;
using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.Gateways.Kafka.Protocol;

/// <summary>Writes the primitive types of the Kafka protocol (big-endian).</summary>
/// <param name="target">Where they go.</param>
public sealed class KafkaWriter(WireWriter target)
{
    private const int TagBytesUsual = 64;

    /// <summary>One byte: 1 or 0.</summary>
    public void WriteBool(bool value) => target.WriteBool(value);

    /// <summary>One byte.</summary>
    public void WriteInt8(sbyte value) => target.WriteByte((byte)value);

    /// <summary>Two bytes.</summary>
    public void WriteInt16(short value) => target.WriteUInt16(BinaryPrimitives.ReverseEndianness((ushort)value));

    /// <summary>Two bytes, unsigned.</summary>
    public void WriteUInt16(ushort value) => WriteInt16((short)value);

    /// <summary>Two bytes: what became of a call.</summary>
    public void WriteError(KafkaError value) => WriteInt16((short)value);

    /// <summary>Four bytes.</summary>
    public void WriteInt32(int value) => target.WriteUInt32(BinaryPrimitives.ReverseEndianness((uint)value));

    /// <summary>Eight bytes.</summary>
    public void WriteInt64(long value) => target.WriteUInt64(BinaryPrimitives.ReverseEndianness((ulong)value));

    /// <summary>Eight bytes: IEEE 754.</summary>
    public void WriteFloat64(double value) => WriteInt64(BitConverter.DoubleToInt64Bits(value));

    /// <summary>Sixteen bytes, the most significant one first.</summary>
    public void WriteUuid(Guid value)
    {
        Check.That(value.TryWriteBytes(target.GetSpan(16), bigEndian: true, out var written));
        target.Advance(written);
    }

    /// <summary>A string.</summary>
    /// <param name="value">The string.</param>
    /// <param name="flexible">Whether its length is written as a varint and one more than it is.</param>
    public void WriteString(string value, bool flexible) => WriteNullableString(value, flexible, mayBeNull: false);

    /// <summary>A string, or null.</summary>
    /// <param name="value">The string.</param>
    /// <param name="flexible">Whether its length is written as a varint and one more than it is.</param>
    /// <param name="mayBeNull">Whether null can be written; else it is written as empty.</param>
    public void WriteNullableString(string? value, bool flexible, bool mayBeNull)
    {
        var length = value is null ? (mayBeNull ? -1 : 0) : Encoding.UTF8.GetByteCount(value);
        if (flexible)
        {
            WriteVarint((uint)(length + 1));
        }
        else
        {
            Check.That(length <= short.MaxValue);
            WriteInt16((short)length);
        }

        if (length > 0)
        {
            target.Advance(Encoding.UTF8.GetBytes(value, target.GetSpan(length)));
        }
    }

    /// <summary>Bytes.</summary>
    /// <param name="value">The bytes.</param>
    /// <param name="flexible">Whether their length is written as a varint and one more than it is.</param>
    public void WriteBytes(ReadOnlyMemory<byte> value, bool flexible)
    {
        WriteCount(value.Length, flexible);
        target.WriteRaw(value.Span);
    }

    /// <summary>Bytes, or null.</summary>
    /// <param name="value">The bytes.</param>
    /// <param name="flexible">Whether their length is written as a varint and one more than it is.</param>
    /// <param name="mayBeNull">Whether null can be written; else it is written as empty.</param>
    public void WriteNullableBytes(ReadOnlyMemory<byte>? value, bool flexible, bool mayBeNull)
    {
        if (value is { } bytes)
        {
            WriteBytes(bytes, flexible);
        }
        else
        {
            WriteCount(mayBeNull ? -1 : 0, flexible);
        }
    }

    /// <summary>The number of what follows; -1 for null.</summary>
    /// <param name="count">The number.</param>
    /// <param name="flexible">Whether it is written as a varint and one more than it is.</param>
    public void WriteCount(int count, bool flexible)
    {
        if (flexible)
        {
            WriteVarint((uint)(count + 1));
        }
        else
        {
            WriteInt32(count);
        }
    }

    /// <summary>The byte before a struct that may be null.</summary>
    public void WritePresence(bool isThere) => WriteInt8(isThere ? (sbyte)1 : (sbyte)-1);

    /// <summary>How many tagged fields follow.</summary>
    public void WriteTagCount(int count) => WriteVarint((uint)count);

    /// <summary>A writer for the value of a tagged field, which <see cref="WriteTag"/> takes over.</summary>
    public KafkaWriter BeginTag() => new(new WireWriter(TagBytesUsual));

    /// <summary>A tagged field.</summary>
    /// <param name="tag">Its tag; fields are written in the order of their tags.</param>
    /// <param name="value">What <see cref="BeginTag"/> returned, with the value in it.</param>
    public void WriteTag(int tag, KafkaWriter value)
    {
        WriteVarint((uint)tag);
        var bytes = value.Written;
        WriteVarint((uint)bytes.Length);
        target.WriteRaw(bytes);
    }

    private ReadOnlySpan<byte> Written => target.Written;

    private void WriteVarint(uint value) => target.WriteVarint(value);
}
