using System.Net.Sockets;
using Atoll.Client.Remote;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Gateways.Native;
using Atoll.Gateways.Security;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.Services.Native;
using Xunit;

namespace Atoll.Gateways.Tests.Native;

/// <summary>Client and gateway of the native protocol over real sockets, with a scripted node behind.</summary>
public sealed class NativeGatewayTests
{
    private static readonly Request Write = new()
    {
        Kind = RequestKind.Write, Space = new SpaceId(1), RoutingHash = 7, Payload = "payload"u8.ToArray(),
    };

    [Fact]
    public async Task A_request_and_its_answer_arrive_as_they_were_sent()
    {
        var port = new ScriptedPort((request, _) => request.Kind == RequestKind.DirectoryView
            ? new Response(ResponseStatus.Ok)
            : new Response(ResponseStatus.Ok, request.Payload, new NodeId(2), Duration.Zero, new HybridTime(99), new ShardId(5), "detail"));
        await using var host = await NativeHost.StartAsync(port);
        await using var remote = new RemotePort(new RemoteOptions { Nodes = [host.Address] }, new ServerClock(TimeProvider.System));
        var response = await Caller(remote).Invoke(Write, null, null, static (in Response r) => r, default);
        Assert.Equal("payload"u8.ToArray(), response.Body.ToArray());
        Assert.Equal((new NodeId(2), new HybridTime(99), new ShardId(5), "detail"),
            (response.LeaderHint, response.AppliedVersion, response.Shard, response.Detail));
        var arrived = port.Requests.Single(request => request.Kind == RequestKind.Write);
        Assert.Equal(7UL, arrived.RoutingHash);
        Assert.False(arrived.Identity.IsNone);
    }

    [Fact]
    public async Task Many_requests_at_once_and_large_ones_are_each_answered_with_their_own_bytes()
    {
        var port = new ScriptedPort((request, _) => new Response(ResponseStatus.Ok, request.Payload));
        await using var host = await NativeHost.StartAsync(port);
        await using var remote = new RemotePort(new RemoteOptions { Nodes = [host.Address] }, new ServerClock(TimeProvider.System));
        var caller = Caller(remote);
        var calls = Enumerable.Range(0, 2_000).Select(async i =>
        {
            var payload = new byte[i % 100 == 0 ? 300_000 : i % 50];
            payload.AsSpan().Fill((byte)i);
            var body = await caller.Invoke(
                Write with { Payload = payload }, null, null, static (in Response r) => r.Body, default);
            Assert.True(body.Span.SequenceEqual(payload));
        });
        await Task.WhenAll(calls);
    }

    [Fact]
    public async Task Answers_may_come_in_any_order()
    {
        var port = new ScriptedPort((request, _) => request.RoutingHash == 1 ? null : new Response(ResponseStatus.Ok, request.Payload));
        await using var host = await NativeHost.StartAsync(port);
        await using var remote = new RemotePort(new RemoteOptions { Nodes = [host.Address] }, new ServerClock(TimeProvider.System));
        var caller = Caller(remote);
        var slow = caller.Invoke(Write with { RoutingHash = 1 }, null, null, static (in Response r) => r.Detail, default).AsTask();
        await caller.Invoke(Write with { RoutingHash = 2 }, null, null, static (in Response _) => true, default);
        Assert.False(slow.IsCompleted);
        port.CompleteOpen(new Response(ResponseStatus.Ok, Detail: "at last"));
        Assert.Equal("at last", await slow);
    }

