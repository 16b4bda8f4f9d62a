using Atoll.Foundation.Identity;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Cluster;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.StateMachines.Directory;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>
/// ElectLeaders: hands partitions to their preferred leaders, the first of their replicas, which happens by itself some seconds after such
/// a one is back. Nobody is elected who lacks what was acknowledged.
/// </summary>
internal sealed class ElectionRequests(KafkaSources sources, ICluster cluster, TimeProvider time) : IKafkaRequests
{
    private const int Preferred = 0;
    private const int Unclean = 1;
    private const int AtOnceMax = 16;
    private const string NoUnclean = "whoever leads must have all that was acknowledged: wait until a majority of the replicas is back";

    private static readonly TimeSpan TimeoutMax = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(50);

    public IEnumerable<KafkaHandler> Handlers => [KafkaHandler.Of<ElectLeadersRequest>(KafkaApi.ElectLeaders, ElectAsync)];

    private async ValueTask<IKafkaMessage?> ElectAsync(KafkaExchange exchange, ElectLeadersRequest request)
    {
        if (request.ElectionType is not (Preferred or Unclean))
        {
            return new ElectLeadersResponse { Error = KafkaError.InvalidRequest };
        }

        var catalog = TopicCatalog.Of(DirectoryView.Empty);
        var problem = KafkaError.None;
        try
        {
            catalog = await sources.Streams.RefreshAsync(exchange.Gone).ConfigureAwait(false);
        }
        catch (AtollException error)
        {
            problem = KafkaErrors.Of(error);
        }

        var asked = request.Topics?.SelectMany(static topic => topic.Partitions.Select(index => (topic.Name, Index: index)))
            ?? catalog.Topics.SelectMany(static topic => topic.Partitions.Select((_, index) => (topic.Name, Index: index)));
        var wanted = asked.Select(place => new Wanted(place.Name, place.Index, catalog.Find(place.Name)?.Partition(place.Index))).ToList();
        var started = time.GetTimestamp();
        var timeout = TimeSpan.FromMilliseconds(Math.Clamp(request.TimeoutMs, 0, TimeoutMax.TotalMilliseconds));
        await Parallel.ForEachAsync(
            wanted, new ParallelOptions { MaxDegreeOfParallelism = AtOnceMax, CancellationToken = exchange.Gone },
            async (each, cancellation) => (each.Error, each.Text) =
                each.Shard is null ? (problem == KafkaError.None ? KafkaError.UnknownTopicOrPartition : problem, null)
                : request.ElectionType == Unclean ? await JudgeAsync(each.Shard, cancellation).ConfigureAwait(false)
                : await ElectAsync(each.Shard, () => time.GetElapsedTime(started) < timeout, cancellation).ConfigureAwait(false))
            .ConfigureAwait(false);
        return new ElectLeadersResponse
        {
            Error = request.Topics is null ? problem : KafkaError.None,
            Topics =
            [
                // Who asks for all of them is told of those with which something was to be done.
                .. wanted.Where(each => request.Topics is not null || each.Error != KafkaError.ElectionNotNeeded)
                    .GroupBy(static each => each.Topic, StringComparer.Ordinal).Select(static topic => new ElectLeadersResponse.Topic
                    {
                        Name = topic.Key,
                        Partitions =
                        [
                            .. topic.Select(static each => new ElectLeadersResponse.Partition
                            {
                                Index = each.Index, Error = each.Error, ErrorText = each.Text,
                            }),
                        ],
                    }),
            ],
        };
    }

    private async ValueTask<(KafkaError Error, string? Text)> ElectAsync(
        ShardInfo shard, Func<bool> hasTime, CancellationToken cancellation)
    {
        var preferred = shard.PreferredLeader;
        if (await sources.LeaderOfAsync(shard, cancellation).ConfigureAwait(false) == preferred)
        {
            return (KafkaError.ElectionNotNeeded, $"node {preferred} leads already");
        }

        var view = await sources.Leaders.ViewAsync(cancellation).ConfigureAwait(false);
        if (!view.IsAlive(preferred))
        {
            return (KafkaError.PreferredLeaderNotAvailable, $"node {preferred} does not answer");
        }

        try
        {
            await cluster.TransferLeadershipAsync(shard.Id, preferred, cancellation).ConfigureAwait(false);
        }
        catch (AtollException error)
        {
            return (KafkaErrors.Of(error), error.Message);
        }

        while (await sources.LeaderOfAsync(shard, cancellation).ConfigureAwait(false) != preferred)
        {
            if (!hasTime())
            {
                return (KafkaError.RequestTimedOut, $"node {preferred} was asked to lead, and may do so yet");
            }

            await Task.Delay(LookEvery, time, cancellation).ConfigureAwait(false);
        }

        return (KafkaError.None, null);
    }

    private async ValueTask<(KafkaError Error, string? Text)> JudgeAsync(ShardInfo shard, CancellationToken cancellation) =>
        await sources.LeaderOfAsync(shard, cancellation).ConfigureAwait(false) is var leader && leader != NodeId.None
            ? (KafkaError.ElectionNotNeeded, $"node {leader} leads")
            : (KafkaError.EligibleLeadersNotAvailable, NoUnclean);

    private sealed class Wanted(string topic, int index, ShardInfo? shard)
    {
        public string Topic => topic;

        public int Index => index;

        public ShardInfo? Shard => shard;

        public KafkaError Error { get; set; }

        public string? Text { get; set; }
    }
}
