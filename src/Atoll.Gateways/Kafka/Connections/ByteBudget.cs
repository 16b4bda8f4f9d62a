namespace Atoll.Gateways.Kafka.Connections;

/// <summary>
/// Bytes that all connections together may hold: who wants more than is left waits for its turn. One that wants more than there is gets it
/// when nobody else has any. Thread-safe.
/// </summary>
/// <param name="bytes">How many there are.</param>
public sealed class ByteBudget(long bytes)
{
    private readonly Lock _lock = new();
    private readonly Queue<(long Bytes, TaskCompletionSource Turn)> _waiting = new();
    private long _taken;

    /// <summary>Bytes that are taken.</summary>
    public long Taken
    {
        get
        {
            lock (_lock)
            {
                return _taken;
            }
        }
    }

    /// <summary>Takes bytes, in the order of the calls. Who was cancelled has none.</summary>
    public async ValueTask TakeAsync(long wanted, CancellationToken cancellation)
    {
        TaskCompletionSource turn;
        lock (_lock)
        {
            if (_waiting.Count == 0 && Fits(wanted))
            {
                _taken += wanted;
                return;
            }

            turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue((wanted, turn));
        }

        using var giveUp = cancellation.UnsafeRegister(
            static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), turn);
        try
        {
            await turn.Task.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Release(0); // it may have stood first, before others that fit
            throw;
        }
    }

    /// <summary>Gives bytes back.</summary>
    public void Release(long released)
    {
        lock (_lock)
        {
            _taken -= released;
            while (_waiting.TryPeek(out var next) && (next.Turn.Task.IsCanceled || Fits(next.Bytes)))
            {
                _waiting.Dequeue();
                if (next.Turn.TrySetResult())
                {
                    _taken += next.Bytes;
                }
            }
        }
    }

    private bool Fits(long wanted) => _taken == 0 || _taken + wanted <= bytes;
}
