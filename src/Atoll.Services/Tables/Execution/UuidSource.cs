using System.Buffers.Binary;
using System.Security.Cryptography;
using Atoll.Services.Tables.Functions;

namespace Atoll.Services.Tables.Execution;

/// <summary>
/// UUIDs of this process: those of version 1 have a random node, so that no two processes share them, and each is later than the one
/// before: when the clock stands still or goes back, it counts on from the latest. Thread-safe.
/// </summary>
/// <param name="time">The clock.</param>
public sealed class UuidSource(TimeProvider time) : IUuidSource
{
    // The variant of RFC 9562 in the first two bits, and the bit that says that a node is no network card's address.
    private readonly ulong _clockAndNode =
        (BinaryPrimitives.ReadUInt64BigEndian(RandomNumberGenerator.GetBytes(8)) & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0100_0000_0000;

    private long _lastTicks;

    /// <inheritdoc />
    public Guid NewRandom()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    /// <inheritdoc />
    public Guid NewTimeBased()
    {
        var now = TimeUuids.TicksAt(time.GetUtcNow().ToUnixTimeMilliseconds());
        long last, next;
        do
        {
            last = Interlocked.Read(ref _lastTicks);
            next = Math.Max(now, last + 1);
        }
        while (Interlocked.CompareExchange(ref _lastTicks, next, last) != last);
        return new Guid(TimeUuids.ToBytes(next, _clockAndNode), bigEndian: true);
    }
}
