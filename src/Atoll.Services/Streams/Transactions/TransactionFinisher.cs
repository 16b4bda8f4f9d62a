using Atoll.Services.Errors;

namespace Atoll.Services.Streams.Transactions;

/// <summary>
/// Sees to it that transactions end everywhere: those that lasted too long, and those whose node died when it had only been decided. Each
/// node does so for the shards that it leads.
/// </summary>
public sealed class TransactionFinisher : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly ITransactions _transactions;
    private readonly IPartitionLeaders _leaders;
    private readonly CancellationTokenSource _stopped = new();
    private readonly PeriodicTimer _timer;
    private readonly Task _running;

    /// <summary>A finisher that runs until it is disposed of.</summary>
    /// <param name="transactions">The transactions.</param>
    /// <param name="leaders">Tells which shards are led here.</param>
    /// <param name="time">Clock and timers.</param>
    public TransactionFinisher(ITransactions transactions, IPartitionLeaders leaders, TimeProvider time)
    {
        _transactions = transactions;
        _leaders = leaders;
        _timer = new PeriodicTimer(Interval, time);
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
                await FinishAsync(_stopped.Token).ConfigureAwait(false);
            }
            catch (AtollException)
            {
                // Somebody is not there at the moment: it is tried again.
            }
            catch (OperationCanceledException) when (_stopped.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task FinishAsync(CancellationToken cancellation)
    {
        var shards = await _transactions.ShardsAsync(cancellation).ConfigureAwait(false);
        if (shards.Count == 0)
        {
            return;
        }

        var view = await _leaders.ViewAsync(cancellation).ConfigureAwait(false);
        foreach (var shard in shards.Where(shard => view.Knows(shard.Id) && view.LeaderOf(shard.Id).Node == view.Self))
        {
            await _transactions.FinishAsync(shard, cancellation).ConfigureAwait(false);
        }
    }
}
