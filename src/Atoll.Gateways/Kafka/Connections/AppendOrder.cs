using Atoll.Foundation.Identity;
using Atoll.Node.Requests;
using Atoll.StateMachines.Streams;

namespace Atoll.Gateways.Kafka.Connections;

/// <summary>A batch that a connection has sent to a partition.</summary>
/// <param name="Header">Its head.</param>
/// <param name="Answer">What becomes of it.</param>
internal sealed record SentBatch(RecordBatchHeader Header, Task<Response> Answer)
{
    /// <summary>Whether another batch comes right behind this one, by the numbers of their producer.</summary>
    public bool Precedes(in RecordBatchHeader other) => Header.HasProducer && Header.ProducerId == other.ProducerId
        && Header.ProducerEpoch == other.ProducerEpoch && ProducerSequence.Next(Header.LastSequence) == other.BaseSequence;
}

/// <summary>
/// The batches of one connection, by partition. They are sent in the order of its requests, and may come to the partition in another one:
/// the first waited for a leader, say, and the second found one.
/// </summary>
internal sealed class AppendOrder
{
    private const int SweepFrom = 64;

    private readonly Dictionary<ShardId, SentBatch> _last = [];
    private int _sweepAt = SweepFrom;

    /// <summary>
    /// What was sent last to a partition, as long as it is under way, or when no partition has answered it; null: nothing.
    /// </summary>
    public SentBatch? Before(ShardId shard) => _last.TryGetValue(shard, out var last) && !IsOver(last) ? last : null;

    /// <summary>Remembers what was sent now.</summary>
    public void Add(ShardId shard, SentBatch sent)
    {
        if (_last.Count >= _sweepAt)
        {
            foreach (var (other, last) in _last)
            {
                if (IsOver(last))
                {
                    _last.Remove(other);
                }
            }

            _sweepAt = Math.Max(SweepFrom, 2 * _last.Count);
        }

        _last[shard] = sent;
    }

    private static bool IsOver(SentBatch sent) => sent.Answer.IsCompletedSuccessfully && sent.Answer.Result.Status == ResponseStatus.Ok;
}
