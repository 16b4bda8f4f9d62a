using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Atoll.Services.Tables.Types;

/// <summary>
/// Values of CQL's types as the native protocol serializes them (native_protocol_v5.spec, section 6), from and to the values of .NET.
/// What reads expects bytes that <see cref="CqlValidation"/> has accepted, and that are not empty.
/// </summary>
public static class CqlBytes
{
    /// <summary>1970-01-01 as a date's bytes.</summary>
    public const uint DateEpoch = 1u << 31;

    /// <summary>False.</summary>
    public static readonly ReadOnlyMemory<byte> False = new byte[] { 0 };

    /// <summary>True.</summary>
    public static readonly ReadOnlyMemory<byte> True = new byte[] { 1 };

    /// <summary>A boolean.</summary>
    public static ReadOnlyMemory<byte> Of(bool value) => value ? True : False;

    /// <summary>A tinyint.</summary>
    public static byte[] Of(sbyte value) => [unchecked((byte)value)];

    /// <summary>A smallint.</summary>
    public static byte[] Of(short value)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteInt16BigEndian(bytes, value);
        return bytes;
    }

    /// <summary>An int.</summary>
    public static byte[] Of(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    /// <summary>A bigint, counter, timestamp (milliseconds) or time (nanoseconds).</summary>
    public static byte[] Of(long value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        return bytes;
    }

    /// <summary>A float.</summary>
    public static byte[] Of(float value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteSingleBigEndian(bytes, value);
        return bytes;
    }

    /// <summary>A double.</summary>
    public static byte[] Of(double value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteDoubleBigEndian(bytes, value);
        return bytes;
    }

    /// <summary>A text or ascii.</summary>
    public static byte[] Of(string value) => Encoding.UTF8.GetBytes(value);

    /// <summary>A varint.</summary>
    public static byte[] Of(BigInteger value) => value.ToByteArray(isUnsigned: false, isBigEndian: true);

    /// <summary>A uuid or timeuuid.</summary>
    public static byte[] Of(Guid value) => value.ToByteArray(bigEndian: true);

    /// <summary>A decimal.</summary>
    public static byte[] Of(CqlDecimal value)
    {
        var unscaled = Of(value.Unscaled);
        var bytes = new byte[4 + unscaled.Length];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value.Scale);
        unscaled.CopyTo(bytes, 4);
        return bytes;
    }

    /// <summary>A duration.</summary>
    public static byte[] Of(CqlDuration value) => value.ToBytes();

    /// <summary>A date of that many days since 1970-01-01.</summary>
    public static byte[] OfDate(long daysSinceEpoch)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, unchecked((uint)(daysSinceEpoch + DateEpoch)));
        return bytes;
    }

    /// <summary>A boolean's value.</summary>
    public static bool ToBoolean(ReadOnlySpan<byte> bytes) => bytes[0] != 0;

    /// <summary>A tinyint's value.</summary>
    public static sbyte ToTinyint(ReadOnlySpan<byte> bytes) => unchecked((sbyte)bytes[0]);

    /// <summary>A smallint's value.</summary>
    public static short ToSmallint(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadInt16BigEndian(bytes);

    /// <summary>An int's value.</summary>
    public static int ToInt(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadInt32BigEndian(bytes);

    /// <summary>The value of a bigint, counter, timestamp or time.</summary>
    public static long ToBigint(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadInt64BigEndian(bytes);

    /// <summary>A float's value.</summary>
    public static float ToFloat(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadSingleBigEndian(bytes);

    /// <summary>A double's value.</summary>
    public static double ToDouble(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadDoubleBigEndian(bytes);

    /// <summary>A text's or ascii's value.</summary>
    public static string ToText(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    /// <summary>A varint's value.</summary>
    public static BigInteger ToVarint(ReadOnlySpan<byte> bytes) => new(bytes, isUnsigned: false, isBigEndian: true);

    /// <summary>A uuid's or timeuuid's value.</summary>
    public static Guid ToUuid(ReadOnlySpan<byte> bytes) => new(bytes, bigEndian: true);

    /// <summary>A decimal's value.</summary>
    public static CqlDecimal ToDecimal(ReadOnlySpan<byte> bytes) =>
        new(ToVarint(bytes[4..]), BinaryPrimitives.ReadInt32BigEndian(bytes));

    /// <summary>A date's days since 1970-01-01.</summary>
    public static long ToDate(ReadOnlySpan<byte> bytes) => (long)BinaryPrimitives.ReadUInt32BigEndian(bytes) - DateEpoch;
}
