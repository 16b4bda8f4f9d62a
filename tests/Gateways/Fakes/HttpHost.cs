using System.Net;
using Atoll.Gateways.Http;
using Atoll.Gateways.Native;
using Atoll.Gateways.Security;
using Atoll.Services;
using Atoll.Services.Calls;
using Microsoft.Extensions.Logging.Abstractions;

namespace Atoll.Gateways.Tests.Fakes;

/// <summary>The real gateways' server on free ports, over state machines without consensus.</summary>
internal sealed class HttpHost : IAsyncDisposable
{
    private readonly GatewayServer _server;
    private readonly AtollClient _client;

    private HttpHost(MachinePort port, AtollClient client, GatewayServer server, ManualTime time)
    {
        Time = time;
        Port = port;
        _client = client;
        _server = server;
        Http = new HttpClient { BaseAddress = new Uri(server.Addresses.Single()) };
    }

    public MachinePort Port { get; }

    public HttpClient Http { get; }

    /// <summary>The time of the cluster's clock and of streams of events.</summary>
    public ManualTime Time { get; }

    public IAtollClient Client => _client;

    public static async Task<HttpHost> StartAsync(AccessTokens? tokens = null, string? notReady = null)
    {
        var port = new MachinePort();
        var time = new ManualTime();
        var clock = new ServerClock(time);
        var client = new AtollClient(port, new CallerOptions { Clock = clock, Retries = new RetryPolicy { AttemptsMax = 2 } });
        var server = await GatewayServer.StartAsync(
            port,
            client,
            clock,
            new GatewayServerOptions
            {
                HttpEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
                Native = new NativeGatewayOptions(),
                Http = new HttpGatewayOptions
                {
                    Tokens = tokens ?? AccessTokens.None, Readiness = _ => new ValueTask<string?>(notReady), Time = time,
                },
            },
            NullLoggerFactory.Instance,
            CancellationToken.None);
        return new HttpHost(port, client, server, time);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _server.DisposeAsync();
        await _client.DisposeAsync();
    }
}
