using Atoll.Foundation.Identity;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Gateways.Kafka.Requests;
using Atoll.Node.Requests;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.StateMachines.Streams;

namespace Atoll.Gateways.Kafka.Fetches;

/// <summary>The bounds of one fetch.</summary>
/// <param name="BytesMin">It waits until there are so many bytes.</param>
/// <param name="BytesMax">It has at most so many, but for its first batch.</param>
/// <param name="Wait">It waits so long at most.</param>
/// <param name="IsCommitted">Whether only records of ended transactions are wanted.</param>
/// <param name="Rack">Where the client is; empty when it does not say.</param>
public readonly record struct FetchBounds(int BytesMin, int BytesMax, TimeSpan Wait, bool IsCommitted, string Rack = "");

/// <summary>Reads partitions for fetches, and waits for news when there is not enough. Thread-safe.</summary>
/// <param name="sources">The topics and their leaders.</param>
/// <param name="time">Clock and timers.</param>
public sealed class FetchReader(KafkaSources sources, TimeProvider time)
{
    // Partitions that are read at once: as many as their bounds leave room for, within these.
    private const int AtOnceMax = 64;

    // An offset that no partition has: asks for its positions, and reads nothing.
    private const long Nowhere = long.MaxValue;

    private readonly PartitionNews _news = new(sources.Streams);

    /// <summary>Reads partitions, in the order of the wishes: those that stand first get the bytes.</summary>
    public async ValueTask<FetchOutcome[]> FetchAsync(
        IReadOnlyList<FetchWish> wishes, FetchBounds bounds, CancellationToken cancellation)
    {
        var startedAt = time.GetTimestamp();
        while (true)
        {
            var catalog = await CatalogAsync(cancellation).ConfigureAwait(false);
            var leaders = await sources.Leaders.ViewAsync(cancellation).ConfigureAwait(false);
            var near = bounds.Rack.Length > 0 ? new NearReplicas(bounds.Rack, sources.Self, catalog.View, leaders) : null;
            var outcomes = await ReadAllAsync(wishes, bounds, catalog, leaders, near, cancellation).ConfigureAwait(false);
            var left = bounds.Wait - time.GetElapsedTime(startedAt);
            if (left <= TimeSpan.Zero || wishes.Count == 0
                || outcomes.Any(static outcome => outcome.Error != KafkaError.None || outcome.Nearest is not null)
                || outcomes.Sum(static outcome => (long)outcome.Records.Length) >= bounds.BytesMin)
            {
                return outcomes;
            }

            await WaitAsync(wishes, outcomes, catalog, bounds.IsCommitted, left, cancellation).ConfigureAwait(false);
        }
    }

    private async ValueTask<TopicCatalog> CatalogAsync(CancellationToken cancellation)
    {
        try
        {
            return await sources.Streams.TopicsAsync(cancellation).ConfigureAwait(false);
        }
        catch (AtollException)
        {
            return TopicCatalog.Of(StateMachines.Directory.DirectoryView.Empty);
        }
    }

    // Of those that have something already the end is behind it.
    private async Task WaitAsync(
        IReadOnlyList<FetchWish> wishes, FetchOutcome[] outcomes, TopicCatalog catalog, bool isCommitted, TimeSpan left,
        CancellationToken cancellation)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var waits = new List<Task>(wishes.Count + 1) { Task.Delay(left, time, enough.Token) };
        for (var i = 0; i < wishes.Count; i++)
        {
            if (Find(catalog, wishes[i].Key) is { } topic)
            {
                var end = isCommitted ? outcomes[i].LastStable : outcomes[i].HighWatermark;
                waits.Add(_news.WhenThereAsync(topic, wishes[i].Key.Index, Math.Max(end, wishes[i].Offset), isCommitted));
            }
        }

