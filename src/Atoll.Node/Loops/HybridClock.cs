using Atoll.Foundation.Time;
using Atoll.Foundation.World;

namespace Atoll.Node.Loops;

/// <summary>
/// A loop's hybrid logical clock: follows the wall clock, never goes back, and is never behind a timestamp that the loop has seen.
/// </summary>
public sealed class HybridClock
{
    private readonly IClock _clock;
    private HybridTime _last;

    /// <summary>A clock over the node's wall clock.</summary>
    public HybridClock(IClock clock) => _clock = clock;

    /// <summary>The timestamp of a new event: later than all that this clock gave or saw.</summary>
    public HybridTime Next() => _last = _last.Next(_clock.WallTime);

    /// <summary>The present, without making an event of it.</summary>
    public HybridTime Peek()
    {
        var physical = HybridTime.FromUnixMilliseconds(Math.Max(0, _clock.WallTime.Milliseconds));
        return physical > _last ? physical : _last;
    }

    /// <summary>Takes note of a timestamp from elsewhere.</summary>
    public void Observe(HybridTime seen)
    {
        if (seen > _last)
        {
            _last = seen;
        }
    }
}
