using System.Net;
using System.Net.Sockets;
using Atoll.Conformance;
using Atoll.Foundation.Identity;
using Atoll.Foundation.World;
using Atoll.Live.Networks;

namespace Atoll.Live.Tests.Networks;

/// <summary>Nodes with two loops each on ports of the loopback, driven by the test's thread.</summary>
internal sealed class LiveNetworkHarness : NetworkHarness
{
    private const int Loops = 2;

    private readonly SortedDictionary<uint, string> _addresses = [];
    private readonly SortedDictionary<uint, Node> _nodes = [];
    private readonly Func<uint, PeerTransportOptions, PeerTransportOptions> _configure;

    public LiveNetworkHarness(Func<uint, PeerTransportOptions, PeerTransportOptions>? configure = null, uint nodes = 3)
    {
        _configure = configure ?? ((_, options) => options);
        for (uint node = 1; node <= nodes; node++)
        {
            _addresses[node] = FreeAddress();
            Start(node);
        }
    }

    public ListLogger Logger { get; } = new();

    public static string FreeAddress()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket.LocalEndPoint!.ToString()!;
    }

    public override string Address(uint node) => _addresses[node];

    public override INetwork Network(uint node, byte loop = 0) => _nodes[node].Networks[loop];

    public override RecordedEvents Events(uint node, byte loop = 0) => _nodes[node].Events[loop];

    public override void RunUntil(Func<bool> condition) => Waiting.Until(condition, () =>
    {
        foreach (var loop in _nodes.Values.SelectMany(node => node.Loops))
        {
            loop.Round(waitMs: 1);
        }
    });

    public override void Stop(uint node)
    {
        _nodes[node].Transport.Dispose();
        _nodes.Remove(node);
    }

    public override void Start(uint node) =>
        _nodes[node] = new Node(
            _configure(node, new PeerTransportOptions { ClusterId = 77, Self = new NodeId(node), Listen = Address(node) }), Logger);

    protected override void Dispose(bool disposing)
    {
        foreach (var node in _nodes.Values)
        {
            node.Transport.Dispose();
        }

        base.Dispose(disposing);
    }

    private sealed class Node
    {
        public Node(PeerTransportOptions options, ListLogger logger)
        {
            Loops = [.. Enumerable.Range(0, LiveNetworkHarness.Loops).Select(_ => new HandDrivenLoop())];
            Events = [.. Loops.Select(_ => new RecordedEvents())];
            Transport = new PeerTransport(options, [.. Loops.Select(loop => loop.Mailbox)], logger);
            Networks = [.. Loops.Select((_, number) => new LiveNetwork(Transport, (byte)number))];
            for (var i = 0; i < Loops.Length; i++)
            {
                Loops[i].Events = Events[i];
                Loops[i].Port = Networks[i];
            }
        }

        public HandDrivenLoop[] Loops { get; }

        public RecordedEvents[] Events { get; }

        public LiveNetwork[] Networks { get; }

        public PeerTransport Transport { get; }
    }
}
