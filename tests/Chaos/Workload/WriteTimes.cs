using System.Diagnostics;
using Atoll.Foundation.Identity;

namespace Atoll.Chaos.Tests.Workload;

/// <summary>When writes to each shard succeeded, to tell how long none did.</summary>
internal sealed class WriteTimes
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ShardId, List<long>> _successes = [];

    /// <summary>A write to that shard was acknowledged now.</summary>
    public void Succeeded(ShardId shard)
    {
        lock (_lock)
        {
            if (!_successes.TryGetValue(shard, out var times))
            {
                _successes[shard] = times = [];
            }

            times.Add(Stopwatch.GetTimestamp());
        }
    }

    /// <summary>Whether a write that ended after that moment succeeded, in every one of the shards.</summary>
    public bool AnySince(long moment, params IReadOnlyList<ShardId> shards)
    {
        lock (_lock)
        {
            return shards.All(shard => _successes.TryGetValue(shard, out var times) && times[^1] > moment);
        }
    }

    /// <summary>The longest time without a success in a shard, from a moment on until another.</summary>
    public TimeSpan LongestPause(ShardId shard, long from, long to)
    {
        lock (_lock)
        {
            var (longest, last) = (TimeSpan.Zero, from);
            foreach (var time in _successes.GetValueOrDefault(shard, []).Where(time => time > from && time < to).Append(to))
            {
                var pause = Stopwatch.GetElapsedTime(last, time);
                longest = pause > longest ? pause : longest;
                last = time;
            }

            return longest;
        }
    }
}
