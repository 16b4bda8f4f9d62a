using System.Collections.Frozen;
using Atoll.Gateways.Kafka.Connections;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Gateways.Kafka.Quotas;
using Atoll.Gateways.Security;
using Atoll.Services.Cluster;
using Atoll.Services.Streams.Groups;
using Atoll.Services.Streams.Quotas;
using Atoll.Services.Streams.Transactions;
using Atoll.Services.Tables.Roles;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>
/// All calls that are served, by their numbers: reads requests, has them served, and says what is to be answered. Thread-safe.
/// </summary>
public sealed class KafkaRequestTable
{
    private readonly FrozenDictionary<short, KafkaHandler> _handlers;
    private readonly SaslRequests _sasl;
    private readonly bool _needsLogin;
    private readonly QuotaKeeper? _quotas;

    /// <summary>A table of families of calls; those of the versions (ApiVersions) and of who may come in are added.</summary>
    public KafkaRequestTable(
        IEnumerable<IKafkaRequests> families, AccessTokens tokens, RoleCatalog? roles = null, QuotaKeeper? quotas = null)
    {
        _quotas = quotas;
        _sasl = new SaslRequests(tokens, roles);
        _needsLogin = tokens.AreRequired;
        var handlers = families.Append(_sasl).SelectMany(static family => family.Handlers).ToList();
        handlers.Add(new VersionRequests(handlers).Handler);
        _handlers = handlers.ToFrozenDictionary(static handler => (short)handler.Api);
    }

    /// <summary>Everything that a node serves: one line for each family of calls.</summary>
    public static KafkaRequestTable Of(KafkaSources sources, KafkaGatewayOptions options)
    {
        var keeper = sources.Quotas is { } kept ? new QuotaKeeper(kept, options.Time) : null;
        return new KafkaRequestTable(
        [
            new MetadataRequests(sources, options),
            new TopicRequests(sources),
            new ConfigRequests(sources),
            new ProduceRequests(sources, options),
            new ProducerRequests(sources),
            new FetchRequests(sources, options, keeper),
            new OffsetRequests(sources),
            .. sources.Groups is { } groups ? Of(sources, groups, options.Time) : [],
            .. sources is { Groups: { } pending, Transactions: { } transactions } 
                ? Of(sources, pending, transactions, options.Time) : [],
            .. sources.Quotas is { } quotas ? Of(quotas) : [],
            .. sources.Cluster is { } cluster ? Of(sources, cluster, options.Time) : [],
        ],
        options.Tokens, sources.Roles, keeper);
    }

    private static IEnumerable<IKafkaRequests> Of(IQuotas quotas) => [new QuotaRequests(quotas)];

    private static IEnumerable<IKafkaRequests> Of(KafkaSources sources, ICluster cluster, TimeProvider time) =>
        [new ElectionRequests(sources, cluster, time)];

    private static IEnumerable<IKafkaRequests> Of(KafkaSources sources, IGroups groups, ITransactions transactions, TimeProvider time) =>
    [
        new TransactionRequests(sources, transactions),
        new TransactionOffsetRequests(sources, groups),
        new TransactionAdministration(transactions, time),
    ];

    private static IEnumerable<IKafkaRequests> Of(KafkaSources sources, IGroups groups, TimeProvider time) =>
    [
        new CoordinatorRequests(sources, groups),
        new GroupRequests(groups),
        new ConsumerGroupRequests(sources, groups),
        new GroupOffsetRequests(sources, groups, time),
        new GroupAdministration(groups),
    ];

    /// <summary>Serves a request.</summary>
    /// <param name="frame">The request, from its header on: any bytes. Its contents may be kept, and must not change.</param>
    /// <param name="client">Who sent it.</param>
    public ValueTask<KafkaReply> ServeAsync(ReadOnlyMemory<byte> frame, KafkaClient client)
    {
        if (client.Login is { IsBare: true })
        {
            return _sasl.TakeBareAsync(frame, client);
        }

        var reader = new KafkaReader(frame);
        var header = KafkaRequestHeader.Read(ref reader);
        if (!reader.Ok)
        {
            return new(KafkaReply.Close($"the head of a request cannot be read: {reader.Fault}"));
        }

        if (!_handlers.TryGetValue(header.ApiKey, out var handler))
        {
            return new(KafkaReply.Close($"there is no call {header.ApiKey}"));
        }

        if (header.Version < handler.VersionMin || header.Version > handler.VersionMax)
        {
            // This one is asked before the client can know which versions there are.
            return new(handler.Api == KafkaApi.ApiVersions
                ? new KafkaReply(header.CorrelationId, VersionRequests.Unsupported(handler), 0, HasTaggedHeader: false, null)
                : KafkaReply.Close($"{handler.Api} has the versions {handler.VersionMin} to {handler.VersionMax}, not {header.Version}"));
        }

        if (_needsLogin && !client.IsAuthenticated && !SaslRequests.IsFree(handler.Api))
        {
            return new(KafkaReply.Close($"a {handler.Api} comes before it has shown who it is"));
        }

        var definition = KafkaApiDefinition.Find(header.ApiKey)!;
        var request = definition.NewRequest();
        request.Read(ref reader, header.Version);

        // What follows is passed over, as brokers do: a client that is newer within a version may say more.
        if (!reader.Ok)
        {
            return new(KafkaReply.Close($"a {handler.Api} of version {header.Version} cannot be read: {reader.Fault}"));
        }

        client.Name = header.ClientId ?? client.Name;

        // Before a client is in, its requests are few; and what is told to all is one answer for all.
        var throttleMs = SaslRequests.IsFree(handler.Api) ? 0
            : _quotas?.Take(client, new ClientUse(handler.Api == KafkaApi.Produce ? frame.Length : 0, 0, 1)) ?? 0;
        return ServeAsync(handler, definition, new KafkaExchange(header, client), request, throttleMs);
    }

    private async ValueTask<KafkaReply> ServeAsync(
        KafkaHandler handler, KafkaApiDefinition definition, KafkaExchange exchange, IKafkaMessage request, int throttleMs)
    {
        var body = await handler.ServeAsync(exchange, request).ConfigureAwait(false);
        if (body is FetchResponse fetched && _quotas is not null)
        {
            throttleMs = Math.Max(throttleMs, _quotas.Take(exchange.Client, new ClientUse(0, FetchRequests.BytesOf(fetched), 0)));
        }

        if (throttleMs > 0 && body is IKafkaThrottled told)
        {
            told.ThrottleMs = throttleMs;
        }

        return body is null ? KafkaReply.None : new KafkaReply(
            exchange.Header.CorrelationId, body, exchange.Version, definition.HasTaggedResponseHeader(exchange.Version), null);
    }
}
