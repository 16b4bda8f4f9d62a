using Atoll.Services.Errors;
using Atoll.Services.Streams.Groups;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Streams;
using Atoll.StateMachines.Transactions;

namespace Atoll.Services.Streams.Transactions;

/// <summary>
/// Tells partitions and groups where transactions begin and end. Each of them takes it once, however often it is said, and nothing of a
/// transaction that has ended there.
/// </summary>
/// <param name="streams">The partitions.</param>
/// <param name="groups">The groups.</param>
internal sealed class TransactionEnds(IStreams streams, IGroups groups)
{
    // Requests that are under way at once for one transaction.
    private const int AtOnceMax = 64;

    /// <summary>A transaction begins in partitions and groups.</summary>
    /// <returns>Ok when all of them know; else the first refusal: the transaction has ended, or its producer was replaced.</returns>
    public async Task<TransactionStatus> BeginAsync(
        ProducerTransaction transaction, IReadOnlyCollection<TopicPartition> partitions, IReadOnlyCollection<string> names,
        CancellationToken cancellation)
    {
        var statuses = await AllAsync(
            partitions.Select<TopicPartition, Func<Task<TransactionStatus>>>(place =>
                () => BeginAsync(transaction, place, cancellation))
                .Concat(names.Select<string, Func<Task<TransactionStatus>>>(group =>
                    () => BeginAsync(transaction, group, cancellation)))).ConfigureAwait(false);
        return statuses.Find(static status => status != TransactionStatus.Ok);
    }

    /// <summary>A transaction ends in all partitions and groups that it has: returns when all of them know.</summary>
    public async Task EndAsync(TransactionalProducer producer, CancellationToken cancellation)
    {
        var isCommit = producer.State == TransactionState.PrepareCommit;
        var transaction = new ProducerTransaction(producer.ProducerId, producer.Epoch, producer.Number);
        var marker = new TransactionMarker(producer.ProducerId, producer.Epoch, isCommit, producer.Number);
        await AllAsync(
            producer.Partitions.Select<TopicPartition, Func<Task<TransactionStatus>>>(place =>
                () => EndAsync(marker, place, cancellation))
                .Concat(producer.Groups.Select<string, Func<Task<TransactionStatus>>>(group => async () => StatusOf(
                    await groups.EndTransactionAsync(new EndGroupTransaction(group, transaction, isCommit), cancellation)
                        .ConfigureAwait(false))))).ConfigureAwait(false);
    }

    private static TransactionStatus StatusOf(PartitionStatus status) => status switch
    {
        PartitionStatus.Ok => TransactionStatus.Ok,
        PartitionStatus.ProducerFenced => TransactionStatus.Fenced,
        PartitionStatus.TooManyProducers => throw new OverloadedException(
            "a partition has as many producers with open transactions as it may", TimeSpan.FromSeconds(1)),
        _ => TransactionStatus.InvalidState,
    };

    private static TransactionStatus StatusOf(GroupStatus status) => status switch
    {
        GroupStatus.Ok => TransactionStatus.Ok,
        GroupStatus.ProducerFenced => TransactionStatus.Fenced,
        GroupStatus.TooMany => throw new OverloadedException(
            "a group has as many producers with transactions as it may", TimeSpan.FromSeconds(1)),
        _ => TransactionStatus.InvalidState,
    };

    private static async Task<List<TransactionStatus>> AllAsync(IEnumerable<Func<Task<TransactionStatus>>> calls)
    {
        var statuses = new List<TransactionStatus>();
        foreach (var some in calls.Chunk(AtOnceMax))
        {
            statuses.AddRange(await Task.WhenAll(some.Select(static call => call())).ConfigureAwait(false));
        }

        return statuses;
    }

    private async Task<TransactionStatus> BeginAsync(
        ProducerTransaction transaction, TopicPartition place, CancellationToken cancellation)
    {
        var topic = await FindAsync(place, cancellation).ConfigureAwait(false)
            ?? throw new UnknownSpaceException($"there is no partition {place.Partition} of \"{place.Topic}\"");
        var result = await streams.BeginTransactionAsync(topic, place.Partition, transaction, cancellation).ConfigureAwait(false);
        return StatusOf(result.Status);
    }

    private async Task<TransactionStatus> BeginAsync(ProducerTransaction transaction, string group, CancellationToken cancellation) =>
        StatusOf(await groups.BeginTransactionAsync(new BeginGroupTransaction(group, transaction), cancellation).ConfigureAwait(false));

    // Who says that the transaction was over, or its producer replaced, knows all that it has to.
    private async Task<TransactionStatus> EndAsync(TransactionMarker marker, TopicPartition place, CancellationToken cancellation)
    {
        while (await FindAsync(place, cancellation).ConfigureAwait(false) is { } topic)
        {
            try
            {
                var result = await streams.EndTransactionAsync(topic, place.Partition, marker, cancellation).ConfigureAwait(false);
                return StatusOf(result.Status);
            }
            catch (UnknownSpaceException)
            {
                // The topic was deleted a moment ago, or is a new one of the same name.
                await streams.RefreshAsync(cancellation).ConfigureAwait(false);
            }
        }

        return TransactionStatus.Ok;
    }

    // A topic may be younger than what is known here.
    private async Task<Topic?> FindAsync(TopicPartition place, CancellationToken cancellation)
    {
        var known = (await streams.TopicsAsync(cancellation).ConfigureAwait(false)).Find(place.Topic);
        var topic = known ?? (await streams.RefreshAsync(cancellation).ConfigureAwait(false)).Find(place.Topic);
        return topic?.Partition(place.Partition) is null ? null : topic;
    }
}
