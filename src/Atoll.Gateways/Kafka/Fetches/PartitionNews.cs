using System.Collections.Concurrent;
using Atoll.Foundation.Identity;
using Atoll.Node.Requests;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.StateMachines.Streams;

namespace Atoll.Gateways.Kafka.Fetches;

/// <summary>
/// Waits for records behind the end of partitions: one read lingers at a partition's end, however many clients wait there. It says that
/// there is something; who waits reads it then. Thread-safe.
/// </summary>
/// <param name="streams">The topics.</param>
public sealed class PartitionNews(IStreams streams)
{
    // A read that lingers is not called back when nobody waits any longer: it ends by itself after that.
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<(ShardId Shard, long Offset, bool IsCommitted), Task> _lingering = new();

    /// <summary>How many reads linger.</summary>
    public int Count => _lingering.Count;

    /// <summary>
    /// Ends when there may be something at or behind an offset, or after a moment, whatever there is: then it is to be looked, and asked
    /// again. Never fails.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">One of its partitions.</param>
    /// <param name="offset">The offset: the partition's end, as far as the caller knows.</param>
    /// <param name="isCommitted">Whether only records of ended transactions count.</param>
    public Task WhenThereAsync(Topic topic, int partition, long offset, bool isCommitted)
    {
        var key = (topic.Partitions[partition].Id, offset, isCommitted);
        while (true)
        {
            if (_lingering.TryGetValue(key, out var known))
            {
                return known;
            }

            var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_lingering.TryAdd(key, ended.Task))
            {
                _ = LingerAsync(topic, partition, key, ended);
                return ended.Task;
            }
        }
    }

    private async Task LingerAsync(Topic topic, int partition, (ShardId, long Offset, bool IsCommitted) key, TaskCompletionSource ended)
    {
        try
        {
            // One batch, and the smallest answer there is with news in it.
            await streams.FetchAsync(
                topic, partition, new PartitionFetch(key.Offset, 0, key.IsCommitted), Linger, ReadLevel.Any).ConfigureAwait(false);
        }
        catch (AtollException)
        {
            // Whoever waited looks for itself, and learns what is wrong.
        }
        finally
        {
            _lingering.TryRemove(key, out _);
            ended.SetResult();
        }
    }
}
