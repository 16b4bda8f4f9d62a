using Atoll.Simulation.Checkers;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// What is promised of transactions in one partition, batch after batch: each stands before its marker, none behind it, and a producer has
/// one at a time.
/// </summary>
/// <param name="logStart">What is before it was deleted: there may be markers that nobody ever saw.</param>
internal sealed class MarkerChecker(long logStart)
{
    private readonly SortedDictionary<long, (int Number, long Offset)> _open = [];
    private readonly SortedDictionary<long, int> _ended = [];

    /// <summary>The next batch of the partition.</summary>
    /// <exception cref="SafetyViolationException">It stands where it may not.</exception>
    public void Take(SentBatch batch, long offset)
    {
        if (batch.Transaction is not { } transaction)
        {
            return;
        }

        var (producer, number) = (transaction.ProducerId, transaction.Number);
        if (_open.TryGetValue(producer, out var open) && open.Number != number && open.Offset >= logStart)
        {
            throw new SafetyViolationException($"{batch} of {transaction} is at {offset}, where transaction {open.Number} has not ended");
        }

        if (_ended.TryGetValue(producer, out var ended) && ended >= number)
        {
            throw new SafetyViolationException($"{batch} of {transaction} is at {offset}, where transaction {ended} has ended");
        }

        if (batch.Header.IsControl)
        {
            _open.Remove(producer);
            _ended[producer] = number;
        }
        else
        {
            _open[producer] = (number, offset);
        }
    }

    /// <summary>All was taken, and all transactions have ended.</summary>
    /// <exception cref="SafetyViolationException">One has no marker.</exception>
    public void CheckAllEnded()
    {
        foreach (var (producer, (number, offset)) in _open)
        {
            if (offset >= logStart)
            {
                throw new SafetyViolationException($"transaction {number} of producer {producer} has ended, and has no marker");
            }
        }
    }
}
