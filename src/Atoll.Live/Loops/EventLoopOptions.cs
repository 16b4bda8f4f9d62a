using Atoll.Foundation.Time;

namespace Atoll.Live.Loops;

/// <summary>How an event loop waits and works.</summary>
public sealed record EventLoopOptions
{
    /// <summary>The defaults.</summary>
    public static readonly EventLoopOptions Default = new();

    /// <summary>The time between two ticks: fine enough for timeouts of 100 ms, and long enough for an idle node to sleep.</summary>
    public Duration TickInterval { get; init; } = Duration.FromMilliseconds(10);

    /// <summary>
    /// How long a loop without work looks for more before it sleeps. Saves the wake-up where cores are to spare; where they are scarce it
    /// takes the core that another node or the disk needs, and so it is off by default.
    /// </summary>
    public Duration SpinBeforeSleep { get; init; } = Duration.Zero;

    /// <summary>Events handled before what they gave rise to leaves: a flood must not delay the answers to its first messages.</summary>
    public int EventsPerBatchMax { get; init; } = 256;

    /// <summary>How long a loop that stops waits for its last writes and messages.</summary>
    public Duration DrainTimeout { get; init; } = Duration.FromSeconds(5);
}
