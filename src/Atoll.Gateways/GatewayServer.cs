using System.Net;
using System.Net.Security;
using Atoll.Foundation;
using Atoll.Gateways.Cql;
using Atoll.Gateways.Http;
using Atoll.Gateways.Kafka;
using Atoll.Gateways.Metrics;
using Atoll.Gateways.Native;
using Atoll.Node.Requests;
using Atoll.Services;
using Atoll.Services.Calls;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Atoll.Gateways;

/// <summary>A node's doors: one Kestrel with an endpoint for the native protocol, one for HTTP, one for CQL, and
/// one for Kafka's.</summary>
public sealed class GatewayServer : IAsyncDisposable
{
    // A key of the longest, percent-encoded, and the path around it.
    private const int RequestLineBytesMax = (Limits.KeyBytesMax * 3) + (64 * 1024);
    private const int HeaderBytesMax = 128 * 1024;

    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(5);

    private readonly WebApplication _application;

    private GatewayServer(WebApplication application) => _application = application;

    /// <summary>Where it listens: URLs with the real ports.</summary>
    public IReadOnlyList<string> Addresses =>
        [.. _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses];

    /// <summary>Starts the gateways.</summary>
    /// <param name="port">The node.</param>
    /// <param name="client">The services over it, for HTTP.</param>
    /// <param name="clock">The cluster's time.</param>
    /// <param name="options">Where and how to listen.</param>
    /// <param name="loggers">Where it says what happens.</param>
    /// <param name="cancellation">Gives up starting.</param>
    /// <exception cref="IOException">An address cannot be listened on.</exception>
    public static async Task<GatewayServer> StartAsync(
        IRequestPort port, IAtollClient client, ServerClock clock, GatewayServerOptions options, ILoggerFactory loggers,
        CancellationToken cancellation)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton(typeof(ILogger<>), typeof(Logger<>));
        builder.Services.AddSingleton(port);
        builder.Services.AddSingleton(client);
        builder.Services.AddSingleton(clock);
        builder.Services.AddSingleton(options.Native);
        builder.Services.AddSingleton<RequestMetrics>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownTimeout);
        builder.Services.AddAtollHttp();
        if (options.CqlSources is { } sources)
        {
            builder.Services.AddAtollCql(sources, options.Cql);
        }

        if (options.KafkaSources is { } kafka)
        {
            builder.Services.AddAtollKafka(kafka, options.Kafka);
        }

        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => Configure(kestrel, options));
        builder.WebHost.UseSockets(sockets => sockets.UnsafePreferInlineScheduling = options.InlineScheduling);

        var application = builder.Build();
        application.UseAtollHttp(options.Http);
        if (options.CqlSources is not null)
        {
            application.Services.UseAtollCql();
        }

        try
        {
            await application.StartAsync(cancellation).ConfigureAwait(false);
            return new GatewayServer(application);
        }
        catch
        {
            await application.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Takes nothing new, answers what is under way, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync().ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
    }

    private static void Configure(KestrelServerOptions kestrel, GatewayServerOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = Limits.EntryBytesMax * 2L;
        kestrel.Limits.MaxRequestLineSize = RequestLineBytesMax;
        kestrel.Limits.MaxRequestBufferSize = RequestLineBytesMax + HeaderBytesMax;
        kestrel.Limits.MaxRequestHeadersTotalSize = HeaderBytesMax;
        if (options.NativeEndPoint is { } native)
        {
            kestrel.Listen(native, listen =>
            {
                listen.Protocols = HttpProtocols.None;
                UseTls(listen, options);
                listen.UseConnectionHandler<NativeGateway>();
            });
        }

        if (options is { CqlSources: not null, CqlEndPoint: { } cql })
        {
            kestrel.Listen(cql, listen =>
            {
                listen.Protocols = HttpProtocols.None;
                UseTls(listen, options);
                listen.UseConnectionHandler<CqlGateway>();
            });
        }

        if (options is { KafkaSources: not null, KafkaEndPoint: { } kafka })
        {
            kestrel.Listen(kafka, listen =>
            {
                listen.Protocols = HttpProtocols.None;
                UseTls(listen, options);
                listen.UseConnectionHandler<KafkaGateway>();
            });
        }

        if (options.HttpEndPoint is { } http)
        {
            kestrel.Listen(http, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                UseTls(listen, options);
            });
        }
    }

    private static void UseTls(ListenOptions listen, GatewayServerOptions options)
    {
        if (options.Certificate is { } certificate)
        {
            listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = _ => new ValueTask<SslServerAuthenticationOptions>(
                    new SslServerAuthenticationOptions { ServerCertificateContext = certificate() }),
            });
        }
    }
}
