using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Simulation.World;

namespace Atoll.Simulation.Networks;

/// <summary>The network as one loop sees it.</summary>
public sealed class SimEndpoint : INetwork
{
    private readonly SimNetwork _network;
    private readonly SimNetworkNode _node;
    private readonly SortedDictionary<NodeId, SimConnection[]> _peers = [];
    private readonly SortedDictionary<byte, Instant> _lastArrivalAtSibling = [];

    internal SimEndpoint(SimNetwork network, LoopIncarnation loop, SimNetworkNode node)
    {
        _network = network;
        _node = node;
        Loop = loop;
    }

    /// <summary>Whom the network calls; set it right after attaching.</summary>
    public INetworkEvents? Events { get; set; }

    /// <summary>The loop that the endpoint belongs to.</summary>
    public LoopIncarnation Loop { get; }

    /// <inheritdoc />
    public void SetPeer(NodeId peer, string address)
    {
        Check.That(Loop.IsAlive);
        if (peer == _node.Id)
        {
            return;
        }

        if (_peers.TryGetValue(peer, out var connections))
        {
            if (connections[0].Address == address)
            {
                return;
            }

            RemovePeer(peer);
        }

        _peers[peer] = connections =
            [new SimConnection(_network, this, peer, Lane.Urgent, address), new SimConnection(_network, this, peer, Lane.Bulk, address)];
        foreach (var connection in connections)
        {
            connection.TryToConnect(Duration.Zero);
        }
    }

    /// <inheritdoc />
    public void RemovePeer(NodeId peer)
    {
        Check.That(Loop.IsAlive);
        if (_peers.Remove(peer, out var connections))
        {
            foreach (var connection in connections)
            {
                connection.Abandon();
            }
        }
    }

    /// <inheritdoc />
    public SendOutcome Send(LoopAddress to, Lane lane, ReadOnlySpan<byte> message)
    {
        Check.That(Loop.IsAlive);
        Check.That(message.Length <= Limits.MessageBytesMax);
        if (to.Node == _node.Id)
        {
            return SendToSibling(to, lane, message);
        }

        return _peers.TryGetValue(to.Node, out var connections) ? connections[(int)lane].Send(to, message) : SendOutcome.Disconnected;
    }

    /// <inheritdoc />
    public long QueuedBytes(NodeId peer, Lane lane) =>
        _peers.TryGetValue(peer, out var connections) ? connections[(int)lane].QueuedBytes : 0;

    /// <summary>True when the connection to the peer stands, as far as this side knows.</summary>
    public bool IsConnected(NodeId peer, Lane lane) =>
        _peers.TryGetValue(peer, out var connections) && connections[(int)lane].IsUp;

    internal void LosesNode(NodeId peer, bool silently)
    {
        if (_peers.TryGetValue(peer, out var connections))
        {
            foreach (var connection in connections)
            {
                connection.LosesPeer(silently);
            }
        }
    }

    // Loops of one node share memory: nothing is lost, refused or overtaken.
    private SendOutcome SendToSibling(LoopAddress to, Lane lane, ReadOnlySpan<byte> message)
    {
        if (!_node.Loops.ContainsKey(to.Loop))
        {
            return SendOutcome.Disconnected;
        }

        var at = _network.Scheduler.Now + new Duration(_network.Prng.NextInt(200, 20_000));
        if (_lastArrivalAtSibling.TryGetValue(to.Loop, out var last))
        {
            at = Instant.Max(at, last);
        }

        _lastArrivalAtSibling[to.Loop] = at;
        Launch(to, lane, message.ToArray(), at);
        return SendOutcome.Queued;
    }

    internal void Launch(LoopAddress to, Lane lane, ReadOnlyMemory<byte> bytes, Instant at)
    {
        var flight = _network.TakeFromPool();
        flight.From = Loop.Address;
        flight.To = to;
        flight.Lane = lane;
        flight.Bytes = bytes;
        var route = ((long)Loop.Address.Node.Value << 24) | ((long)Loop.Address.Loop << 16) | ((long)to.Loop << 8) | (long)lane;
        _network.Scheduler.Schedule(
            at, flight, new SimEvent(SimEventKind.Message, to.Node.Value, route, StableHash.Compute(bytes.Span), null));
    }
}
