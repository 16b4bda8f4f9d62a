using Atoll.Gateways.Kafka.Fetches;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Gateways.Kafka.Quotas;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>Fetch: batches of partitions, as they are kept; with sessions, or without.</summary>
internal sealed class FetchRequests(KafkaSources sources, KafkaGatewayOptions options, QuotaKeeper? quotas = null) : IKafkaRequests
{
    // The first version that takes batches of format 2.
    private const int BatchesFrom = 4;
    private const int TopicIdsFrom = 13;
    private const int EndpointsFrom = 16;
    private const int SessionsFrom = 7;

    // What a request's epoch says of sessions: none, and end the one that is named; begin one.
    private const int EpochFinal = -1;
    private const int EpochFirst = 0;

    private readonly FetchReader _reader = new(sources, options.Time);
    private readonly FetchSessions _sessions = new(options.FetchSessionsMax, options.Time);

    public IEnumerable<KafkaHandler> Handlers => [KafkaHandler.Of<FetchRequest>(KafkaApi.Fetch, FetchAsync)];

    /// <summary>Bytes of all batches of an answer.</summary>
    public static long BytesOf(FetchResponse response)
    {
        var bytes = 0L;
        foreach (var topic in response.Topics)
        {
            foreach (var partition in topic.Partitions)
            {
                bytes += partition.Records?.Length ?? 0;
            }
        }

        return bytes;
    }

    private async ValueTask<IKafkaMessage?> FetchAsync(KafkaExchange exchange, FetchRequest request)
    {
        var wishes = request.Topics.SelectMany(topic => topic.Partitions.Select(partition => new FetchWish(
            new FetchKey(topic.Name, topic.TopicId, partition.Index), partition.FetchOffset, Math.Max(0, partition.BytesMax)))).ToList();
        if (exchange.Version < BatchesFrom)
        {
            return await ResponseAsync(
                exchange, 0, [.. wishes.Select(static wish => new FetchOutcome(wish.Key, KafkaError.UnsupportedForMessageFormat))])
                .ConfigureAwait(false);
        }

        if (exchange.Version < SessionsFrom || request.SessionEpoch == EpochFinal)
        {
            _sessions.End(request.SessionId);
            return await ResponseAsync(exchange, 0, await ReadAsync(exchange, request, wishes).ConfigureAwait(false))
                .ConfigureAwait(false);
        }

        return request.SessionEpoch == EpochFirst
            ? await BeginAsync(exchange, request, wishes).ConfigureAwait(false)
            : await GoOnAsync(exchange, request, wishes).ConfigureAwait(false);
    }

    private async ValueTask<IKafkaMessage?> BeginAsync(KafkaExchange exchange, FetchRequest request, List<FetchWish> wishes)
    {
        _sessions.End(request.SessionId);
        if (wishes.Count is 0 or > FetchSession.PartitionsMax
            || _sessions.TryBegin(exchange.Version >= TopicIdsFrom) is not { } session)
        {
            return await ResponseAsync(exchange, 0, await ReadAsync(exchange, request, wishes).ConfigureAwait(false))
                .ConfigureAwait(false);
        }

        try
        {
            session.TryChange(wishes, []);
            var outcomes = await ReadAsync(exchange, request, session.Wishes).ConfigureAwait(false);
            return await ResponseAsync(exchange, session.Id, session.Told(outcomes, tellsAll: true)).ConfigureAwait(false);
        }
        finally
        {
            _sessions.Return(session);
        }
    }

    private async ValueTask<IKafkaMessage?> GoOnAsync(KafkaExchange exchange, FetchRequest request, List<FetchWish> wishes)
    {
        var error = _sessions.Take(request.SessionId, request.SessionEpoch, exchange.Version >= TopicIdsFrom, out var session);
        if (error != KafkaError.None)
        {
            return new FetchResponse { Error = error };
        }

        try
        {
            var forgotten = request.ForgottenTopics.SelectMany(static topic =>
                topic.Partitions.Select(index => new FetchKey(topic.Topic, topic.TopicId, index)));
            if (!session!.TryChange(wishes, forgotten))
            {
                _sessions.End(session.Id);
                return new FetchResponse { Error = KafkaError.FetchSessionIdNotFound };
            }

            var outcomes = await ReadAsync(exchange, request, session.Wishes).ConfigureAwait(false);
            return await ResponseAsync(exchange, session.Id, session.Told(outcomes, tellsAll: false)).ConfigureAwait(false);
        }
        finally
        {
            _sessions.Return(session!);
        }
    }

    private ValueTask<FetchOutcome[]> ReadAsync(KafkaExchange exchange, FetchRequest request, IReadOnlyList<FetchWish> wishes)
    {
        var wait = TimeSpan.FromMilliseconds(Math.Max(0, request.WaitMs));
        return _reader.FetchAsync(
            wishes,
            new FetchBounds(
                request.BytesMin,
                Math.Min(Math.Clamp(request.BytesMax, 0, options.FetchBytesMax), quotas?.FetchBytesMax(exchange.Client) ?? int.MaxValue),
                wait < options.FetchWaitMax ? wait : options.FetchWaitMax, request.IsolationLevel == 1, request.RackId),
            exchange.Gone);
    }

    private async ValueTask<FetchResponse> ResponseAsync(KafkaExchange exchange, int sessionId, IReadOnlyList<FetchOutcome> outcomes)
    {
        if (!exchange.Client.ReadsOptionalFields)
        {
            outcomes = [.. outcomes.Select(static outcome => outcome with { Leader = null })];
        }

        var response = new FetchResponse
        {
            SessionId = sessionId,
            Topics =
            [
                .. outcomes.GroupBy(static outcome => (outcome.Key.TopicName, outcome.Key.TopicId)).Select(static topic =>
                    new FetchResponse.Topic
                    {
                        Name = topic.Key.TopicName, TopicId = topic.Key.TopicId, Partitions = [.. topic.Select(Describe)],
                    }),
            ],
        };
        var leaders = outcomes.Select(static outcome => outcome.Leader?.Node).OfType<Foundation.Identity.NodeId>().ToHashSet();
        if (exchange.Version >= EndpointsFrom && leaders.Count > 0)
        {
            var catalog = await sources.Streams.TopicsAsync(exchange.Gone).ConfigureAwait(false);
            response.Endpoints =
            [
                .. sources.Self.BrokersOf(catalog.View).Where(broker => leaders.Contains(broker.Id))
                    .Select(static broker => new FetchResponse.Endpoint
                    {
                        NodeId = (int)broker.Id.Value, Host = broker.Host, Port = broker.Port, Rack = broker.Rack,
                    }),
            ];
        }

        return response;
    }

    private static FetchResponse.Partition Describe(FetchOutcome outcome) => new()
    {
        Index = outcome.Key.Index,
        Error = outcome.Error,
        HighWatermark = outcome.HighWatermark,
        LastStableOffset = outcome.LastStable,
        LogStartOffset = outcome.LogStart,
        AbortedTransactions = outcome.Aborted,
        PreferredReadReplica = outcome.Nearest is { } nearest ? (int)nearest.Value : -1,
        Records = outcome.Records, // never null: some clients do not expect that
        CurrentLeader = outcome.Leader is { } leader
            ? new FetchResponse.Leader { LeaderId = (int)leader.Node.Value, LeaderEpoch = leader.Epoch } : null,
    };
}
