using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Kernel.Eventual;

namespace Atoll.Node.Eventual;

/// <summary>
/// The hybrid clock of a loop's eventual spaces. It is its own: it follows every clock of the cluster, the one that is hours ahead too, and
/// strong shards must not. Its times order as their microseconds do, which is what cells carry.
/// </summary>
internal sealed class EventualClock(IClock clock) : IHybridClock
{
    // In a millisecond there are as many stamps as microseconds: the next one is of the next millisecond.
    private const int StampsPerMillisecond = 1000;

    private HybridTime _last;

    /// <summary>The timestamp, in microseconds of the Unix epoch, that cells written at a stamp of this clock have.</summary>
    public static long MicrosOf(HybridTime stamp) =>
        (stamp.UnixMilliseconds * StampsPerMillisecond) + Math.Min(stamp.Logical, StampsPerMillisecond - 1);

    /// <inheritdoc />
    public HybridTime Next()
    {
        var next = _last.Next(clock.WallTime);
        return _last = next.Logical < StampsPerMillisecond ? next : HybridTime.FromUnixMilliseconds(next.UnixMilliseconds + 1);
    }

    /// <inheritdoc />
    public void Observe(HybridTime seen)
    {
        if (seen > _last)
        {
            _last = seen;
        }
    }

    /// <summary>The present, without making an event of it.</summary>
    public HybridTime Peek()
    {
        var physical = HybridTime.FromUnixMilliseconds(Math.Max(0, clock.WallTime.Milliseconds));
        return physical > _last ? physical : _last;
    }
}
