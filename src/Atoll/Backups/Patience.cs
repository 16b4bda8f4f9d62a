using Atoll.Services.Errors;

namespace Atoll.Backups;

/// <summary>Tries calls again for a while when the cluster is not available: a node died, and another takes over.</summary>
/// <param name="limit">For how long.</param>
public sealed class Patience(TimeSpan limit)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Calls until it succeeds, fails for good, or the time is over. The call may be made twice without harm.</summary>
    public async Task<T> TryAsync<T>(Func<ValueTask<T>> call, CancellationToken cancellation)
    {
        var startedAt = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return await call().ConfigureAwait(false);
            }
            catch (AtollException error) when ((error.IsRetryable || error.Code is ErrorCode.OutcomeUnknown or ErrorCode.TimeAhead)
                && TimeProvider.System.GetElapsedTime(startedAt) < limit)
            {
                await Task.Delay(Pause, cancellation).ConfigureAwait(false);
            }
        }
    }
}
