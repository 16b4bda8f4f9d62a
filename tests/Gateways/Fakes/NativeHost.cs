using System.Net;
using Atoll.Gateways.Metrics;
using Atoll.Gateways.Native;
using Atoll.Node.Requests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Atoll.Gateways.Tests.Fakes;

/// <summary>A native gateway on a free port of the loopback.</summary>
internal sealed class NativeHost : IAsyncDisposable
{
    private readonly WebApplication _application;

    private NativeHost(WebApplication application, int port)
    {
        _application = application;
        Port = port;
    }

    public int Port { get; }

    public string Address => $"127.0.0.1:{Port}";

    public static async Task<NativeHost> StartAsync(IRequestPort port, NativeGatewayOptions? options = null, int listenPort = 0)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, listenPort, listen => listen.UseConnectionHandler<NativeGateway>()));
        builder.Services.AddLogging();
        builder.Services.AddSingleton(port);
        builder.Services.AddSingleton(options ?? new NativeGatewayOptions { ClusterId = 42, Node = new(1) });
        builder.Services.AddSingleton<RequestMetrics>();
        var application = builder.Build();
        await application.StartAsync();
        var address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return new NativeHost(application, new Uri(address).Port);
    }

    public Task StopAsync(CancellationToken impatience) => _application.StopAsync(impatience);

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync();
        await _application.DisposeAsync();
    }
}
