using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Kernel.Eventual;

namespace Atoll.Node.Eventual;

/// <summary>
/// The hybrid clock of a loop's eventual spaces. It is its own: it follows every clock of the cluster, the one that is hours ahead too, and
/// strong shards must not. Its times order as their microseconds do, which is what cells carry.
/// </summary>
/// <param name="clock">The node's clocks.</param>
/// <param name="sabotage">A planted bug.</param>
internal sealed class EventualClock(IClock clock, Sabotage sabotage = Sabotage.None) : IHybridClock
{
    // In a millisecond there are as many stamps as microseconds: the next one is of the next millisecond.
    private const int StampsPerMillisecond = 1000;

    // More lanes than this share: each must have some stamps in a millisecond.
    private const int LanesMax = 100;

    private HybridTime _last;
    private int _lane;
    private int _lanes = 1;

    /// <summary>
    /// Sets which of a millisecond's stamps are this loop's. Loops that know the same cluster never give one stamp twice: of two writes of
    /// a row at one time each would win some cells (museum, row 27).
    /// </summary>
    /// <param name="position">The loop's place among all loops of the cluster, from 0 on.</param>
    /// <param name="loops">How many there are.</param>
    public void SetLane(int position, int loops)
    {
        _lanes = Math.Clamp(loops, 1, LanesMax);
        _lane = sabotage.Has(Sabotage.StampsCollide) ? 0 : position % _lanes;
    }

    /// <summary>The timestamp, in microseconds of the Unix epoch, that cells written at a stamp of this clock have.</summary>
    public static long MicrosOf(HybridTime stamp) =>
        (stamp.UnixMilliseconds * StampsPerMillisecond) + Math.Min(stamp.Logical, StampsPerMillisecond - 1);

    /// <inheritdoc />
    public HybridTime Next()
    {
        var next = _last.Next(clock.WallTime);
        var logical = next.Logical + ((_lane - (next.Logical % _lanes) + _lanes) % _lanes);
        var millisecond = logical < StampsPerMillisecond ? next.UnixMilliseconds : next.UnixMilliseconds + 1;
        logical = logical < StampsPerMillisecond ? logical : _lane;
        return _last = new HybridTime(HybridTime.FromUnixMilliseconds(millisecond).Value + (uint)logical);
    }

    /// <inheritdoc />
    public void Observe(HybridTime seen)
    {
        if (seen > _last && !sabotage.Has(Sabotage.LosesToFastClocks))
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
