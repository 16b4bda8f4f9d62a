using System.Diagnostics;

namespace Atoll.Chaos.Tests.Cluster;

/// <summary>Waiting: for a condition, with a deadline; or for a fault to have lasted as long as it should.</summary>
internal static class Eventually
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(20);

    /// <summary>Polls until the condition holds; fails when it does not in time.</summary>
    public static async Task HoldsAsync(string what, TimeSpan deadline, Func<ValueTask<bool>> condition)
    {
        var startedAt = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(PollInterval);
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(startedAt) > deadline)
            {
                throw new TimeoutException($"not within {deadline.TotalSeconds:0} s: {what}");
            }

            await timer.WaitForNextTickAsync();
        }
    }

    /// <summary>Lets a fault last.</summary>
    public static async Task LastsAsync(TimeSpan duration)
    {
        using var timer = new PeriodicTimer(duration);
        await timer.WaitForNextTickAsync();
    }
}
