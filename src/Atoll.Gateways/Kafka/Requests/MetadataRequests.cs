using Atoll.Foundation.Identity;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Gateways.Kafka.Topology;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.StateMachines.Directory;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>Metadata and DescribeCluster: which brokers and topics there are, and who leads what.</summary>
internal sealed class MetadataRequests(KafkaSources sources, KafkaGatewayOptions options) : IKafkaRequests
{
    // What is allowed is not told: nobody may ask yet who is allowed what.
    private const int OperationsUnknown = int.MinValue;

    public IEnumerable<KafkaHandler> Handlers =>
    [
        KafkaHandler.Of<MetadataRequest>(KafkaApi.Metadata, DescribeAsync),
        KafkaHandler.Of<DescribeClusterRequest>(KafkaApi.DescribeCluster, DescribeClusterAsync),
    ];

    /// <summary>The identity of a cluster as clients see it.</summary>
    internal static string ClusterIdOf(DirectoryView view) => $"atoll-{view.ClusterId:x16}";

    private async ValueTask<IKafkaMessage?> DescribeAsync(KafkaExchange exchange, MetadataRequest request)
    {
        var (catalog, problem) = await CatalogAsync(exchange.Gone).ConfigureAwait(false);
        var response = new MetadataResponse();
        var topics = new List<MetadataResponse.Topic>();
        var wantsAll = request.Topics is null || (exchange.Version == 0 && request.Topics.Count == 0);
        var found = new List<Topic>();
        if (wantsAll)
        {
            found.AddRange(catalog.Topics);
        }
        else
        {
            foreach (var wanted in request.Topics!)
            {
                (catalog, var topic, var error) = await FindAsync(exchange, request, catalog, wanted).ConfigureAwait(false);
                if (topic is not null)
                {
                    found.Add(topic);
                }
                else
                {
                    topics.Add(new MetadataResponse.Topic
                    {
                        Error = error == KafkaError.None ? problem : error, Name = wanted.Name, TopicId = wanted.TopicId,
                    });
                }
            }
        }

        var leaders = await sources.Leaders.ViewAsync(exchange.Gone).ConfigureAwait(false);
        var asked = await AskAsync(found, leaders, exchange.Gone).ConfigureAwait(false);
        topics.AddRange(found.Select(topic => Describe(topic, leaders, asked)));
        response.Topics = topics;
        response.Brokers =
        [
            .. Brokers(catalog.View, leaders).Select(static broker => new MetadataResponse.Broker
            {
                NodeId = (int)broker.Id.Value, Host = broker.Host, Port = broker.Port, Rack = broker.Rack,
            }),
        ];
        response.ClusterId = ClusterIdOf(catalog.View);
        response.ControllerId = (int)sources.Self.Id.Value; // whatever a controller is asked for, every node does
        return response;
    }

    private async ValueTask<IKafkaMessage?> DescribeClusterAsync(KafkaExchange exchange, DescribeClusterRequest request)
    {
        var (catalog, problem) = await CatalogAsync(exchange.Gone).ConfigureAwait(false);
        var leaders = await sources.Leaders.ViewAsync(exchange.Gone).ConfigureAwait(false);
        return new DescribeClusterResponse
        {
            Error = problem == KafkaError.None ? KafkaError.None : KafkaError.BrokerNotAvailable,
            ClusterId = ClusterIdOf(catalog.View),
            ControllerId = (int)sources.Self.Id.Value,
            EndpointType = 1,
            Brokers =
            [
                .. Brokers(catalog.View, leaders).Select(static broker => new DescribeClusterResponse.Broker
                {
                    NodeId = (int)broker.Id.Value, Host = broker.Host, Port = broker.Port, Rack = broker.Rack,
                }),
            ],
        };
    }

    // A node that knows no directory yet knows itself, and that is said: its clients find the others later.
    private async ValueTask<(TopicCatalog Catalog, KafkaError Problem)> CatalogAsync(CancellationToken cancellation)
    {
        try
        {
            return (await sources.Streams.TopicsAsync(cancellation).ConfigureAwait(false), KafkaError.None);
        }
        catch (AtollException)
        {
            return (TopicCatalog.Of(DirectoryView.Empty), KafkaError.LeaderNotAvailable);
        }
    }

