using Atoll.Foundation.Identity;
using Atoll.Gateways.Kafka.Requests;
using Atoll.Gateways.Kafka.Topology;
using Atoll.Services.Cluster;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Groups;
using Atoll.Services.Streams.Quotas;
using Atoll.Services.Streams.Transactions;
using Atoll.Services.Tables.Roles;
using Atoll.StateMachines.Directory;
using Microsoft.Extensions.DependencyInjection;

namespace Atoll.Gateways.Kafka;

/// <summary>What a node's Kafka gateway serves from.</summary>
/// <param name="Streams">The topics.</param>
/// <param name="Leaders">Tells who leads their partitions.</param>
/// <param name="Self">The node as clients reach it.</param>
public sealed record KafkaSources(IStreams Streams, IPartitionLeaders Leaders, KafkaSelf Self)
{
    /// <summary>The groups of consumers; null: none are served.</summary>
    public IGroups? Groups { get; init; }

    /// <summary>The transactions of producers; null: none are served.</summary>
    public ITransactions? Transactions { get; init; }

    /// <summary>The quotas of clients; null: there are none.</summary>
    public IQuotas? Quotas { get; init; }

    /// <summary>Hands partitions to other leaders; null: nobody may ask for that.</summary>
    public ICluster? Cluster { get; init; }

    /// <summary>The roles that clients may log in as; null: none.</summary>
    public RoleCatalog? Roles { get; init; }

    /// <summary>Who leads a shard; none when nobody does, or who does not answer. Asks others when this node has no replica.</summary>
    internal async ValueTask<NodeId> LeaderOfAsync(ShardInfo shard, CancellationToken cancellation)
    {
        var leaders = await Leaders.ViewAsync(cancellation).ConfigureAwait(false);
        var leader = leaders.Knows(shard.Id) ? leaders.LeaderOf(shard.Id)
            : (await Leaders.AskAsync([shard], cancellation).ConfigureAwait(false)).GetValueOrDefault(shard.Id, PartitionLeader.None);
        return leaders.IsAlive(leader.Node) ? leader.Node : NodeId.None;
    }
}

/// <summary>The Kafka gateway among a host's services.</summary>
internal static class KafkaServices
{
    public static void AddAtollKafka(this IServiceCollection services, KafkaSources sources, KafkaGatewayOptions options)
    {
        services.AddSingleton(sources);
        services.AddSingleton(options);
        services.AddSingleton(KafkaRequestTable.Of(sources, options));
        services.AddSingleton<KafkaGateway>();
    }
}
