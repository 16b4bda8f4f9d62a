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
    private const sbyte OperationAppend = 2;
    private const sbyte OperationSubtract = 3;

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
                ConfigType = setting.Kind switch
                {
                    TopicSettingKind.Int => 3, TopicSettingKind.Long => 5, TopicSettingKind.Double => 6, TopicSettingKind.List => 7, _ => 2,
                },
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
            var changes = resource.Configs.Select(static config => new SettingChange(config.Name, config.Value, OperationSet)).ToList();
            var (error, text) = await AlterAsync(
                exchange, resource.Type, resource.Name, request.ValidateOnly, _ => Changed(TopicSettings.Default, changes))
                .ConfigureAwait(false);
            answers.Add(new AlterConfigsResponse.Resource { Error = error, ErrorText = text, Type = resource.Type, Name = resource.Name });
        }

        return new AlterConfigsResponse { Resources = answers };
    }

    private async ValueTask<IKafkaMessage?> AlterByStepsAsync(KafkaExchange exchange, IncrementalAlterConfigsRequest request)
    {
        var answers = new List<IncrementalAlterConfigsResponse.Resource>();
        foreach (var resource in request.Resources)
        {
            var changes = resource.Configs.Select(static config => new SettingChange(config.Name, config.Value, config.ConfigOperation))
                .ToList();
            var (error, text) = await AlterAsync(
                exchange, resource.Type, resource.Name, request.ValidateOnly, settings => Changed(settings, changes))
                .ConfigureAwait(false);
            answers.Add(new IncrementalAlterConfigsResponse.Resource
            {
                Error = error, ErrorText = text, Type = resource.Type, Name = resource.Name,
            });
        }

        return new IncrementalAlterConfigsResponse { Resources = answers };
    }

    private async ValueTask<(KafkaError Error, string? Text)> AlterAsync(
        KafkaExchange exchange, int type, string name, bool validatesOnly,
        Func<TopicSettings, (TopicSettings Settings, string? Fault)> change)
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

            if (change(topic.Settings).Fault is { } fault)
            {
                return (KafkaError.InvalidConfig, fault);
            }

            if (!validatesOnly)
            {
                await sources.Streams.AlterAsync(
                    name, settings => change(settings) is { Fault: null } changed ? changed.Settings : settings, exchange.Gone)
                    .ConfigureAwait(false);
            }

            return (KafkaError.None, null);
        }
        catch (AtollException error)
        {
            return (KafkaErrors.Of(error), error.Message);
        }
    }

    private static (TopicSettings Settings, string? Fault) Changed(TopicSettings settings, List<SettingChange> changes)
    {
        var changed = settings;
        foreach (var (name, value, operation) in changes)
        {
            var fault = operation switch
            {
                OperationSet => changed.TrySet(name, value, out changed),
                OperationDelete => changed.TrySet(name, null, out changed),
                OperationAppend or OperationSubtract =>
                    changed.TrySetPart(name, value ?? "", operation == OperationAppend, out changed),
                _ => $"there is no operation {operation} of settings",
            };
            if (fault is not null)
            {
                return (settings, fault);
            }
        }

        return (changed, changed.Conflict);
    }

    private readonly record struct SettingChange(string Name, string? Value, sbyte Operation);
}