    [Fact]
    public async Task A_wrong_token_is_refused_with_words_and_without_waiting_for_the_deadline()
    {
        var port = new ScriptedPort((_, _) => new Response(ResponseStatus.Ok));
        await using var host = await NativeHost.StartAsync(
            port, new NativeGatewayOptions { Tokens = AccessTokens.Of(["right"]) });
        await using var remote = new RemotePort(
            new RemoteOptions { Nodes = [host.Address], Token = "wrong" }, new ServerClock(TimeProvider.System));
        var error = await Assert.ThrowsAsync<UnauthenticatedException>(() =>
            Caller(remote).Invoke(Write, TimeSpan.FromMinutes(5), null, static (in Response _) => true, default).AsTask());
        Assert.Contains("not valid", error.Message, StringComparison.Ordinal);

        await using var right = new RemotePort(
            new RemoteOptions { Nodes = [host.Address], Token = "right" }, new ServerClock(TimeProvider.System));
        Assert.True(await Caller(right).Invoke(Write, null, null, static (in Response _) => true, default));
    }

    [Fact]
    public async Task More_requests_than_a_connection_may_have_are_answered_overloaded()
    {
        var port = new ScriptedPort((request, _) => request.Kind == RequestKind.DirectoryView ? new Response(ResponseStatus.Ok) : null);
        await using var host = await NativeHost.StartAsync(port, new NativeGatewayOptions { InFlightMax = 2 });
        await using var remote = new RemotePort(new RemoteOptions { Nodes = [host.Address] }, new ServerClock(TimeProvider.System));
        var caller = Caller(remote, new RetryPolicy { AttemptsMax = 1 });
        var held = new[] { Send(caller), Send(caller) };
        await port.WhenOpenAsync(2);
        await Assert.ThrowsAsync<OverloadedException>(() => Send(caller));
        port.CompleteOpen(new Response(ResponseStatus.Ok));
        await Task.WhenAll(held);
    }

    [Fact]
    public async Task A_lost_connection_makes_writes_unknown_and_a_retry_has_the_same_identity()
    {
        var first = new ScriptedPort((request, _) => request.Kind == RequestKind.DirectoryView ? new Response(ResponseStatus.Ok) : null);
        var second = new ScriptedPort((_, _) => new Response(ResponseStatus.Ok));
        var host = await NativeHost.StartAsync(first);
        await using var remote = new RemotePort(new RemoteOptions { Nodes = [host.Address] }, new ServerClock(TimeProvider.System));
        var call = Send(Caller(remote));
        await first.WhenOpenAsync(1);
        var unanswered = first.Requests.Single(request => request.Kind == RequestKind.Write).Identity;

        // The first node never answers: its shutdown is not graceful for this request.
        using (var impatient = new CancellationTokenSource())
        {
            await impatient.CancelAsync();
            await host.StopAsync(impatient.Token);
        }

        await using var successor = await NativeHost.StartAsync(second, listenPort: host.Port);
        await call;
        Assert.Equal(unanswered, second.Requests.First(request => request.Kind == RequestKind.Write).Identity);
        await host.DisposeAsync();
    }

    [Fact]
    public async Task Nobody_there_is_told_with_the_address_and_the_reason()
    {
        await using var remote = new RemotePort(new RemoteOptions { Nodes = ["127.0.0.1:1"] }, new ServerClock(TimeProvider.System));
        var error = await Assert.ThrowsAsync<UnavailableException>(() =>
            Caller(remote).Invoke(Write, TimeSpan.FromMilliseconds(300), null, static (in Response _) => true, default).AsTask());
        Assert.Contains("127.0.0.1:1", error.Message, StringComparison.Ordinal);
        Assert.Contains("refused", error.Message, StringComparison.OrdinalIgnoreCase);
    }

