using Atoll.Client.Remote;
using Atoll.Foundation.Identity;
using Atoll.Gateways.Native;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Xunit;

namespace Atoll.Gateways.Tests.Native;

/// <summary>
/// A node that keeps its connections and says nothing (paused, or behind a dead link) must not cost its clients their deadline.
/// </summary>
public sealed class SilentNodeTests
{
    private static readonly Request Write = new()
    {
        Kind = RequestKind.Write, Space = new SpaceId(1), RoutingHash = 7, Payload = "payload"u8.ToArray(),
    };

    [Fact]
    public async Task Requests_of_a_silent_node_are_tried_elsewhere_with_the_same_identity_and_it_is_used_again_when_heard()
    {
        var paused = new ScriptedPort((_, _) => new Response(ResponseStatus.Ok));
        var awake = new ScriptedPort((_, _) => new Response(ResponseStatus.Ok));
        await using var first = await NativeHost.StartAsync(paused);
        await using var second = await NativeHost.StartAsync(awake, new NativeGatewayOptions { ClusterId = 42, Node = new(2) });
        await using var relay = new MuteRelay(first.Port);
        await using var remote = new RemotePort(
            new RemoteOptions
            {
                Nodes = [relay.Address, second.Address],
                PingAfter = TimeSpan.FromMilliseconds(50),
                PingTimeout = TimeSpan.FromMilliseconds(50),
                GiveUpAfter = TimeSpan.FromMinutes(5),
            },
            new ServerClock(TimeProvider.System));
        var caller = new Caller(remote, new CallerOptions());

        // Both connections are up once each node has had a request: nodes are asked in turn.
        while (!HasWrites(paused, 1) || !HasWrites(awake, 1))
        {
            await SendAsync(caller);
        }

        var before = Writes(paused).Length;
        relay.Mute();
        for (var i = 0; i < 8; i++)
        {
            await SendAsync(caller);
        }

        Assert.Equal(before, Writes(paused).Length);
        relay.Unmute();
        while (!HasWrites(paused, before + 2))
        {
            await SendAsync(caller);
        }

        // What was sent into the silence arrives late, and both nodes can see that it is one and the same request.
        var late = Writes(paused)[before].Identity;
        Assert.Contains(Writes(awake), request => request.Identity.Sequence == late.Sequence && request.Identity.ClientId == late.ClientId);
    }

    private static Task<bool> SendAsync(Caller caller) =>
        caller.Invoke(Write, TimeSpan.FromMinutes(1), null, static (in Response _) => true, default).AsTask();

    private static bool HasWrites(ScriptedPort port, int count) => Writes(port).Length >= count;

    private static Request[] Writes(ScriptedPort port) => [.. port.Snapshot().Where(request => request.Kind == RequestKind.Write)];
}
