using Atoll.Client.Hosting;
using Atoll.Client.Remote;
using Atoll.Services;
using Atoll.Services.Calls;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Atoll.Client;

/// <summary>Atoll for applications with dependency injection.</summary>
public static class AtollServiceCollectionExtensions
{
    /// <summary>
    /// Registers an <see cref="IAtollClient"/>: of a remote cluster, or, with <see cref="AtollOptions.Embedded"/>, of a node that is
    /// started and stopped with the host. Services are used the same way in both cases.
    /// </summary>
    public static IServiceCollection AddAtoll(this IServiceCollection services, Action<AtollOptions>? configure = null)
    {
        var options = new AtollOptions();
        configure?.Invoke(options);
        services.AddSingleton(new ServerClock(TimeProvider.System));
        if (options.Embedded is { } embedded)
        {
            services.AddSingleton<EmbeddedPort>();
            services.AddHostedService(provider => new EmbeddedNodeService(
                embedded, provider.GetRequiredService<EmbeddedPort>(), provider.GetRequiredService<ILoggerFactory>()));
            services.AddSingleton<IAtollClient>(provider =>
            {
                var port = provider.GetRequiredService<EmbeddedPort>();
                return new AtollClient(port, Calls(provider, options), port);
            });
        }
        else
        {
            var remote = options.Remote.Validated();
            services.AddSingleton<IAtollClient>(provider =>
            {
                var port = new RemotePort(remote, provider.GetRequiredService<ServerClock>());
                return new AtollClient(port, Calls(provider, options), port, port);
            });
        }

        return services;
    }

    private static CallerOptions Calls(IServiceProvider provider, AtollOptions options) =>
        new() { Retries = options.Retries, Clock = provider.GetRequiredService<ServerClock>() };

    private sealed class EmbeddedNodeService(EmbeddedNodeOptions options, EmbeddedPort port, ILoggerFactory loggers) : IHostedService
    {
        public async Task StartAsync(CancellationToken cancellationToken)
        {
            var node = await EmbeddedNode.StartAsync(options, loggers, cancellationToken).ConfigureAwait(false);
            port.SetNode(node);
            await node.Live.Ready.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        public async Task StopAsync(CancellationToken cancellationToken)
        {
            if (port.Node is { } node)
            {
                port.SetNode(null);
                await node.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