    public static TheoryData<string, string, NativeError> BadHellos => new()
    {
        { "an HTTP request", Hex("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8), NativeError.NotThisProtocol },
        { "a TLS hello", "16030100C8010000C4030300000000000000000000000000", NativeError.NotThisProtocol },
        { "an absurd length", "41544F4C01000100FFFFFF7F00000000", NativeError.TooLarge },
        { "a wrong checksum", "41544F4C01000100020000000000000000000000", NativeError.ChecksumMismatch },
        { "a version of the future", Hello(new ClientHello(9, 12, default, "new")), NativeError.VersionUnsupported },
        { "versions the wrong way round", Hello(new ClientHello(3, 1, default, "odd")), NativeError.Malformed },
    };

    [Theory]
    [MemberData(nameof(BadHellos))]
    public async Task A_bad_hello_gets_a_clear_answer(string what, string hex, NativeError expected)
    {
        var port = new ScriptedPort((_, _) => new Response(ResponseStatus.Ok));
        await using var host = await NativeHost.StartAsync(port);
        using var socket = await ConnectAsync(host);
        await socket.GetStream().WriteAsync(Convert.FromHexString(hex));
        var received = await ReadToEndAsync(socket);
        Assert.True(received.Length > HelloFrame.HeaderBytes, what);
        HelloFrame.ReadHeader(received, out var version, out var error, out _);
        Assert.True(ServerHello.TryRead(version, error, received.AsMemory(HelloFrame.HeaderBytes), out var hello));
        Assert.Equal((0, expected), (hello.Version, hello.Error));
        Assert.NotEmpty(hello.Reason);
        Assert.Empty(port.Requests);
    }

    public static TheoryData<string, string, NativeError> BadFrames => new()
    {
        { "an absurd length", "FFFFFFFF0000000001000000000000", NativeError.TooLarge },
        { "no room for its header", "0100000000000000010000", NativeError.Malformed },
        { "a wrong checksum", "0500000012345678010000000000", NativeError.ChecksumMismatch },
        { "an unknown type", Frame((NativeFrameType)99, []), NativeError.UnexpectedFrame },
        { "an answer from a client", Frame(NativeFrameType.Response, []), NativeError.UnexpectedFrame },
        { "a request that is none", Frame(NativeFrameType.Request, [1, 2, 3]), NativeError.Malformed },
        { "a request of another version", Frame(NativeFrameType.Request, [99, 1, 0, 0]), NativeError.Malformed },
    };

    [Theory]
    [MemberData(nameof(BadFrames))]
    public async Task A_bad_frame_ends_the_connection_with_a_reason(string what, string hex, NativeError expected)
    {
        var port = new ScriptedPort((_, _) => new Response(ResponseStatus.Ok));
        await using var host = await NativeHost.StartAsync(port);
        using var socket = await ConnectAsync(host);
        await socket.GetStream().WriteAsync(Convert.FromHexString(Hello(new ClientHello(1, 1, default, "test")) + hex));
        var received = await ReadToEndAsync(socket);
        HelloFrame.ReadHeader(received, out _, out _, out var bodyBytes);
        var frame = received.AsMemory(HelloFrame.HeaderBytes + bodyBytes);
        Assert.True(frame.Length > NativeFrame.HeaderBytes, what);
        Assert.Equal(NativeError.None, NativeFrame.Open(frame.Span, frame[NativeFrame.PrefixBytes..], out var type, out _, out var body));
        Assert.Equal(NativeFrameType.Error, type);
        Assert.True(NativeFrame.TryReadError(body, out var error, out var reason));
        Assert.Equal(expected, error);
        Assert.NotEmpty(reason);
    }

    private static Caller Caller(IRequestPort port, RetryPolicy? retries = null) =>
        new(port, new CallerOptions { Retries = retries ?? new RetryPolicy() });

    private static Task Send(Caller caller) => caller.Invoke(Write, null, null, static (in Response _) => true, default).AsTask();

    private static string Hello(ClientHello hello)
    {
        var writer = new WireWriter();
        hello.Write(writer);
        return Convert.ToHexString(writer.Written);
    }

    private static string Frame(NativeFrameType type, byte[] body)
    {
        var writer = new WireWriter();
        var position = NativeFrame.Begin(writer, type, 1);
        writer.WriteRaw(body);
        NativeFrame.End(writer, position);
        return Convert.ToHexString(writer.Written);
    }

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexString(bytes);

    private static async Task<TcpClient> ConnectAsync(NativeHost host)
    {
        var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", host.Port);
        return client;
    }

    private static async Task<byte[]> ReadToEndAsync(TcpClient client)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var received = new MemoryStream();
        await client.GetStream().CopyToAsync(received, deadline.Token);
        return received.ToArray();
    }
}
