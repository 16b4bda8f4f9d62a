using Atoll.Gateways.Kafka.Connections;
using Atoll.Gateways.Kafka.Protocol;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>A request, and what is around it.</summary>
/// <param name="Header">Its head.</param>
/// <param name="Client">Who sent it.</param>
public sealed record KafkaExchange(KafkaRequestHeader Header, KafkaClient Client)
{
    /// <summary>The version that it is in, and is answered in.</summary>
    public int Version => Header.Version;

    /// <summary>Cancelled when the client has gone.</summary>
    public CancellationToken Gone => Client.Gone;
}

/// <summary>Serves one call of the protocol. What is not here is not announced.</summary>
/// <param name="Api">Which call.</param>
/// <param name="VersionMin">The first version that is announced.</param>
/// <param name="VersionMax">The last one.</param>
/// <param name="ServeAsync">
/// Answers a request of one of these versions; null: the client wants no answer. What happens before its first await happens in the order
/// in which the client sent its requests.
/// </param>
public sealed record KafkaHandler(
    KafkaApi Api, int VersionMin, int VersionMax, Func<KafkaExchange, IKafkaMessage, ValueTask<IKafkaMessage?>> ServeAsync)
{
    /// <summary>A handler of all versions that the schema has.</summary>
    public static KafkaHandler Of<TRequest>(KafkaApi api, Func<KafkaExchange, TRequest, ValueTask<IKafkaMessage?>> serve)
        where TRequest : IKafkaMessage => Of(api, int.MaxValue, serve);

    /// <summary>A handler of the versions up to a certain one.</summary>
    public static KafkaHandler Of<TRequest>(
        KafkaApi api, int versionMax, Func<KafkaExchange, TRequest, ValueTask<IKafkaMessage?>> serve)
        where TRequest : IKafkaMessage
    {
        var definition = KafkaApiDefinition.Find((short)api)!;
        return new KafkaHandler(
            api, definition.VersionMin, Math.Min(versionMax, definition.VersionMax),
            (exchange, request) => serve(exchange, (TRequest)request));
    }
}

/// <summary>The calls of one family.</summary>
public interface IKafkaRequests
{
    /// <summary>Their handlers.</summary>
    IEnumerable<KafkaHandler> Handlers { get; }
}
