using Atoll.Foundation.Time;

namespace Atoll.Foundation.World;

/// <summary>A node's two clocks. In simulation both are drawn, and both may be wrong in the ways real ones are.</summary>
public interface IClock
{
    /// <summary>
    /// Time since an arbitrary origin. It never goes back, but may run a little fast or slow, and jumps ahead when the process was paused.
    /// For timeouts only.
    /// </summary>
    Instant Now { get; }

    /// <summary>
    /// What the machine believes the time of day to be (Unix epoch, UTC). It may be off by hours and may jump either way: it feeds hybrid
    /// timestamps, and no decision about correctness.
    /// </summary>
    Instant WallTime { get; }
}
