using System.Diagnostics;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;

namespace Atoll.Live;

/// <summary>The machine's clocks. Any thread may ask.</summary>
public sealed class LiveClock : IClock
{
    /// <summary>The one instance: all loops of a process share the clocks.</summary>
    public static readonly LiveClock Instance = new();

    private readonly long _originTicks = Stopwatch.GetTimestamp();

    private LiveClock()
    {
    }

    /// <inheritdoc />
    public Instant Now => new(Stopwatch.GetElapsedTime(_originTicks).Ticks * TimeSpan.NanosecondsPerTick);

    /// <inheritdoc />
    public Instant WallTime => new((DateTime.UtcNow - DateTime.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick);
}
