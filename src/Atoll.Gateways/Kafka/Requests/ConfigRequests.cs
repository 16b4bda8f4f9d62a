using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Errors;
using Atoll.Services.Streams;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>
/// DescribeConfigs, AlterConfigs and IncrementalAlterConfigs: settings of topics. Those of brokers are not the protocol's to tell.
/// </summary>
internal sealed class ConfigRequests(KafkaSources sources) : IKafkaRequests
{
    private const int TopicResource = 2;
    private const int BrokerResource = 4;

    private const sbyte TopicSource = 1;
    private const sbyte DefaultSource = 5;

    private const sbyte OperationSet = 0;
    private const sbyte OperationDelete = 1;

    public IEnumerable<KafkaHandler> Handlers =>
    [
        KafkaHandler.Of<DescribeConfigsRequest>(KafkaApi.DescribeConfigs, DescribeAsync),
        KafkaHandler.Of<AlterConfigsRequest>(KafkaApi.AlterConfigs, AlterAsync),
        KafkaHandler.Of<IncrementalAlterConfigsRequest>(KafkaApi.IncrementalAlterConfigs, AlterByStepsAsync),
    ];

    private async ValueTask<IKafkaMessage?> DescribeAsync(KafkaExchange exchange, DescribeConfigsRequest request)
    {
        var results = new List<DescribeConfigsResponse.Result>();
        foreach (var resource in request.Resources)
        {
            var result = new DescribeConfigsResponse.Result { Type = resource.Type, Name = resource.Name };
            try
            {
                var topic = resource.Type == TopicResource
                    ? (await sources.Streams.RefreshAsync(exchange.Gone).ConfigureAwait(false)).Find(resource.Name) : null;
                (result.Error, result.ErrorText) = resource.Type switch
                {
                    TopicResource when topic is null => (KafkaError.UnknownTopicOrPartition, $"there is no topic \"{resource.Name}\""),
                    TopicResource or BrokerResource => (KafkaError.None, null),
                    _ => (KafkaError.InvalidRequest, "only topics have settings here"),
                };
                result.Configs = topic is null ? [] : [.. Describe(topic.Settings, request, resource.Names)];
            }
            catch (AtollException error)
            {
                (result.Error, result.ErrorText) = (KafkaErrors.Of(error), error.Message);
            }

            results.Add(result);
        }

        return new DescribeConfigsResponse { Results = results };
    }

    private static IEnumerable<DescribeConfigsResponse.Config> Describe(
        TopicSettings settings, DescribeConfigsRequest request, IReadOnlyList<string>? names) => TopicSetting.All
        .Where(setting => names is null || names.Contains(setting.Name, StringComparer.Ordinal))
        .Select(setting =>
        {
            var isChosen = settings.Chosen.ContainsKey(setting.Name);
            return new DescribeConfigsResponse.Config
            {
                Name = setting.Name,
                Value = settings[setting],
                IsDefault = !isChosen,
                IsReadOnly = false,
                ConfigSource = isChosen ? TopicSource : DefaultSource,
                ConfigType = setting.Kind switch { TopicSettingKind.Int => 3, TopicSettingKind.Long => 5, _ => 2 },
                Documentation = request.IncludeDocumentation ? setting.Purpose : null,
                Synonyms = request.IncludeSynonyms ? [.. Synonyms(setting, settings, isChosen)] : [],
            };
        });

    private static IEnumerable<DescribeConfigsResponse.Synonym> Synonyms(TopicSetting setting, TopicSettings settings, bool isChosen)
    {
        if (isChosen)
        {
            yield return new DescribeConfigsResponse.Synonym { Name = setting.Name, Value = settings[setting], Source = TopicSource };
        }

        yield return new DescribeConfigsResponse.Synonym { Name = setting.Name, Value = setting.Default, Source = DefaultSource };
    }

    private async ValueTask<IKafkaMessage?> AlterAsync(KafkaExchange exchange, AlterConfigsRequest request)
    {
        var answers = new List<AlterConfigsResponse.Resource>();
        foreach (var resource in request.Resources)
        {
            // All settings at once: what is not named has its default again.
            var changes = resource.Configs.Select(static config => (config.Name, config.Value)).ToList();
            var (error, text) = await AlterAsync(exchange, resource.Type, resource.Name, request.ValidateOnly, _ =>
                (TopicSettings.Default, changes, null)).ConfigureAwait(false);
            answers.Add(new AlterConfigsResponse.Resource { Error = error, ErrorText = text, Type = resource.Type, Name = resource.Name });
        }

        return new AlterConfigsResponse { Resources = answers };
    }

    private async ValueTask<IKafkaMessage?> AlterByStepsAsync(KafkaExchange exchange, IncrementalAlterConfigsRequest request)
    {
        var answers = new List<IncrementalAlterConfigsResponse.Resource>();
        foreach (var resource in request.Resources)
        {
            var changes = resource.Configs.Select(static config =>
                (config.Name, Value: config.ConfigOperation == OperationDelete ? null : config.Value)).ToList();
            var fault = resource.Configs.FirstOrDefault(static config => config.ConfigOperation is not (OperationSet or OperationDelete))
                is { } other ? $"{other.Name} is no list that could be changed in part" : null;
            var (error, text) = await AlterAsync(exchange, resource.Type, resource.Name, request.ValidateOnly, settings =>
                (settings, changes, fault)).ConfigureAwait(false);
            answers.Add(new IncrementalAlterConfigsResponse.Resource
            {
                Error = error, ErrorText = text, Type = resource.Type, Name = resource.Name,
            });
        }

        return new IncrementalAlterConfigsResponse { Resources = answers };
    }

    private async ValueTask<(KafkaError Error, string? Text)> AlterAsync(
        KafkaExchange exchange, int type, string name, bool validatesOnly,
        Func<TopicSettings, (TopicSettings From, List<(string Name, string? Value)> Changes, string? Fault)> begin)
    {
        if (type != TopicResource)
        {
            return (KafkaError.InvalidRequest, "only topics have settings that can be changed here");
        }

        try
        {
            if ((await sources.Streams.RefreshAsync(exchange.Gone).ConfigureAwait(false)).Find(name) is not { } topic)
            {
                return (KafkaError.UnknownTopicOrPartition, $"there is no topic \"{name}\"");
            }

            if (Changed(topic.Settings, begin, out _) is { } fault)
            {
                return (KafkaError.InvalidConfig, fault);
            }

            if (!validatesOnly)
            {
                await sources.Streams.AlterAsync(
                    name, settings => Changed(settings, begin, out var changed) is null ? changed : settings, exchange.Gone)
                    .ConfigureAwait(false);
            }

            return (KafkaError.None, null);
        }
        catch (AtollException error)
        {
            return (KafkaErrors.Of(error), error.Message);
        }
    }

    private static string? Changed(
        TopicSettings settings, Func<TopicSettings, (TopicSettings From, List<(string Name, string? Value)> Changes, string? Fault)> begin,
        out TopicSettings changed)
    {
        (changed, var changes, var fault) = begin(settings);
        foreach (var (name, value) in fault is null ? changes : [])
        {
            fault ??= changed.TrySet(name, value, out changed);
        }

        return fault;
    }
}
