using Atoll.Foundation.Identity;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Gateways.Kafka.Topology;
using Atoll.Services.Errors;
using Atoll.Services.Streams.Groups;
using Atoll.StateMachines.Directory;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>
/// FindCoordinator: the node whose replica leads the shard of a group, or of a transactional id. Every node serves all of them: what a
/// client that is late asks elsewhere is passed on.
/// </summary>
internal sealed class CoordinatorRequests(KafkaSources sources, IGroups groups) : IKafkaRequests
{
    private const int GroupKey = 0;
    private const int TransactionKey = 1;

    // From this version on, several are asked for at once.
    private const int SeveralFrom = 4;

    public IEnumerable<KafkaHandler> Handlers => [KafkaHandler.Of<FindCoordinatorRequest>(KafkaApi.FindCoordinator, FindAsync)];

    private async ValueTask<IKafkaMessage?> FindAsync(KafkaExchange exchange, FindCoordinatorRequest request)
    {
        if (exchange.Version >= SeveralFrom)
        {
            return new FindCoordinatorResponse
            {
                Coordinators = await Task.WhenAll(request.CoordinatorKeys.Select(key => FindAsync(key, request.KeyType, exchange.Gone)))
                    .ConfigureAwait(false),
            };
        }

        var found = await FindAsync(request.Key, request.KeyType, exchange.Gone).ConfigureAwait(false);
        return new FindCoordinatorResponse
        {
            Error = found.Error, ErrorText = found.ErrorText, NodeId = found.NodeId, Host = found.Host, Port = found.Port,
        };
    }

    private async Task<FindCoordinatorResponse.Coordinator> FindAsync(string key, int keyType, CancellationToken cancellation)
    {
        var answer = new FindCoordinatorResponse.Coordinator { Key = key, NodeId = -1, Host = "", Port = -1 };
        try
        {
            if (await ShardOfAsync(key, keyType, cancellation).ConfigureAwait(false) is not { } shard)
            {
                (answer.Error, answer.ErrorText) = keyType == TransactionKey
                    ? (KafkaError.TransactionalIdAuthorizationFailed, "transactions are not served")
                    : (KafkaError.InvalidRequest, "only groups and transactional ids have coordinators");
            }
            else if (await LeaderOfAsync(shard, cancellation).ConfigureAwait(false) is { } broker)
            {
                (answer.NodeId, answer.Host, answer.Port) = ((int)broker.Id.Value, broker.Host, broker.Port);
            }
            else
            {
                (answer.Error, answer.ErrorText) = (KafkaError.CoordinatorNotAvailable, "nobody leads the shard at the moment");
            }
        }
        catch (AtollException error)
        {
            (answer.Error, answer.ErrorText) = (GroupErrors.Of(error), error.Message);
        }

        return answer;
    }

    private async Task<ShardInfo?> ShardOfAsync(string key, int keyType, CancellationToken cancellation) => keyType switch
    {
        GroupKey => await groups.ShardOfAsync(key, cancellation).ConfigureAwait(false),
        TransactionKey when sources.Transactions is { } transactions =>
            await transactions.ShardOfAsync(key, cancellation).ConfigureAwait(false),
        _ => null,
    };

    private async Task<KafkaBroker?> LeaderOfAsync(ShardInfo shard, CancellationToken cancellation)
    {
        var leader = await sources.LeaderOfAsync(shard, cancellation).ConfigureAwait(false);
        var view = (await sources.Streams.TopicsAsync(cancellation).ConfigureAwait(false)).View;
        return leader == NodeId.None ? null
            : sources.Self.BrokersOf(view).FirstOrDefault(broker => broker.Id == leader);
    }
}
