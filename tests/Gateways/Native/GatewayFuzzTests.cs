using System.Net.Sockets;
using System.Text;
using Atoll.Client.Remote;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Fuzz;
using Atoll.Fuzz.Targets;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.StateMachines.Directory;
using Xunit;

namespace Atoll.Gateways.Tests.Native;

/// <summary>
/// Whatever bytes arrive by real sockets, the gateways go on serving others. What each stream does to the gateway itself is looked at
/// by the fuzzing program, without sockets (docs/fuzzing.md).
/// </summary>
public sealed class GatewayFuzzTests
{
    private const int Rounds = 300;
    private const int StreamBytesMax = 64 * 1024;

    [Fact]
    public async Task Altered_native_streams_harm_nobody_else()
    {
        var target = new NativeStreamTarget();
        var mutator = new Mutator(new Prng(41), StreamBytesMax, []);
        var port = new ScriptedPort((request, _) => new Response(ResponseStatus.Ok, request.Payload));
        await using var host = await NativeHost.StartAsync(port);
        for (var round = 0; round < Rounds; round++)
        {
            await SendAsync(host.Port, mutator.Next(target.Seeds, target.Seeds.Count));
        }

        await using var remote = new RemotePort(new RemoteOptions { Nodes = [host.Address] }, new ServerClock(TimeProvider.System));
        var caller = new Caller(remote, new CallerOptions());
        Assert.True(await caller.Invoke(
            new Request { Kind = RequestKind.Write, Space = new SpaceId(1) }, null, null, static (in Response _) => true, default));
    }

    [Fact]
    public async Task Altered_http_requests_harm_nobody_else()
    {
        var random = new Prng(42);
        var mutator = new Mutator(random.Fork(), StreamBytesMax, new HttpTarget().Words);
        await using var host = await HttpHost.StartAsync();
        await host.Client.Spaces.CreateAsync(new SpaceOptions("s"));
        for (var round = 0; round < Rounds; round++)
        {
            await SendAsync(host.Http.BaseAddress!.Port, mutator.Next([HttpStream(random)], 1));
        }

        (await host.Http.PutAsync("/v1/spaces/s/records/k", new StringContent("v"))).EnsureSuccessStatusCode();
        Assert.Equal("v", await host.Http.GetStringAsync("/v1/spaces/s/records/k"));
    }

    private static byte[] HttpStream(Prng random)
    {
        string[] lines =
        [
            "GET /v1/spaces/s/records/%00 HTTP/1.1", "PUT /v1/spaces/s/records/a%2Fb?ttl=1s HTTP/1.1",
                "GET /v1/spaces/s/records?limit=3 HTTP/1.1",
            "POST /v1/spaces/s/batch HTTP/1.1", "DELETE /v1/spaces/s/record?key=%ff HTTP/1.1", "PUT /v1/spaces/x HTTP/1.1",
        ];
        string[] bodies = ["", "x", """{"operations":[{"op":"put","key":"k","value":"v","ttl":"1s"}]}""", """{"replicas":1}""", "\0\0\0"];
        string[] headers = ["If-Match: \"1\"\r\n", "Atoll-Session: new\r\n", "Idempotency-Key: a\r\n", "Transfer-Encoding: chunked\r\n",
            ""];
        var body = random.Pick(bodies);
        return Encoding.UTF8.GetBytes(
            $"{random.Pick(lines)}\r\nHost: x\r\n{random.Pick(headers)}Content-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}");
    }

    private static async Task SendAsync(int port, byte[] bytes)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", port, deadline.Token);
        var stream = client.GetStream();
        try
        {
            await stream.WriteAsync(bytes, deadline.Token);
            client.Client.Shutdown(SocketShutdown.Send);
            await stream.CopyToAsync(Stream.Null, deadline.Token);
        }
        catch (IOException)
        {
            // Cut off in the middle: as good an answer as any.
        }
        catch (SocketException)
        {
            // Cut off before the end was said.
        }
    }
}
