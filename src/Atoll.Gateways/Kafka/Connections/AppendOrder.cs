using Atoll.Foundation.Identity;

namespace Atoll.Gateways.Kafka.Connections;

/// <summary>
/// The appends of one connection, by partition. They are sent in the order of its requests, and may come to the partition in another one:
/// the first waited for a leader, say, and the second found one.
/// </summary>
internal sealed class AppendOrder
{
    private const int SweepFrom = 64;

    private readonly Dictionary<ShardId, Task> _last = [];
    private int _sweepAt = SweepFrom;

    /// <summary>What was sent last to a partition and is under way still; null: nothing.</summary>
    public Task? Before(ShardId shard) => _last.TryGetValue(shard, out var last) && !last.IsCompleted ? last : null;

    /// <summary>Remembers what was sent now.</summary>
    public void Add(ShardId shard, Task appending)
    {
        if (_last.Count >= _sweepAt)
        {
            foreach (var (other, last) in _last)
            {
                if (last.IsCompleted)
                {
                    _last.Remove(other);
                }
            }

            _sweepAt = Math.Max(SweepFrom, 2 * _last.Count);
        }

        _last[shard] = appending;
    }
}
