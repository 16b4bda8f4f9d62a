using Atoll.Gateways.Cql.Statements;
using Atoll.Gateways.Cql.SystemTables;
using Atoll.Gateways.Cql.Topology;
using Atoll.Services.Tables;
using Atoll.StateMachines.Directory;
using Microsoft.Extensions.DependencyInjection;

namespace Atoll.Gateways.Cql;

/// <summary>What a node's CQL gateway serves from.</summary>
/// <param name="Tables">The tables.</param>
/// <param name="Directory">Gives the directory as the node knows it.</param>
/// <param name="Self">The node as drivers reach it.</param>
public sealed record CqlSources(ITables Tables, Func<DirectoryView> Directory, CqlSelf Self);

/// <summary>The CQL gateway among a host's services.</summary>
internal static class CqlServices
{
    public static void AddAtollCql(this IServiceCollection services, CqlSources sources, CqlGatewayOptions options)
    {
        services.AddSingleton(sources.Tables);
        services.AddSingleton(options with { Coordinator = sources.Self.Native });
        services.AddSingleton(new PreparedStatements(options.PreparedStatementsMax));
        services.AddSingleton(new StatementTraces());
        services.AddSingleton<CqlGateway>();
        services.AddSingleton(new CqlTopologyWatch(sources.Directory, sources.Self, options.Time));
        services.AddHostedService(provider => provider.GetRequiredService<CqlTopologyWatch>());
    }

    /// <summary>Ties them together, before anything is started.</summary>
    public static void UseAtollCql(this IServiceProvider services)
    {
        var watch = services.GetRequiredService<CqlTopologyWatch>();
        watch.Changed = services.GetRequiredService<CqlGateway>().Push;
        SystemKeyspaces.Register(
            services.GetRequiredService<ITables>(), () => watch.Current, services.GetRequiredService<PreparedStatements>(),
            services.GetRequiredService<StatementTraces>());
    }
}
