using System.Buffers.Binary;

namespace Atoll.Services.Tables.Functions;

/// <summary>UUIDs of version 1 (RFC 9562, section 5.1): a count of 100 nanoseconds since 1582-10-15, and who counted.</summary>
public static class TimeUuids
{
    /// <summary>The lowest clock sequence and node in Cassandra's order, which compares their bytes as signed.</summary>
    public const ulong LowestNode = 0x8080808080808080;

    /// <summary>The highest clock sequence and node in Cassandra's order.</summary>
    public const ulong HighestNode = 0x7F7F7F7F7F7F7F7F;

    private const long EpochMilliseconds = -12_219_292_800_000;
    private const long TicksPerMillisecond = 10_000;
    private const long TicksMask = (1L << 60) - 1;

    /// <summary>The ticks at a time in Unix milliseconds.</summary>
    public static long TicksAt(long unixMilliseconds) =>
        unchecked((unixMilliseconds - EpochMilliseconds) * TicksPerMillisecond) & TicksMask;

    /// <summary>The time of a UUID in Unix milliseconds.</summary>
    public static long UnixMilliseconds(ReadOnlySpan<byte> uuid) => (Ticks(uuid) / TicksPerMillisecond) + EpochMilliseconds;

    /// <summary>The ticks of a UUID.</summary>
    public static long Ticks(ReadOnlySpan<byte> uuid) =>
        ((long)(BinaryPrimitives.ReadUInt16BigEndian(uuid[6..]) & 0x0FFF) << 48)
        | ((long)BinaryPrimitives.ReadUInt16BigEndian(uuid[4..]) << 32)
        | BinaryPrimitives.ReadUInt32BigEndian(uuid);

    /// <summary>The bytes of a UUID.</summary>
    /// <param name="ticks">Its time.</param>
    /// <param name="clockAndNode">Its last eight bytes: the variant, the clock sequence and the node.</param>
    public static byte[] ToBytes(long ticks, ulong clockAndNode)
    {
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)ticks);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(4), (ushort)(ticks >> 32));
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(6), (ushort)(((ticks >> 48) & 0x0FFF) | 0x1000));
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(8), clockAndNode);
        return bytes;
    }
}