    private async ValueTask<(TopicCatalog Catalog, Topic? Topic, KafkaError Error)> FindAsync(
        KafkaExchange exchange, MetadataRequest request, TopicCatalog catalog, MetadataRequest.Topic wanted)
    {
        if (Find(catalog, wanted) is { } known)
        {
            return (catalog, known, KafkaError.None);
        }

        if (wanted.Name is not null && Topic.FaultOfName(wanted.Name) is not null)
        {
            return (catalog, null, KafkaError.InvalidTopic);
        }

        try
        {
            // It may be younger than what this node knows.
            catalog = await sources.Streams.RefreshAsync(exchange.Gone).ConfigureAwait(false);
            if (Find(catalog, wanted) is { } found)
            {
                return (catalog, found, KafkaError.None);
            }

            if (wanted.Name is null)
            {
                return (catalog, null, KafkaError.UnknownTopicId);
            }

            if (!options.CreatesTopics || !request.AllowAutoTopicCreation)
            {
                return (catalog, null, KafkaError.UnknownTopicOrPartition);
            }

            await CreateAsync(wanted.Name, exchange.Gone).ConfigureAwait(false);
            catalog = await sources.Streams.TopicsAsync(exchange.Gone).ConfigureAwait(false);
            return Find(catalog, wanted) is { } created
                ? (catalog, created, KafkaError.None)
                : (catalog, null, KafkaError.InvalidTopic); // a space of another kind has the name
        }
        catch (AtollException error)
        {
            return (catalog, null, error.IsRetryable ? KafkaError.LeaderNotAvailable : KafkaErrors.Of(error));
        }
    }

    private async Task CreateAsync(string name, CancellationToken cancellation)
    {
        try
        {
            await sources.Streams.CreateAsync(new TopicCreation(name, null, null, TopicSettings.Default), cancellation)
                .ConfigureAwait(false);
        }
        catch (AtollException error) when (error.Code == ErrorCode.SpaceExists)
        {
            // Another node was asked for it, too, and was faster.
            await sources.Streams.RefreshAsync(cancellation).ConfigureAwait(false);
        }
    }

    private static Topic? Find(TopicCatalog catalog, MetadataRequest.Topic wanted) =>
        wanted.Name is { } name ? catalog.Find(name) : catalog.Find(wanted.TopicId);

    // Nodes that do not answer are left out: clients would try them first.
    private IEnumerable<KafkaBroker> Brokers(DirectoryView view, LeaderView leaders) =>
        sources.Self.BrokersOf(view).Where(broker => leaders.IsAlive(broker.Id));

    private async ValueTask<IReadOnlyDictionary<ShardId, PartitionLeader>> AskAsync(
        List<Topic> topics, LeaderView leaders, CancellationToken cancellation)
    {
        var strangers = topics.SelectMany(static topic => topic.Partitions).Where(shard => !leaders.Knows(shard.Id)).ToList();
        return strangers.Count == 0
            ? new Dictionary<ShardId, PartitionLeader>()
            : await sources.Leaders.AskAsync(strangers, cancellation).ConfigureAwait(false);
    }

    private static MetadataResponse.Topic Describe(
        Topic topic, LeaderView leaders, IReadOnlyDictionary<ShardId, PartitionLeader> asked) => new()
        {
            Name = topic.Name,
            TopicId = topic.Id,
            TopicAuthorizedOperations = OperationsUnknown,
            Partitions =
        [
            .. topic.Partitions.Select((shard, index) =>
            {
                var leader = leaders.Knows(shard.Id) ? leaders.LeaderOf(shard.Id) : asked.GetValueOrDefault(shard.Id, PartitionLeader.None);
                var isLed = leader.Node != NodeId.None && leaders.IsAlive(leader.Node);
                return new MetadataResponse.Partition
                {
                    Error = isLed ? KafkaError.None : KafkaError.LeaderNotAvailable,
                    Index = index,
                    LeaderId = isLed ? (int)leader.Node.Value : -1,
                    LeaderEpoch = isLed ? leader.Epoch : -1,
                    Replicas = [.. shard.Replicas.Select(static node => (int)node.Value)],
                    InSync = [.. shard.Replicas.Where(leaders.IsAlive).Select(static node => (int)node.Value)],
                    Offline = [.. shard.Replicas.Where(node => !leaders.IsAlive(node)).Select(static node => (int)node.Value)],
                };
            }),
        ],
        };
}
