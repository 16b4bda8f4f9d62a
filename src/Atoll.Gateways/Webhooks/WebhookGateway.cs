using Atoll.Services;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Groups;
using Atoll.Services.Streams.Subscriptions;
using Microsoft.Extensions.Logging;

namespace Atoll.Gateways.Webhooks;

/// <summary>
/// Serves the subscriptions of the cluster: this node is a member of each one's group, and delivers the partitions that it is given
/// there. A node that dies is missed by the group, and its partitions go to others.
/// </summary>
public sealed partial class WebhookGateway : IAsyncDisposable
{
    // What one node has in memory for one subscription, besides a batch for each partition.
    private const int FetchBytesTotal = 4 * 1024 * 1024;
    private const int FetchBytesMin = 16 * 1024;

    // What was missed is seen then: a directory that could not be asked when it changed, a topic that was not there.
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // Soon missed when the node dies: the shortest session that groups take.
    private static readonly TimeSpan Session = TimeSpan.FromSeconds(6);

    private readonly IAtollClient _client;
    private readonly string _node;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly WebhookSender _sender;
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _news = new(1, 1);
    private readonly IDisposable _following;
    private readonly Task _running;

    /// <summary>Serves until it is disposed of.</summary>
    /// <param name="client">The cluster.</param>
    /// <param name="node">What this node calls itself in the groups.</param>
    /// <param name="time">Clock and timers.</param>
    /// <param name="logger">Where it says what happens.</param>
    public WebhookGateway(IAtollClient client, string node, TimeProvider time, ILogger logger)
    {
        _client = client;
        _node = node;
        _time = time;
        _logger = logger;
        _sender = new WebhookSender(time);
        _following = client.Subscriptions.Subscribe(Announce);
        _running = RunAsync();
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        _following.Dispose();
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _sender.Dispose();
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
        var served = new Dictionary<Guid, (CancellationTokenSource Ending, Task Serving)>();
        try
        {
            while (true)
            {
                await _news.WaitAsync(LookInterval, _stopping.Token).ConfigureAwait(false);
                try
                {
                    await FollowAsync(served).ConfigureAwait(false);
                }
                catch (AtollException error)
                {
                    LogUnread(_logger, error.Message);
                }
                catch (Exception failure) when (!_stopping.IsCancellationRequested)
                {
                    LogFailed(_logger, failure);
                }
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            await Task.WhenAll(served.Values.Select(EndAsync)).ConfigureAwait(false);
        }
    }

    private async Task FollowAsync(Dictionary<Guid, (CancellationTokenSource Ending, Task Serving)> served)
    {
        var wanted = (await _client.Subscriptions.ListAsync(_stopping.Token).ConfigureAwait(false)).ToDictionary(static known => known.Id);
        foreach (var id in served.Keys.Where(id => !wanted.ContainsKey(id)).ToArray())
        {
            await EndAsync(served[id]).ConfigureAwait(false);
            served.Remove(id);
        }

        foreach (var (id, subscription) in wanted)
        {
            if (!served.ContainsKey(id))
            {
                var ending = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
                served.Add(id, (ending, ServeAsync(subscription, ending.Token)));
            }
        }
    }

    private static async Task EndAsync((CancellationTokenSource Ending, Task Serving) served)
    {
        await served.Ending.CancelAsync().ConfigureAwait(false);
        await served.Serving.ConfigureAwait(false);
        served.Ending.Dispose();
    }

    private async Task ServeAsync(Subscription subscription, CancellationToken ending)
    {
        using var delivery = new WebhookDelivery(_client, subscription, _sender, _time, _logger);
        try
        {
            while (true)
            {
                try
                {
                    var catalog = await _client.Streams.TopicsAsync(ending).ConfigureAwait(false);
                    if (catalog.Find(subscription.TopicId) is { } topic)
                    {
                        await new GroupReader(_client.Streams, _client.Groups, topic, subscription.Group, OptionsOf(subscription, topic))
                            .RunAsync(delivery, ending).ConfigureAwait(false);
                    }
                }
                catch (AtollException error)
                {
                    LogBrokenOff(_logger, subscription.Name, error.Message);
                }
                catch (Exception failure) when (!ending.IsCancellationRequested)
                {
                    LogDeliveryFailed(_logger, failure, subscription.Name);
                }

                await Task.Delay(Pause, _time, ending).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // Deleted, or the node stops.
        }
    }

    private GroupReaderOptions OptionsOf(Subscription subscription, Topic topic) => new()
    {
        ClientId = _node,
        From = PlaceInPartition.Earliest, // where it began was committed then; other partitions were not there
        FetchBytes = Math.Clamp(FetchBytesTotal / topic.Partitions.Length, FetchBytesMin, subscription.BytesMax + FetchBytesMin),
        Session = Session,
        Time = _time,
    };

    [LoggerMessage(EventId = 4411, Level = LogLevel.Warning, Message = "the subscriptions cannot be read now: {Reason}")]
    private static partial void LogUnread(ILogger logger, string reason);

    [LoggerMessage(EventId = 4412, Level = LogLevel.Warning, Message = "subscription {Subscription} begins anew: {Reason}")]
    private static partial void LogBrokenOff(ILogger logger, string subscription, string reason);

    // Neither may end for good without a word because of an error of the program.
    [LoggerMessage(EventId = 4413, Level = LogLevel.Error, Message = "looking for subscriptions failed, and is tried again")]
    private static partial void LogFailed(ILogger logger, Exception failure);

    [LoggerMessage(EventId = 4414, Level = LogLevel.Error, Message = "subscription {Subscription} failed, and begins anew")]
    private static partial void LogDeliveryFailed(ILogger logger, Exception failure, string subscription);
}
