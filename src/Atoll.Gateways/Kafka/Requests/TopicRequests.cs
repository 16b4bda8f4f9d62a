using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Errors;
using Atoll.Services.Streams;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>CreateTopics, DeleteTopics and CreatePartitions.</summary>
internal sealed class TopicRequests(KafkaSources sources) : IKafkaRequests
{
    private const int TopicSource = 1;
    private const int DefaultSource = 5;
    private const string TwiceInRequest = "the topic is there twice in the request";
    private const string PlacedByTheCluster = "replicas are placed by the cluster: give their number instead";

    public IEnumerable<KafkaHandler> Handlers =>
    [
        KafkaHandler.Of<CreateTopicsRequest>(KafkaApi.CreateTopics, CreateAsync),
        KafkaHandler.Of<DeleteTopicsRequest>(KafkaApi.DeleteTopics, DeleteAsync),
        KafkaHandler.Of<CreatePartitionsRequest>(KafkaApi.CreatePartitions, GrowAsync),
    ];

    private async ValueTask<IKafkaMessage?> CreateAsync(KafkaExchange exchange, CreateTopicsRequest request)
    {
        var twice = Doubled(request.Topics.Select(static topic => topic.Name));
        var answers = new List<CreateTopicsResponse.Topic>();
        foreach (var topic in request.Topics)
        {
            var answer = new CreateTopicsResponse.Topic { Name = topic.Name };
            (answer.Error, answer.ErrorText) = twice.Contains(topic.Name)
                ? (KafkaError.InvalidRequest, TwiceInRequest)
                : await CreateAsync(exchange, topic, request.ValidateOnly, answer).ConfigureAwait(false);
            answers.Add(answer);
        }

        return new CreateTopicsResponse { Topics = answers };
    }

    private async ValueTask<(KafkaError Error, string? Text)> CreateAsync(
        KafkaExchange exchange, CreateTopicsRequest.Topic wanted, bool validatesOnly, CreateTopicsResponse.Topic answer)
    {
        if (Topic.FaultOfName(wanted.Name) is { } fault)
        {
            return (KafkaError.InvalidTopic, fault);
        }

        if (wanted.Assignments.Count > 0)
        {
            return (KafkaError.InvalidReplicaAssignment, PlacedByTheCluster);
        }

        var settings = TopicSettings.Default;
        foreach (var config in wanted.Configs)
        {
            if (settings.TrySet(config.Name, config.Value, out settings) is { } why)
            {
                return (KafkaError.InvalidConfig, why);
            }
        }

        var creation = new TopicCreation(
            wanted.Name, wanted.PartitionCount == -1 ? null : wanted.PartitionCount,
            wanted.ReplicationFactor == -1 ? null : wanted.ReplicationFactor, settings);
        try
        {
            if (validatesOnly)
            {
                await sources.Streams.ValidateAsync(creation, exchange.Gone).ConfigureAwait(false);
                return (KafkaError.None, null);
            }

            var topic = await sources.Streams.CreateAsync(creation, exchange.Gone).ConfigureAwait(false);
            answer.TopicId = topic.Id;
            answer.PartitionCount = topic.Partitions.Length;
            answer.ReplicationFactor = (short)topic.Space.Options.Replicas;
            answer.Configs =
            [
                .. TopicSetting.All.Select(setting => new CreateTopicsResponse.Config
                {
                    Name = setting.Name, Value = topic.Settings[setting],
                    ConfigSource = topic.Settings.Chosen.ContainsKey(setting.Name) ? (sbyte)TopicSource : (sbyte)DefaultSource,
                }),
            ];
            return (KafkaError.None, null);
        }
        catch (AtollException error)
        {
            return (KafkaErrors.Of(error), error.Message);
        }
    }

    private async ValueTask<IKafkaMessage?> DeleteAsync(KafkaExchange exchange, DeleteTopicsRequest request)
    {
        var answers = new List<DeleteTopicsResponse.Topic>();
        foreach (var name in request.TopicNames)
        {
            answers.Add(await DeleteAsync(exchange, name, default).ConfigureAwait(false));
        }

        foreach (var topic in request.Topics)
        {
            answers.Add(await DeleteAsync(exchange, topic.Name, topic.TopicId).ConfigureAwait(false));
        }

        return new DeleteTopicsResponse { Topics = answers };
    }

    private async ValueTask<DeleteTopicsResponse.Topic> DeleteAsync(KafkaExchange exchange, string? name, Guid id)
    {
        var answer = new DeleteTopicsResponse.Topic { Name = name, TopicId = id };
        try
        {
            if (name is null)
            {
                var catalog = await sources.Streams.RefreshAsync(exchange.Gone).ConfigureAwait(false);
                answer.Name = name = catalog.Find(id)?.Name;
            }

            answer.Error = name is null ? KafkaError.UnknownTopicId
                : await sources.Streams.DeleteAsync(name, exchange.Gone).ConfigureAwait(false) ? KafkaError.None
                : KafkaError.UnknownTopicOrPartition;
        }
        catch (AtollException error)
        {
            (answer.Error, answer.ErrorText) = (KafkaErrors.Of(error), error.Message);
        }

        return answer;
    }

    private async ValueTask<IKafkaMessage?> GrowAsync(KafkaExchange exchange, CreatePartitionsRequest request)
    {
        var twice = Doubled(request.Topics.Select(static topic => topic.Name));
        var results = new List<CreatePartitionsResponse.Result>();
        foreach (var topic in request.Topics)
        {
            var (error, text) = twice.Contains(topic.Name)
                ? (KafkaError.InvalidRequest, TwiceInRequest)
                : await GrowAsync(exchange, topic, request.ValidateOnly).ConfigureAwait(false);
            results.Add(new CreatePartitionsResponse.Result { Name = topic.Name, Error = error, ErrorText = text });
        }

        return new CreatePartitionsResponse { Results = results };
    }

    private async ValueTask<(KafkaError Error, string? Text)> GrowAsync(
        KafkaExchange exchange, CreatePartitionsRequest.Topic wanted, bool validatesOnly)
    {
        if (wanted.Assignments is { Count: > 0 })
        {
            return (KafkaError.InvalidReplicaAssignment, PlacedByTheCluster);
        }

        try
        {
            var growth = validatesOnly
                ? sources.Streams.ValidateGrowthAsync(wanted.Name, wanted.Count, exchange.Gone)
                : sources.Streams.GrowAsync(wanted.Name, wanted.Count, exchange.Gone);
            await growth.ConfigureAwait(false);
            return (KafkaError.None, null);
        }
        catch (AtollException error)
        {
            return (KafkaErrors.Of(error), error.Message);
        }
    }

    private static HashSet<string> Doubled(IEnumerable<string> names) => names.GroupBy(static name => name, StringComparer.Ordinal)
        .Where(static group => group.Count() > 1).Select(static group => group.Key).ToHashSet(StringComparer.Ordinal);
}
