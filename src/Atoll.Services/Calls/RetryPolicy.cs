using Atoll.Foundation;
using Atoll.Node.Requests;

namespace Atoll.Services.Calls;

/// <summary>
/// When and how often a call is tried again: always within its deadline, never without end. Only what certainly had no effect, or
/// carries an identity that makes a second try harmless, is tried again at all.
/// </summary>
public sealed record RetryPolicy
{
    /// <summary>How long a call may take when its caller does not say.</summary>
    public TimeSpan DefaultTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Tries of one call, the first included.</summary>
    public int AttemptsMax { get; init; } = 64;

    /// <summary>The longest wait before the second try; it doubles from try to try.</summary>
    public TimeSpan BackoffBase { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>The longest wait between two tries.</summary>
    public TimeSpan BackoffMax { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Retries of refused ("overloaded") calls that may be saved up. Each success earns a tenth of one; when none is left, refusals go
    /// straight to the callers, so that retries cannot keep an overload alive (metastable failures, Bronson et al., HotOS '21).
    /// </summary>
    public int OverloadRetriesSaved { get; init; } = 256;

    /// <summary>The wait before the try after attempt number <paramref name="attempt"/> (from 1).</summary>
    /// <param name="attempt">Attempts made so far.</param>
    /// <param name="response">How the last one ended.</param>
    /// <param name="jitter">A random number in [0, 1).</param>
    /// <returns>The wait; zero when the answer named another leader and this is the first retry.</returns>
    public TimeSpan Delay(int attempt, in Response response, double jitter)
    {
        // A replica that knows the leader, or a view that is old, is put right at once; if that fails too, somebody is confused: wait.
        if (attempt == 1 && (response.Status == ResponseStatus.StaleRoute
            || (response.Status == ResponseStatus.NotLeader && response.LeaderHint != default)))
        {
            return TimeSpan.Zero;
        }

        var wait = Backoff.After(BackoffBase, BackoffMax, attempt, jitter).TotalMilliseconds;
        if (response.Status == ResponseStatus.Overloaded)
        {
            // Spread over twice what was asked for, so that those refused together do not come back together.
            wait = Math.Max(wait, response.RetryAfter.Nanoseconds / 1e6 * (1 + jitter));
        }

        return TimeSpan.FromMilliseconds(wait);
    }

    /// <summary>Checks that the values make sense.</summary>
    /// <exception cref="ArgumentException">They do not; the message names the value.</exception>
    public RetryPolicy Validated()
    {
        Require(DefaultTimeout > TimeSpan.Zero, nameof(DefaultTimeout));
        Require(AttemptsMax >= 1, nameof(AttemptsMax));
        Require(BackoffBase > TimeSpan.Zero && BackoffMax >= BackoffBase, nameof(BackoffMax));
        Require(OverloadRetriesSaved is >= 0 and <= Limits.RequestsInFlightMax, nameof(OverloadRetriesSaved));
        return this;
    }

    private static void Require(bool holds, string name)
    {
        if (!holds)
        {
            throw new ArgumentException($"retry option {name} is out of range", name);
        }
    }
}
