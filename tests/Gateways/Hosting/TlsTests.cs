using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Atoll.Client.Remote;
using Atoll.Gateways.Native;
using Atoll.Gateways.Security;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Atoll.Gateways.Tests.Hosting;

/// <summary>Both gateways behind TLS, with tokens.</summary>
public sealed class TlsTests
{
    [Fact]
    public async Task Clients_that_trust_the_authority_get_in_and_others_are_told_why_not()
    {
        using var authority = new TestAuthority();
        using var stranger = new TestAuthority();
        using var certificate = authority.Issue();
        var node = new MachinePort();
        var clock = new ServerClock(TimeProvider.System);
        await using var local = new AtollClient(node, new CallerOptions());
        var tokens = AccessTokens.Of(["secret"]);
        var options = new GatewayServerOptions
        {
            NativeEndPoint = new IPEndPoint(IPAddress.Loopback, FreePort.Next()),
            HttpEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            Certificate = () => SslStreamCertificateContext.Create(certificate, null, offline: true),
            Native = new NativeGatewayOptions { Tokens = tokens, ClusterId = 1, Node = new(1) },
            Http = new() { Tokens = tokens },
        };
        await using var server = await GatewayServer.StartAsync(node, local, clock, options, NullLoggerFactory.Instance, default);
        var address = options.NativeEndPoint.ToString();

        await using var trusted = Client(
            new RemoteOptions { Nodes = [address], Token = "secret", Tls = authority.Trust(), Discover = false });
        Assert.Empty(await trusted.Spaces.ListAsync());

        await using var distrusting = Client(
            new RemoteOptions { Nodes = [address], Token = "secret", Tls = stranger.Trust(), Discover = false });
        var error = await Assert.ThrowsAsync<UnauthenticatedException>(() => distrusting.Spaces.ListAsync().AsTask());
        Assert.Contains("certificate", error.Message, StringComparison.Ordinal);

        using var handler = new SocketsHttpHandler { SslOptions = authority.Trust() };
        using var http = new HttpClient(handler);
        var url = server.Addresses.Single(text => !text.EndsWith($":{options.NativeEndPoint.Port}", StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync($"{url}/health/live")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync($"{url}/v1/spaces")).StatusCode);
    }

    [Fact]
    public async Task One_node_with_a_certificate_that_is_not_trusted_does_not_keep_a_client_from_the_others()
    {
        using var authority = new TestAuthority();
        using var stranger = new TestAuthority();
        using var good = authority.Issue();
        using var bad = stranger.Issue();
        await using var local = new AtollClient(new MachinePort(), new CallerOptions());
        await using var first = await StartAsync(local, bad, FreePort.Next());
        await using var second = await StartAsync(local, good, FreePort.Next());
        await using var client = Client(new RemoteOptions
        {
            Nodes = [.. first.Addresses.Concat(second.Addresses).Select(url => new Uri(url).Authority)],
            Tls = authority.Trust(),
            Discover = false,
        });
        for (var call = 0; call < 10; call++)
        {
            Assert.Empty(await client.Spaces.ListAsync());
        }
    }

    private static Task<GatewayServer> StartAsync(IAtollClient client, X509Certificate2 certificate, int port) =>
        GatewayServer.StartAsync(
            new MachinePort(),
            client,
            new ServerClock(TimeProvider.System),
            new GatewayServerOptions
            {
                NativeEndPoint = new IPEndPoint(IPAddress.Loopback, port),
                Certificate = () => SslStreamCertificateContext.Create(certificate, null, offline: true),
                Native = new NativeGatewayOptions { ClusterId = 1, Node = new((uint)port) },
            },
            NullLoggerFactory.Instance,
            default);

    private static AtollClient Client(RemoteOptions options)
    {
        var clock = new ServerClock(TimeProvider.System);
        var port = new RemotePort(options, clock);
        var retries = new RetryPolicy { DefaultTimeout = TimeSpan.FromSeconds(options.Tls is SslClientAuthenticationOptions ? 5 : 1) };
        return new AtollClient(port, new CallerOptions { Clock = clock, Retries = retries }, port, port);
    }
}
