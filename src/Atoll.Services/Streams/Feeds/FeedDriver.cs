using Atoll.Foundation.Identity;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Streams.Feeds;

/// <summary>
/// Copies what this node leads of the spaces that have feeds. Nodes need not agree on who leads: of two that copy the same shard, the
/// later one fences the other off.
/// </summary>
public sealed class FeedDriver : IAsyncDisposable
{
    // Without a leader nothing is written that could be missed; behind a new one, history goes on being forgotten.
    private static readonly TimeSpan LeaderInterval = TimeSpan.FromMilliseconds(500);

    // What was missed is seen then: a directory that could not be asked when it changed.
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(10);

    private readonly AtollClient _client;
    private readonly IPartitionLeaders _leaders;
    private readonly TimeProvider _time;
    private readonly Action<FeedNews> _told;
    private readonly FeedMetrics _metrics;
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _news = new(1, 1);
    private readonly IDisposable _following;
    private readonly Task _running;
    private readonly Dictionary<(Guid Feed, ShardId Shard), Copying> _copying = [];

    /// <summary>Copies until it is disposed of.</summary>
    /// <param name="client">The cluster.</param>
    /// <param name="leaders">Tells which shards are led here.</param>
    /// <param name="time">Clock and timers.</param>
    /// <param name="told">Hears what happens, on any thread; must be quick.</param>
    public FeedDriver(AtollClient client, IPartitionLeaders leaders, TimeProvider time, Action<FeedNews> told)
    {
        _client = client;
        _leaders = leaders;
        _time = time;
        _metrics = new FeedMetrics();
        _told = news =>
        {
            _metrics.Count(news);
            told(news);
        };
        _following = client.Feeds.Subscribe(Announce);
        _running = RunAsync();
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        _following.Dispose();
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _metrics.Dispose();
        _stopping.Dispose();
        _news.Dispose();
    }

    // One that nobody has looked at yet is enough.
    private void Announce()
    {
        try
        {
            _news.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is known already.
        }
    }

    private async Task RunAsync()
    {
        IReadOnlyList<Feed> feeds = [];
        var lookedAt = _time.GetTimestamp();
        try
        {
            while (true)
            {
                var hasNews = await _news.WaitAsync(feeds.Count > 0 ? LeaderInterval : LookInterval, _stopping.Token)
                    .ConfigureAwait(false);
                try
                {
                    if (hasNews || _time.GetElapsedTime(lookedAt) >= LookInterval)
                    {
                        feeds = await _client.Feeds.ListAsync(_stopping.Token).ConfigureAwait(false);
                        lookedAt = _time.GetTimestamp();
                    }

                    await FollowAsync(await LedHereAsync(feeds).ConfigureAwait(false)).ConfigureAwait(false);
                }
                catch (AtollException error)
                {
                    _told(new FeedNews(FeedNewsKind.Waits, "", ShardId.None, error.Message));
                }
                catch (Exception failure) when (failure is not OperationCanceledException)
                {
                    _told(new FeedNews(FeedNewsKind.Fails, "", ShardId.None, $"{failure}"));
                }
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            await FollowAsync([]).ConfigureAwait(false);
        }
    }

    private async Task<Dictionary<(Guid Feed, ShardId Shard), (Feed Feed, ShardInfo Shard)>> LedHereAsync(IReadOnlyList<Feed> feeds)
    {
        var led = new Dictionary<(Guid, ShardId), (Feed, ShardInfo)>();
        if (feeds.Count == 0)
        {
            return led;
        }

        var view = await _leaders.ViewAsync(_stopping.Token).ConfigureAwait(false);
        foreach (var feed in feeds)
        {
            foreach (var shard in await FeedsService.ShardsAsync(_client.Records(feed.Space), feed, _stopping.Token).ConfigureAwait(false))
            {
                if (view.Knows(shard.Id) && view.LeaderOf(shard.Id).Node == view.Self)
                {
                    led.Add((feed.Id, shard.Id), (feed, shard));
                }
            }
        }

        return led;
    }

    private async Task FollowAsync(Dictionary<(Guid Feed, ShardId Shard), (Feed Feed, ShardInfo Shard)> wanted)
    {
        var over = _copying.Where(pair => !wanted.ContainsKey(pair.Key)).ToArray();
        foreach (var (key, _) in over)
        {
            _copying.Remove(key);
        }

        await Task.WhenAll(over.Select(static pair => pair.Value.DisposeAsync().AsTask())).ConfigureAwait(false);
        foreach (var (key, (feed, shard)) in wanted)
        {
            if (!_copying.ContainsKey(key))
            {
                _copying.Add(key, new Copying(new FeedCopier(_client, feed, shard, _time, _told)));
            }
        }

        _metrics.Set(_copying.Values.Select(static copying => copying.Copier));
    }

    private sealed class Copying : IAsyncDisposable
    {
        private readonly CancellationTokenSource _ending = new();
        private readonly Task _running;

        public Copying(FeedCopier copier)
        {
            Copier = copier;
            _running = copier.RunAsync(_ending.Token);
        }

        public FeedCopier Copier { get; }

        public async ValueTask DisposeAsync()
        {
            await _ending.CancelAsync().ConfigureAwait(false);
            await _running.ConfigureAwait(false);
            _ending.Dispose();
        }
    }
}
