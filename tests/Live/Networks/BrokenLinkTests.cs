using System.Net;
using System.Net.Sockets;
using Atoll.Foundation;
using Atoll.Foundation.Identity;
using Atoll.Foundation.World;
using Atoll.Live.Networks;
using Xunit;

namespace Atoll.Live.Tests.Networks;

/// <summary>Links that go wrong without a farewell.</summary>
public sealed class BrokenLinkTests
{
    private static readonly LoopAddress NodeTwo = new(new NodeId(2), 0);

    [Fact]
    public void A_peer_that_falls_silent_is_given_up()
    {
        using var net = new LiveNetworkHarness(nodes: 1);
        using var listener = Listen();
        net.Network(1).SetPeer(new NodeId(2), listener.LocalEndPoint!.ToString()!);
        using var urgent = WelcomeAs(listener, 2);
        using var bulk = WelcomeAs(listener, 2);
        net.RunUntil(() => net.Events(1).IsUp(2, Lane.Urgent) && net.Events(1).IsUp(2, Lane.Bulk));

        // Both connections stay open and are read from, but nothing is ever heard: a half-open connection looks just so.
        net.RunUntil(() =>
        {
            Drain(urgent);
            Drain(bulk);
            return net.Events(1).LinkDowns == 2;
        });
        Waiting.Until(() => net.Logger.Has("nothing was heard for ")); // loops are told first
    }

    [Fact]
    public void A_dialler_that_falls_silent_is_given_up()
    {
        using var net = new LiveNetworkHarness(nodes: 1);
        using var peer = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        peer.Connect(IPEndPoint.Parse(net.Address(1)));
        peer.Send(new Greeting(1, 1, 77, new NodeId(2), new NodeId(1), Lane.Urgent, 1).Encode());
        Waiting.Until(() => net.Logger.Has("nothing was heard for 2500 ms"));
    }

    [Fact]
    public void An_idle_link_says_that_it_is_there_both_ways()
    {
        using var net = new LiveNetworkHarness(nodes: 1);
        using var listener = Listen();
        net.Network(1).SetPeer(new NodeId(2), listener.LocalEndPoint!.ToString()!);
        using var dialled = WelcomeAs(listener, 2);
        using var dialling = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        dialling.Connect(IPEndPoint.Parse(net.Address(1)));
        var greeting = new Greeting(1, 1, 77, new NodeId(2), new NodeId(1), Lane.Urgent, 1).Encode();
        dialling.Send(greeting);
        var keepAlive = Frame.Build(FrameKind.KeepAlive, []);
        SkipGreeting(dialled);
        SkipGreeting(dialling);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(keepAlive, ReadExactly(dialled, keepAlive.Length));
            Assert.Equal(keepAlive, ReadExactly(dialling, keepAlive.Length));
            dialled.Send(keepAlive);
            dialling.Send(keepAlive);
        }
    }

    [Fact]
    public void A_peer_that_does_not_read_is_back_pressure_and_not_memory()
    {
        using var net = new LiveNetworkHarness(nodes: 1);
        using var listener = Listen();
        net.Network(1).SetPeer(new NodeId(2), listener.LocalEndPoint!.ToString()!);
        using var first = WelcomeAs(listener, 2);
        using var second = WelcomeAs(listener, 2);
        net.RunUntil(() => net.Events(1).IsUp(2, Lane.Urgent) && net.Events(1).IsUp(2, Lane.Bulk));
        var message = new byte[256 * 1024];
        net.RunUntil(() =>
        {
            Assert.InRange(net.Network(1).QueuedBytes(new NodeId(2), Lane.Bulk), 0, Limits.BulkQueueBytesMax + (2 * message.Length));
            return net.Network(1).Send(NodeTwo, Lane.Bulk, message) == SendOutcome.Full;
        });
        Assert.Equal(SendOutcome.Queued, net.Network(1).Send(NodeTwo, Lane.Urgent, [1]));
    }

    [Fact]
    public void Bulk_that_waits_for_a_slow_loop_does_not_hold_up_what_is_urgent()
    {
        using var net = new LiveNetworkHarness();
        net.Connect(1, 2);
        var chunk = new byte[1024 * 1024];
        var accepted = -1;
        Waiting.Until(() =>
        {
            accepted++;
            return net.Network(1).Send(NodeTwo, Lane.Bulk, chunk) == SendOutcome.Full;
        });
        net.Network(1).Send(NodeTwo, Lane.Urgent, [42]);
        net.RunUntil(() => net.Events(2).Messages.Any(message => message.Lane == Lane.Urgent));
        net.RunUntil(() => net.Events(2).Messages.Count(message => message.Lane == Lane.Bulk) == accepted);
    }

    [Fact]
    public void The_largest_message_passes_each_lane()
    {
        using var net = new LiveNetworkHarness();
        net.Connect(1, 2);
        var message = new byte[Limits.MessageBytesMax];
        new Foundation.Randomness.Prng(5).Fill(message.AsSpan(0, 1_000));
        Assert.Equal(SendOutcome.Queued, net.Network(1).Send(NodeTwo, Lane.Bulk, message));
        net.RunUntil(() => net.Events(2).Messages.Count == 1);
        Assert.True(net.Events(2).Messages[0].Message.Span.SequenceEqual(message));
    }

    [Fact]
    public void A_loop_that_the_peer_does_not_have_is_not_sent_to()
    {
        using var net = new LiveNetworkHarness();
        net.Connect(1, 2);
        Assert.Equal(SendOutcome.Disconnected, net.Network(1).Send(new LoopAddress(new NodeId(2), 2), Lane.Urgent, [1]));
    }

    private static Socket Listen()
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        return listener;
    }

    private static Socket WelcomeAs(Socket listener, uint node)
    {
        var connection = listener.Accept();
        connection.Send(new Welcome(1, 77, new NodeId(node), 1).Encode());
        return connection;
    }

    private static void SkipGreeting(Socket socket)
    {
        ReadExactly(socket, Greeting.Magic.Length + Frame.LengthOffset);
        var payloadBytes = BitConverter.ToInt32(ReadExactly(socket, sizeof(int)));
        ReadExactly(socket, Frame.HeaderBytes - Frame.LengthOffset - sizeof(int) + payloadBytes);
    }

    private static byte[] ReadExactly(Socket socket, int count)
    {
        var bytes = new byte[count];
        for (var read = 0; read < count;)
        {
            var more = socket.Receive(bytes.AsSpan(read));
            Assert.NotEqual(0, more);
            read += more;
        }

        return bytes;
    }

    private static void Drain(Socket socket)
    {
        var buffer = new byte[1_024];
        while (socket.Connected && socket.Available > 0 && socket.Receive(buffer) > 0)
        {
        }
    }
}
