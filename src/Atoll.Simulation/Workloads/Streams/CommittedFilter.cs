using Atoll.StateMachines.Streams;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>What a reader of committed records keeps of an answer, as Kafka's clients do it: batch after batch, in order.</summary>
internal sealed class CommittedFilter
{
    private readonly List<AbortedTransaction> _ahead;
    private readonly HashSet<long> _aborted = [];

    /// <summary>A filter of one answer.</summary>
    /// <param name="aborted">The aborted transactions that it tells of. Clients are not told of their markers' offsets.</param>
    public CommittedFilter(IEnumerable<AbortedTransaction> aborted) => _ahead = [.. aborted.OrderBy(static one => one.FirstOffset)];

    /// <summary>Whether the next batch is kept.</summary>
    public bool Keeps(in RecordBatchHeader header)
    {
        while (_ahead.Count > 0 && _ahead[0].FirstOffset <= header.BaseOffset)
        {
            _aborted.Add(_ahead[0].ProducerId);
            _ahead.RemoveAt(0);
        }

        if (header.IsControl)
        {
            _aborted.Remove(header.ProducerId);
            return false;
        }

        return !header.IsTransactional || !_aborted.Contains(header.ProducerId);
    }
}
