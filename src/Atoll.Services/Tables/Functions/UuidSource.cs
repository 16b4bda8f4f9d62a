using System.Buffers.Binary;

namespace Atoll.Services.Tables.Functions;

/// <summary>
/// Gives UUIDs. Those of the time have a random node and clock sequence, so that no two processes share them, and each is later than the
/// one before: when the clock stands still or goes back, it counts on from the latest.
/// </summary>
public sealed class UuidSource : IUuidSource
{
    // The variant of RFC 9562 in the first two bits, and the bit that says that a node is no network card's address.
    private const ulong VariantMask = 0xC000000000000000;
    private const ulong Variant = 0x8000000000000000;
    private const ulong RandomNode = 1UL << 40;

    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly Action<byte[]> _fill;
    private readonly ulong _clockAndNode;
    private long _lastTicks;

    /// <summary>A source.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="fill">Fills bytes with random ones; thread-safe.</param>
    public UuidSource(TimeProvider time, Action<byte[]> fill)
    {
        _time = time;
        _fill = fill;
        var random = new byte[8];
        fill(random);
        _clockAndNode = (BinaryPrimitives.ReadUInt64BigEndian(random) & ~VariantMask) | Variant | RandomNode;
    }

    /// <inheritdoc />
    public Guid NewRandom()
    {
        var bytes = new byte[16];
        _fill(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    /// <inheritdoc />
    public Guid NewTimeBased()
    {
        var now = TimeUuids.TicksAt(_time.GetUtcNow().ToUnixTimeMilliseconds());
        lock (_lock)
        {
            _lastTicks = Math.Max(now, _lastTicks + 1);
            return new Guid(TimeUuids.ToBytes(_lastTicks, _clockAndNode), bigEndian: true);
        }
    }
}
