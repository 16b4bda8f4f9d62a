using System.Net;
using System.Net.Sockets;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Live.Networks;
using Xunit;

namespace Atoll.Live.Tests.Networks;

/// <summary>Connections that are not what they should be: each is closed with its own reason, and everybody else goes on.</summary>
public sealed class StrangerTests
{
    [Fact]
    public void Who_speaks_another_protocol_is_shown_the_door()
    {
        using var net = new LiveNetworkHarness();
        using var stranger = Dial(net.Address(1));
        stranger.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8);
        Assert.Empty(ReadToEnd(stranger));
        Waiting.Until(() => net.Logger.Has("it is no node of Atoll: it began with \"GET / HT\""));
        GoesOn(net);
    }

    [Fact]
    public void A_greeting_longer_than_any_is_refused_in_words()
    {
        using var net = new LiveNetworkHarness();
        using var stranger = Dial(net.Address(1));
        var header = new byte[Frame.HeaderBytes];
        BitConverter.TryWriteBytes(header.AsSpan(Frame.LengthOffset), 3_000_000_000u);
        stranger.Send([.. Greeting.Magic, .. header]);
        Assert.Contains("3000000000 bytes", RefusalIn(ReadToEnd(stranger)), StringComparison.Ordinal);
        GoesOn(net);
    }

    [Fact]
    public void A_slow_greeting_is_cut_off_although_bytes_keep_coming()
    {
        using var net = new LiveNetworkHarness((_, options) => options with { GreetingTimeout = Duration.FromMilliseconds(300) });
        using var stranger = Dial(net.Address(1));
        var greeting = new Queue<byte>(new Greeting(1, 1, 77, new NodeId(2), new NodeId(1), Lane.Urgent, 1).Encode());
        Waiting.Until(() => net.Logger.Has("no greeting within 300 ms"), () => TrySendOneByte(stranger, greeting));
        Assert.NotEmpty(greeting);
        GoesOn(net);
    }

    [Fact]
    public void Strangers_who_wait_do_not_take_up_all_places_for_long()
    {
        using var net = new LiveNetworkHarness((_, options) => options with { GreetingTimeout = Duration.FromMilliseconds(300) });
        var strangers = Enumerable.Range(0, Foundation.Limits.GreetingsAtOnceMax * 2).Select(_ => Dial(net.Address(1))).ToList();
        Waiting.Until(() => net.Logger.Has("other connections have not greeted yet"));
        GoesOn(net);
        strangers.ForEach(stranger => stranger.Dispose());
    }

    [Fact]
    public void A_node_of_another_cluster_is_refused_and_both_sides_say_why()
    {
        using var net = new LiveNetworkHarness((node, options) => node == 2 ? options with { ClusterId = 78 } : options);
        net.Network(2).SetPeer(new NodeId(1), net.Address(1));
        const string Reason = "node 2 belongs to cluster 000000000000004e, this node to 000000000000004d";
        Waiting.Until(() => net.Logger.Has($"Can't reach node 1 at {net.Address(1)}: it refused: {Reason}"));
        Waiting.Until(() => net.Logger.Lines.Any(line =>
            line.Line.StartsWith("Refused a connection", StringComparison.Ordinal)
            && line.Line.EndsWith(Reason, StringComparison.Ordinal)));
        Assert.Equal(SendOutcome.Disconnected, net.Network(2).Send(new LoopAddress(new NodeId(1), 0), Lane.Urgent, [1]));
    }

    [Fact]
    public void A_refusal_is_logged_once_however_often_it_comes()
    {
        using var net = new LiveNetworkHarness(
            (_, options) => options with { RedialPauseMin = Duration.FromMilliseconds(2), RedialPauseMax = Duration.FromMilliseconds(2) },
            nodes: 1);
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        other.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        other.Listen();
        net.Network(1).SetPeer(new NodeId(2), other.LocalEndPoint!.ToString()!);
        for (var i = 0; i < 20; i++)
        {
            using var dialled = other.Accept();
            dialled.Send(Refusal.Encode("not today", isAnswer: true));
            dialled.Shutdown(SocketShutdown.Send);
            ReadToEnd(dialled);
        }

        Assert.Single(net.Logger.Lines, line => line.Line.Contains("it refused: not today", StringComparison.Ordinal));
    }

    [Fact]
    public void Versions_that_do_not_meet_are_refused_and_neighbours_talk()
    {
        using var net = new LiveNetworkHarness((node, options) => node switch
        {
            1 => options with { ProtocolVersionMin = 1, ProtocolVersionMax = 2 },
            2 => options with { ProtocolVersionMin = 2, ProtocolVersionMax = 3 },
            _ => options with { ProtocolVersionMin = 3, ProtocolVersionMax = 3 },
        });
        net.Connect(1, 2);
        net.Connect(2, 1);
        net.Network(3).SetPeer(new NodeId(1), net.Address(1));
        Waiting.Until(() => net.Logger.Has("node 3 speaks versions 3 to 3, this node 1 to 2: upgrade one version at a time"));
    }

    [Fact]
    public void Another_server_at_a_peers_address_is_told_from_a_node()
    {
        using var net = new LiveNetworkHarness();
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        other.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        other.Listen();
        net.Network(1).SetPeer(new NodeId(2), other.LocalEndPoint!.ToString()!);
        using var dialled = other.Accept();
        dialled.Send("220 mail.example ESMTP\r\n"u8);
        Waiting.Until(() => net.Logger.Has("what answers there is no node of Atoll"));
    }

    [Theory]
    [InlineData("checksum")]
    [InlineData("length")]
    [InlineData("loop")]
    [InlineData("kind")]
    public void A_bad_frame_after_a_good_greeting_closes_the_connection_and_says_why(string what)
    {
        using var net = new LiveNetworkHarness();
        using var peer = Dial(net.Address(1));
        peer.Send(new Greeting(1, 1, 77, new NodeId(2), new NodeId(1), Lane.Urgent, 1).Encode());
        var good = new byte[Frame.HeaderBytes];
        Frame.WriteHeader(good, FrameKind.Message, 0, 0, []);
        peer.Send(good);
        net.RunUntil(() => net.Events(1).Messages.Count == 1);
        var bad = new byte[Frame.HeaderBytes];
        Frame.WriteHeader(bad, what == "kind" ? FrameKind.Greeting : FrameKind.Message, what == "loop" ? (byte)9 : (byte)0, 0, []);
        if (what == "checksum")
        {
            bad[0] ^= 1;
        }
        else if (what == "length")
        {
            BitConverter.TryWriteBytes(bad.AsSpan(Frame.LengthOffset), 3_000_000_000u);
        }

        peer.Send(bad);
        var expected = what switch
        {
            "checksum" => "a frame of 0 bytes whose checksum does not match",
            "length" => "a frame of 3000000000 bytes, where at most",
            "loop" => "a message for loop 9, and there are 2",
            _ => "a Greeting where messages belong",
        };
        Assert.Contains(expected, RefusalIn(ReadToEnd(peer)), StringComparison.Ordinal);
        Waiting.Until(() => net.Logger.Lines.Any(line =>
            line.Line.StartsWith("Closed the connection from node 2", StringComparison.Ordinal)
            && line.Line.Contains(expected, StringComparison.Ordinal)));
        GoesOn(net);
    }

    [Fact]
    public void Garbage_of_every_kind_harms_nobody()
    {
        using var net = new LiveNetworkHarness((_, options) => options with { GreetingTimeout = Duration.FromMilliseconds(200) });
        for (ulong seed = 0; seed < 60; seed++)
        {
            var prng = new Foundation.Randomness.Prng(seed);
            var garbage = new byte[prng.NextInt(0, 3_000)];
            prng.Fill(garbage);
            var greeting = new Greeting(1, 1, 77, new NodeId(2), new NodeId(1), Lane.Bulk, 1).Encode();
            if (prng.Chance(300_000))
            {
                greeting[prng.NextInt(0, greeting.Length - 1)] ^= (byte)prng.NextInt(1, 255);
            }

            using var stranger = Dial(net.Address(1));
            stranger.Send(prng.Chance(700_000) ? [.. greeting, .. garbage] : garbage);
        }

        GoesOn(net);
    }

    private static void GoesOn(LiveNetworkHarness net)
    {
        net.Connect(2, 1);
        var before = net.Events(1).Messages.Count;
        net.Network(2).Send(new LoopAddress(new NodeId(1), 0), Lane.Urgent, [1]);
        net.RunUntil(() => net.Events(1).Messages.Count > before);
    }

    private static Socket Dial(string address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 30_000 };
        socket.Connect(IPEndPoint.Parse(address));
        return socket;
    }

    private static void TrySendOneByte(Socket socket, Queue<byte> bytes)
    {
        try
        {
            socket.Poll(TimeSpan.FromMilliseconds(20), SelectMode.SelectError);
            if (bytes.Count > 1)
            {
                socket.Send([bytes.Dequeue()]); // never the last one: the greeting stays unfinished
            }
        }
        catch (SocketException)
        {
            // It has been closed: that is what the test waits for.
        }
    }

    private static byte[] ReadToEnd(Socket socket)
    {
        using var all = new MemoryStream();
        var buffer = new byte[4_096];
        try
        {
            for (int count; (count = socket.Receive(buffer)) > 0;)
            {
                all.Write(buffer, 0, count);
            }
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Closed with bytes of ours unread: what came before counts.
        }

        return all.ToArray();
    }

    private static string RefusalIn(byte[] answer)
    {
        var decoder = new FrameDecoder(10_000);
        answer.CopyTo(decoder.Room());
        decoder.Received(answer.Length);
        Assert.True(decoder.TryTake(Greeting.Magic.Length, out _));
        while (decoder.TryRead(out var frame, out _) == FrameStatus.Complete)
        {
            if (frame.Kind == FrameKind.Refusal)
            {
                return Refusal.Decode(frame.Payload);
            }
        }

        Assert.Fail("no refusal in the answer");
        return "";
    }
}
