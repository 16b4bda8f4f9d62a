using Atoll.Services.Calls;

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
    private readonly PeriodicWork _work;

    /// <summary>A finisher that runs until it is disposed of.</summary>
    /// <param name="transactions">The transactions.</param>
    /// <param name="leaders">Tells which shards are led here.</param>
    /// <param name="time">Clock and timers.</param>
    /// <param name="failed">Hears of what nobody expected; it is tried again.</param>
    public TransactionFinisher(ITransactions transactions, IPartitionLeaders leaders, TimeProvider time, Action<Exception> failed)
    {
        _transactions = transactions;
        _leaders = leaders;
        _work = new PeriodicWork(Interval, time, FinishAsync, failed);
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => _work.DisposeAsync();

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
