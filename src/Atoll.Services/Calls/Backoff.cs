namespace Atoll.Services.Calls;

/// <summary>Waits between tries: they double, and half of each is left to chance, so that who failed together comes back apart.</summary>
public static class Backoff
{
    private const int DoublingsMax = 20;

    /// <summary>The wait before the try after attempt number <paramref name="attempt"/>.</summary>
    /// <param name="first">The longest wait before the second try; it doubles from try to try.</param>
    /// <param name="longest">The longest wait between two tries.</param>
    /// <param name="attempt">Attempts made so far, from 1.</param>
    /// <param name="jitter">A random number in [0, 1).</param>
    public static TimeSpan After(TimeSpan first, TimeSpan longest, int attempt, double jitter)
    {
        var ceiling = Math.Min(longest.TotalMilliseconds, first.TotalMilliseconds * Math.Pow(2, Math.Min(attempt - 1, DoublingsMax)));
        return TimeSpan.FromMilliseconds(Math.Max(1, ceiling * (0.5 + (jitter / 2))));
    }
}