        await Task.WhenAny(waits).ConfigureAwait(false);
        await enough.CancelAsync().ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
    }

    private async ValueTask<FetchOutcome[]> ReadAllAsync(
        IReadOnlyList<FetchWish> wishes, FetchBounds bounds, TopicCatalog catalog, LeaderView leaders, NearReplicas? near,
        CancellationToken cancellation)
    {
        var outcomes = new FetchOutcome[wishes.Count];
        long left = bounds.BytesMax;
        var isFirst = true;
        for (var at = 0; at < wishes.Count;)
        {
            var each = (int)Math.Clamp(Math.Min(wishes[at].BytesMax, left), 1, int.MaxValue);
            var count = (int)Math.Clamp(left / each, 1, Math.Min(AtOnceMax, wishes.Count - at));
            var hasRoom = left > 0 || isFirst;
            var first = at;
            var reading = Enumerable.Range(first, count).Select(i => ReadAsync(
                wishes[i], hasRoom ? (int)Math.Clamp(left, 0, wishes[i].BytesMax) : -1, bounds.IsCommitted, catalog, leaders,
                near, cancellation));
            foreach (var outcome in await Task.WhenAll(reading).ConfigureAwait(false))
            {
                outcomes[at++] = outcome;
                left -= outcome.Records.Length;
                isFirst &= outcome.Records.Length == 0;
            }
        }

        return outcomes;
    }

    private static Topic? Find(TopicCatalog catalog, in FetchKey key)
    {
        var topic = key.TopicId != Guid.Empty ? catalog.Find(key.TopicId) : catalog.Find(key.TopicName);
        return topic?.Partition(key.Index) is null ? null : topic;
    }

    private async Task<FetchOutcome> ReadAsync(
        FetchWish wish, int bytesMax, bool isCommitted, TopicCatalog catalog, LeaderView leaders, NearReplicas? near,
        CancellationToken cancellation)
    {
        var key = wish.Key;
        if (Find(catalog, key) is not { } topic)
        {
            return new FetchOutcome(
                key, key.TopicId != Guid.Empty && catalog.Find(key.TopicId) is null
                    ? KafkaError.UnknownTopicId : KafkaError.UnknownTopicOrPartition);
        }

        var shard = topic.Partitions[key.Index];
        var leader = leaders.LeaderOf(shard.Id);
        var isFollower = leader.Node != leaders.Self && near?.IsHere(shard) == true;
        if (isFollower ? leader.Node == NodeId.None : leader.Node != NodeId.None && leader.Node != leaders.Self)
        {
            return new FetchOutcome(key, KafkaError.NotLeaderOrFollower, Leader: leader.Node == NodeId.None ? null : leader);
        }

        var nearest = leader.Node == leaders.Self ? near?.Of(shard, key.Index) : null;
        bytesMax = nearest is null ? bytesMax : -1;
        try
        {
            var fetch = new PartitionFetch(bytesMax < 0 ? Nowhere : wish.Offset, Math.Max(0, bytesMax), isCommitted);
            var fetched = await sources.Streams.FetchAsync(topic, key.Index, fetch, TimeSpan.Zero, ReadLevel.Any, cancellation)
                .ConfigureAwait(false);
            if (bytesMax >= 0 && fetched.Places is { Status: PartitionStatus.OffsetOutOfRange } && wish.Offset >= 0)
            {
                // What answered may be behind: a replica that leads since a moment ago has not applied all that another one had shown.
                fetched = await sources.Streams.FetchAsync(
                    topic, key.Index, fetch, TimeSpan.Zero, ReadLevel.Linearizable, cancellation).ConfigureAwait(false);
            }

            return Outcome(key, fetched, bytesMax < 0, isCommitted) with { Nearest = nearest };
        }
        catch (AtollException error)
        {
            return new FetchOutcome(
                key, error.Code == ErrorCode.Unavailable ? KafkaError.NotLeaderOrFollower : KafkaErrors.Of(error));
        }
    }

    private static FetchOutcome Outcome(in FetchKey key, FetchedBatches fetched, bool positionsOnly, bool isCommitted)
    {
        var places = fetched.Places;
        var positions = places.Positions;
        var error = positionsOnly ? KafkaError.None : KafkaErrors.Of(places.Status);
        return new FetchOutcome(
            key, error, positions.HighWatermark, positions.LastStable, positions.LogStart,
            isCommitted
                ? [.. places.Aborted.Select(static aborted => new FetchResponse.AbortedTransaction
                {
                    ProducerId = aborted.ProducerId, FirstOffset = aborted.FirstOffset,
                })]
                : null,
            error == KafkaError.None ? fetched.Records : default);
    }
}
