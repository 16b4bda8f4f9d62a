using Atoll.Kernel.Eventual;
using Atoll.Services.Errors;

namespace Atoll.Services.Spaces;

/// <summary>
/// Waits for the replicas of a new eventual space. Nobody tries again for whoever reads or writes there, and replicas are there only some
/// moments after the space: whoever made it must be able to use it. When replicas are away, that is as it is.
/// </summary>
internal static class NewReplicas
{
    private static readonly TimeSpan WaitForAll = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan WaitForMost = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Reads until all replicas have answered, then until most have, and then no more.</summary>
    /// <param name="readAll">Reads something of each shard at a level, within a time.</param>
    /// <param name="time">Clock and timers.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal static async ValueTask WaitAsync(
        Func<ConsistencyLevel, TimeSpan, ValueTask> readAll, TimeProvider time, CancellationToken cancellationToken)
    {
        var startedAt = time.GetTimestamp();
        while (time.GetElapsedTime(startedAt) is var waited && waited < WaitForMost)
        {
            try
            {
                await readAll(waited < WaitForAll ? ConsistencyLevel.All : ConsistencyLevel.Quorum, WaitForAll).ConfigureAwait(false);
                return;
            }
            catch (AtollException error) when (error.Code is ErrorCode.Unavailable or ErrorCode.OutcomeUnknown)
            {
                await Task.Delay(Pause, time, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
