using Atoll.Foundation.Time;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Streams.Feeds;

/// <summary>
/// Copies one shard into a feed's topic until it is cancelled. Whatever goes wrong, it begins anew where the last transaction that was
/// committed has left the feed; should two run at once, only one of them can commit.
/// </summary>
/// <param name="client">The cluster.</param>
/// <param name="feed">The feed.</param>
/// <param name="shard">A shard of its space.</param>
/// <param name="time">Clock and timers.</param>
/// <param name="told">Hears what happens; quick.</param>
internal sealed class FeedCopier(AtollClient client, Feed feed, ShardInfo shard, TimeProvider time, Action<FeedNews> told)
{
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    // Offsets of a group, and transactional ids, that nobody uses are forgotten after a week.
    private static readonly TimeSpan CommitInterval = TimeSpan.FromHours(1);

    // Nothing is known at first, and time passes all the same.
    private long _throughMilliseconds = time.GetUtcNow().ToUnixTimeMilliseconds();
    private bool _isCaughtUp;
    private int _failures;

    /// <summary>How old the oldest change may be that is not in the topic; zero when there is none, as far as is known here.</summary>
    public TimeSpan Lag => Volatile.Read(ref _isCaughtUp) ? TimeSpan.Zero : TimeSpan.FromMilliseconds(
        Math.Max(0, time.GetUtcNow().ToUnixTimeMilliseconds() - Volatile.Read(ref _throughMilliseconds)));

    /// <summary>The feed.</summary>
    public Feed Feed => feed;

    /// <summary>The shard.</summary>
    public ShardInfo Shard => shard;

    /// <summary>Copies until it is cancelled; never fails.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                try
                {
                    await CopyAsync(cancellation).ConfigureAwait(false);
                }
                catch (AtollException error)
                {
                    told(new FeedNews(FeedNewsKind.Waits, feed.Name, shard.Id, error.Message));
                }
                catch (Exception failure) when (failure is not OperationCanceledException)
                {
                    // A fault must not end the feed for good without a word.
                    told(new FeedNews(FeedNewsKind.Fails, feed.Name, shard.Id, $"{failure}"));
                }

                var pause = Backoff.After(FirstPause, LongestPause, ++_failures, Random.Shared.NextDouble());
                await Task.Delay(pause, time, cancellation).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Somebody else copies it now, or nobody is to.
        }
    }

    private async Task CopyAsync(CancellationToken cancellation)
    {
        var topic = (await client.Streams.TopicsAsync(cancellation).ConfigureAwait(false)).Find(feed.TopicId)
            ?? (await client.Streams.RefreshAsync(cancellation).ConfigureAwait(false)).Find(feed.TopicId)
            ?? throw new UnknownSpaceException($"there is no topic \"{feed.Topic}\" any more");
        var writer = await FeedWriter.BeginAsync(client, feed, topic, shard, time, cancellation).ConfigureAwait(false);
        var source = new FeedSource(client.FeedShardOf(feed, shard));
        var committedAt = time.GetTimestamp();
        var position = writer.Position;
        Reached(position, isCaughtUp: false);
        told(new FeedNews(FeedNewsKind.Begins, feed.Name, shard.Id, $"{position}"));
        while (true)
        {
            var step = await source.NextAsync(position, Linger, cancellation).ConfigureAwait(false);
            Reached(position, isCaughtUp: !step.More && step.Records.Count == 0);
            if (step.IsLoss)
            {
                told(new FeedNews(
                    FeedNewsKind.Behind, feed.Name, shard.Id, $"the changes behind {position.Through} are not kept any more"));
            }
            else if (step.Records.Count > 0 || step.BeginsSnapshot || step.EndsSnapshot
                || time.GetElapsedTime(committedAt) > CommitInterval)
            {
                await writer.WriteAsync(step, cancellation).ConfigureAwait(false);
                committedAt = time.GetTimestamp();
                told(new FeedNews(FeedNewsKind.Copied, feed.Name, shard.Id, "") { Records = step.Records.Count });
                _failures = 0;
            }

            position = step.Next;
            Reached(position, isCaughtUp: !step.More);
        }
    }

    // A snapshot that has not begun is nowhere: the time before it counts on.
    private void Reached(FeedPosition position, bool isCaughtUp)
    {
        if (position.Through > HybridTime.Zero)
        {
            Volatile.Write(ref _throughMilliseconds, position.Through.UnixMilliseconds);
        }

        Volatile.Write(ref _isCaughtUp, isCaughtUp);
    }
}
