using Atoll.Foundation.Time;

namespace Atoll.Backups;

/// <summary>Slows a transfer down to so many bytes a second; all its parts share it.</summary>
/// <param name="bytesPerSecond">The rate; 0 for none.</param>
public sealed class RateLimit(long bytesPerSecond)
{
    private readonly Lock _lock = new();
    private readonly long _startedAt = TimeProvider.System.GetTimestamp();
    private Pace _pace;

    /// <summary>Waits until so many bytes more are within the rate.</summary>
    public Task TakeAsync(long bytes, CancellationToken cancellation)
    {
        if (bytesPerSecond <= 0)
        {
            return Task.CompletedTask;
        }

        Duration wait;
        lock (_lock)
        {
            var now = new Instant(TimeProvider.System.GetElapsedTime(_startedAt).Ticks * TimeSpan.NanosecondsPerTick);
            wait = _pace.Take(now, bytes, bytesPerSecond, Duration.Zero, Duration.Infinite);
        }

        return wait < Duration.FromMilliseconds(1) ? Task.CompletedTask
            : Task.Delay(TimeSpan.FromMilliseconds(wait.Milliseconds), cancellation);
    }
}
