namespace Atoll.Backups;

/// <summary>Slows a transfer down to so many bytes a second; all its parts share it.</summary>
/// <param name="bytesPerSecond">The rate; 0 for none.</param>
public sealed class RateLimit(long bytesPerSecond)
{
    private readonly Lock _lock = new();
    private long _freeAt = TimeProvider.System.GetTimestamp();

    /// <summary>Waits until so many bytes more are within the rate.</summary>
    public Task TakeAsync(long bytes, CancellationToken cancellation)
    {
        if (bytesPerSecond <= 0)
        {
            return Task.CompletedTask;
        }

        var clock = TimeProvider.System;
        TimeSpan wait;
        lock (_lock)
        {
            var now = clock.GetTimestamp();
            _freeAt = Math.Max(_freeAt, now) + (long)((double)bytes / bytesPerSecond * clock.TimestampFrequency);
            wait = clock.GetElapsedTime(now, _freeAt);
        }

        return wait < TimeSpan.FromMilliseconds(1) ? Task.CompletedTask : Task.Delay(wait, cancellation);
    }
}
