using System.Net.Sockets;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Native;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Node.Requests;
using Atoll.Services.Native;
using Xunit;

namespace Atoll.Gateways.Tests.Native;

/// <summary>Clients that are too slow on purpose: each is told, and let go of, at the server's next heartbeat.</summary>
public sealed class NativePaceTests
{
    private static readonly NativeGatewayOptions Impatient = new()
    {
        HandshakeTimeout = TimeSpan.FromMilliseconds(1), FrameTimeout = TimeSpan.FromMilliseconds(1),
    };

    [Theory]
    [InlineData("")]
    [InlineData("41544F4C0100")]
    public async Task A_hello_that_does_not_come_is_not_waited_for(string begun)
    {
        var port = new ScriptedPort((_, _) => new Response(ResponseStatus.Ok));
        await using var host = await NativeHost.StartAsync(port, Impatient);
        var received = await ExchangeAsync(host, Convert.FromHexString(begun));
        HelloFrame.ReadHeader(received, out var version, out var error, out _);
        Assert.Equal((0, NativeError.TooSlow), (version, (NativeError)error));
    }

    [Fact]
    public async Task The_rest_of_a_frame_is_not_waited_for()
    {
        var port = new ScriptedPort((_, _) => new Response(ResponseStatus.Ok));
        await using var host = await NativeHost.StartAsync(port, Impatient with { HandshakeTimeout = TimeSpan.FromSeconds(30) });
        var sent = new WireWriter();
        new ClientHello(1, 1, default, "slow").Write(sent);
        sent.WriteUInt32(100);
        var received = await ExchangeAsync(host, sent.ToArray());
        HelloFrame.ReadHeader(received, out _, out _, out var bodyBytes);
        var frame = received.AsMemory(HelloFrame.HeaderBytes + bodyBytes);
        Assert.Equal(
            NativeError.None, NativeFrame.Open(frame.Span, frame[NativeFrame.PrefixBytes..], out var type, out _, out var body));
        Assert.True(NativeFrame.TryReadError(body, out var error, out _));
        Assert.Equal((NativeFrameType.Error, NativeError.TooSlow), (type, error));
    }

    private static async Task<byte[]> ExchangeAsync(NativeHost host, byte[] sent)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", host.Port, deadline.Token);
        await client.GetStream().WriteAsync(sent, deadline.Token);
        using var received = new MemoryStream();
        await client.GetStream().CopyToAsync(received, deadline.Token);
        return received.ToArray();
    }
}
