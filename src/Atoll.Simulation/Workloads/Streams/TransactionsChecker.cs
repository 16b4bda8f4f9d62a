using Atoll.Simulation.Checkers;
using Atoll.StateMachines.Transactions;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// What is promised of transactions, held against everything that producers, readers and coordinators were told: each ends in one way, for
/// all of its batches and offsets; who was replaced does nothing any more; and steps of reading, processing and writing follow upon each
/// other, none twice and none left out.
/// </summary>
/// <param name="registers">Where commits of offsets end.</param>
internal sealed class TransactionsChecker(GroupRegisters registers)
{
    private readonly SortedDictionary<(long Producer, int Number), ObservedTransaction> _transactions = [];
    private readonly SortedDictionary<string, TakenId> _ids = new(StringComparer.Ordinal);

    /// <summary>A transaction, which somebody was told of.</summary>
    public ObservedTransaction Of(long producerId, int number)
    {
        if (!_transactions.TryGetValue((producerId, number), out var known))
        {
            _transactions[(producerId, number)] = known = new ObservedTransaction(producerId, number);
        }

        return known;
    }

    /// <summary>The latest epoch of a transactional id that anybody was given: earlier ones are over. -1 before the first.</summary>
    public short EpochOf(string id) => _ids.TryGetValue(id, out var taken) ? taken.Epoch : (short)-1;

    /// <summary>A producer took over a transactional id.</summary>
    /// <param name="id">The id.</param>
    /// <param name="told">What it was told.</param>
    /// <param name="floor">The latest epoch that anybody had been given when it asked.</param>
    public void TakenOver(string id, in TransactionResult told, short floor)
    {
        if (!_ids.TryGetValue(id, out var taken))
        {
            _ids[id] = taken = new TakenId(told.ProducerId);
        }

        // An id is forgotten when nobody has used it for seven days, and epochs are used up after thousands: neither is here.
        if (taken.ProducerId != told.ProducerId || told.Epoch <= floor || !taken.Epochs.Add(told.Epoch))
        {
            throw new SafetyViolationException(
                $"{id} was taken over with producer {told.ProducerId} and epoch {told.Epoch}; somebody had epoch {taken.Epoch} of producer "
                + $"{taken.ProducerId}, and {floor} when this one asked");
        }

        taken.Epoch = Math.Max(taken.Epoch, told.Epoch);
    }

    /// <summary>Something of a producer was accepted.</summary>
    /// <param name="what">What, for people.</param>
    /// <param name="id">Its transactional id.</param>
    /// <param name="epoch">Its epoch.</param>
    /// <param name="floor">The latest epoch that anybody had been given when it asked.</param>
    public static void Accepted(string what, string id, short epoch, short floor)
    {
        if (epoch < floor)
        {
            throw new SafetyViolationException($"{what} of {id} was accepted in epoch {epoch}, when another had epoch {floor}");
        }
    }

    /// <summary>A coordinator said where a transaction is.</summary>
    public void Found(TransactionalProducer producer)
    {
        if (producer.State is TransactionState.Empty or TransactionState.Ongoing)
        {
            return;
        }

        Decide(
            Of(producer.ProducerId, producer.Number),
            producer.State is TransactionState.PrepareCommit or TransactionState.CompleteCommit, "its coordinator said so");
    }

    /// <summary>Somebody was told, or saw, how a transaction ended. When it did not take effect, its offsets never do.</summary>
    public void Decide(ObservedTransaction transaction, bool isCommitted, string how)
    {
        transaction.Decide(isCommitted, how);
        if (!isCommitted)
        {
            EndProgress(transaction, isCommitted: false);
        }
    }

    /// <summary>The group of a transaction's offsets said that it knows how the transaction ended.</summary>
    public void Heard(ObservedTransaction transaction) => EndProgress(transaction, transaction.IsCommitted!.Value);

    /// <summary>All transactions have ended: what a transactional id has processed has no gap and no repetition.</summary>
    /// <param name="id">The transactional id.</param>
    /// <param name="last">The offset that is committed; -1 for none.</param>
    public void CheckProgress(string id, long last)
    {
        var at = -1L;
        var producer = _ids.TryGetValue(id, out var taken) ? taken.ProducerId : -1;
        foreach (var ((of, _), transaction) in _transactions)
        {
            if (of != producer)
            {
                continue;
            }

            if (transaction.IsCommitted is null)
            {
                throw new SafetyViolationException($"{transaction} of {id} has not ended");
            }

            if (transaction is { IsCommitted: true, Progress: { } progress })
            {
                if (progress.From != at)
                {
                    throw new SafetyViolationException(
                        $"{transaction} of {id} processed what is behind {progress.From}, and the last one before it came to {at}");
                }

                at = progress.To;
            }
        }

        if (at != last)
        {
            throw new SafetyViolationException($"the last transaction of {id} came to {at}, and {last} is committed");
        }
    }

    private void EndProgress(ObservedTransaction transaction, bool isCommitted)
    {
        if (transaction.Progress is { HasEnded: false } progress)
        {
            progress.HasEnded = true;
            registers.End(progress.Commit, isCommitted, mayHaveTakenEffect: false);
        }
    }

    private sealed class TakenId(long producerId)
    {
        public long ProducerId => producerId;

        public short Epoch { get; set; } = -1;

        public SortedSet<short> Epochs { get; } = [];
    }
}
