using System.Diagnostics.Metrics;

namespace Atoll.Services.Streams.Feeds;

/// <summary>What a node's feeds do, as metrics.</summary>
internal sealed class FeedMetrics : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Atoll.Feeds";

    private readonly Meter _meter = new(MeterName);
    private readonly Counter<long> _records;
    private readonly Counter<long> _behind;
    private readonly Counter<long> _waits;
    private readonly Lock _lock = new();

    // Who copies here, and null for what somebody else copies now: readers keep the last figure that they were told.
    private readonly Dictionary<(string Feed, string Shard), FeedCopier?> _copiers = [];

    public FeedMetrics()
    {
        _meter.CreateObservableGauge(
            "atoll.feeds.lag", Lags, "s", "How old the oldest change may be that is not in the topic, of shards that are led here.");
        _records = _meter.CreateCounter<long>("atoll.feeds.records", "{record}", "Records that feeds have written.");
        _behind = _meter.CreateCounter<long>(
            "atoll.feeds.behind", "{time}", "Times that changes were no longer kept when they were to be copied.");
        _waits = _meter.CreateCounter<long>("atoll.feeds.waits", "{time}", "Times that a feed could not go on for a while.");
    }

    /// <summary>Says who copies here from now on.</summary>
    public void Set(IEnumerable<FeedCopier> copiers)
    {
        lock (_lock)
        {
            foreach (var former in _copiers.Keys.ToArray())
            {
                _copiers[former] = null;
            }

            foreach (var copier in copiers)
            {
                _copiers[(copier.Feed.Name, copier.Shard.Id.ToString())] = copier;
            }
        }
    }

    public void Count(FeedNews news)
    {
        var feed = new KeyValuePair<string, object?>("atoll.feed", news.Feed);
        switch (news.Kind)
        {
            case FeedNewsKind.Copied:
                _records.Add(news.Records, feed);
                break;
            case FeedNewsKind.Behind:
                _behind.Add(1, feed);
                break;
            case FeedNewsKind.Waits or FeedNewsKind.Fails:
                _waits.Add(1, feed);
                break;
            default:
                break;
        }
    }

    public void Dispose() => _meter.Dispose();

    private Measurement<double>[] Lags()
    {
        lock (_lock)
        {
            return
            [
                .. _copiers.Select(static pair => new Measurement<double>(
                    pair.Value?.Lag.TotalSeconds ?? 0,
                    new KeyValuePair<string, object?>("atoll.feed", pair.Key.Feed),
                    new KeyValuePair<string, object?>("atoll.shard", pair.Key.Shard))),
            ];
        }
    }
}
