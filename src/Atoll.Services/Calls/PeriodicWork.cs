using Atoll.Services.Errors;

namespace Atoll.Services.Calls;

/// <summary>
/// Does the same work again and again until it is disposed of. What the cluster refuses or does not answer is tried again the next time;
/// so is what nobody expected, and somebody is told: a fault in one round must not end the work for good without a word.
/// </summary>
public sealed class PeriodicWork : IAsyncDisposable
{
    private readonly Func<CancellationToken, Task> _work;
    private readonly Action<Exception> _failed;
    private readonly CancellationTokenSource _stopped = new();
    private readonly PeriodicTimer _timer;
    private readonly Task _running;

    /// <summary>Begins; the first round comes after one interval.</summary>
    /// <param name="interval">From one round's beginning to the next one's; a round that takes longer is not overtaken.</param>
    /// <param name="time">Timers.</param>
    /// <param name="work">One round.</param>
    /// <param name="failed">Hears of exceptions that are none of the cluster's (<see cref="AtollException"/>).</param>
    public PeriodicWork(TimeSpan interval, TimeProvider time, Func<CancellationToken, Task> work, Action<Exception> failed)
    {
        _work = work;
        _failed = failed;
        _timer = new PeriodicTimer(interval, time);
        _running = RunAsync();
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync().ConfigureAwait(false);
        _timer.Dispose();
        await _running.ConfigureAwait(false);
        _stopped.Dispose();
    }

    private async Task RunAsync()
    {
        while (await _timer.WaitForNextTickAsync(CancellationToken.None).ConfigureAwait(false))
        {
            try
            {
                await _work(_stopped.Token).ConfigureAwait(false);
            }
            catch (AtollException)
            {
                // Somebody is not there at the moment.
            }
            catch (OperationCanceledException) when (_stopped.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                _failed(failure);
            }
        }
    }
}
