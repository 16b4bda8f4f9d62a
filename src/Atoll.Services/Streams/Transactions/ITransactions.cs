using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Transactions;

namespace Atoll.Services.Streams.Transactions;

/// <summary>
/// Transactions of producers, across partitions and groups. Refusals that producers expect are statuses; every call may throw an
/// <see cref="AtollException"/> beside that, and be tried again then. Thread-safe.
/// </summary>
public interface ITransactions
{
    /// <summary>
    /// A producer takes over a transactional id: those before it are fenced off. While a transaction of theirs is being ended, the status
    /// is <see cref="TransactionStatus.Concurrent"/>: it is to be tried again.
    /// </summary>
    /// <param name="id">The transactional id.</param>
    /// <param name="timeoutMilliseconds">How long its transactions may stay open.</param>
    /// <param name="knownProducerId">The number that the producer has already, and wants another epoch of; -1 of one that starts.</param>
    /// <param name="knownEpoch">The epoch that it has; -1 of one that starts.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<TransactionResult> InitAsync(
        string id, int timeoutMilliseconds, long knownProducerId, short knownEpoch, CancellationToken cancellationToken = default);

    /// <summary>
    /// Adds partitions and groups to the transaction of a producer; the first ones begin it. When it ends with Ok, all of them know.
    /// </summary>
    ValueTask<TransactionResult> AddAsync(AddToTransaction add, CancellationToken cancellationToken = default);

    /// <summary>
    /// Ends a transaction. What was decided is durable when this ends with Ok, and known everywhere soon: mostly it already is.
    /// </summary>
    ValueTask<TransactionResult> EndAsync(EndTransaction end, CancellationToken cancellationToken = default);

    /// <summary>A transactional id; null when there is none.</summary>
    ValueTask<TransactionalProducer?> FindAsync(string id, CancellationToken cancellationToken = default);

    /// <summary>All transactional ids, in no order.</summary>
    ValueTask<IReadOnlyList<TransactionalProducer>> ListAsync(CancellationToken cancellationToken = default);

    /// <summary>The shard whose leader coordinates a transactional id. Makes the space of transactions when there is none.</summary>
    ValueTask<ShardInfo> ShardOfAsync(string id, CancellationToken cancellationToken = default);

    /// <summary>
    /// Tells all who have still to hear it how the transactions of a shard end, of which that is decided. To be called now and then for
    /// shards that are led here: whoever ended them may have died since.
    /// </summary>
    ValueTask FinishAsync(ShardInfo shard, CancellationToken cancellationToken = default);

    /// <summary>The shards of transactions, as far as they are known here.</summary>
    ValueTask<IReadOnlyList<ShardInfo>> ShardsAsync(CancellationToken cancellationToken = default);
}
