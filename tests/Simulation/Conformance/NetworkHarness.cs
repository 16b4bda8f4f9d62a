using Atoll.Foundation.Identity;
using Atoll.Foundation.World;

namespace Atoll.Conformance;

/// <summary>Three nodes with two loops each on a network under test. Nobody knows a peer before the test says so.</summary>
public abstract class NetworkHarness : IDisposable
{
    /// <summary>Where a node is reached; the same after a restart.</summary>
    public abstract string Address(uint node);

    /// <summary>The network of a loop.</summary>
    public abstract INetwork Network(uint node, byte loop = 0);

    /// <summary>What the network told a loop in its present life.</summary>
    public abstract RecordedEvents Events(uint node, byte loop = 0);

    /// <summary>Lets all loops run until the condition holds; fails the test when that takes too long.</summary>
    public abstract void RunUntil(Func<bool> condition);

    /// <summary>Ends a node's process.</summary>
    public abstract void Stop(uint node);

    /// <summary>Starts a stopped node again, without peers.</summary>
    public abstract void Start(uint node);

    /// <summary>Makes a node know another, and waits for the connection.</summary>
    public void Connect(uint from, uint to, byte loop = 0)
    {
        Network(from, loop).SetPeer(new NodeId(to), Address(to));
        RunUntil(() => Events(from, loop).IsUp(to, Lane.Urgent) && Events(from, loop).IsUp(to, Lane.Bulk));
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the harness holds.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}

/// <summary>Keeps what a network told a loop.</summary>
public sealed class RecordedEvents : INetworkEvents
{
    private readonly HashSet<(uint Peer, Lane Lane)> _up = [];

    public List<(LoopAddress From, Lane Lane, ReadOnlyMemory<byte> Message)> Messages { get; } = [];

    public int LinkDowns { get; private set; }

    public bool IsUp(uint peer, Lane lane) => _up.Contains((peer, lane));

    public void MessageReceived(LoopAddress from, Lane lane, ReadOnlyMemory<byte> message) => Messages.Add((from, lane, message));

    public void LinkUp(NodeId peer, Lane lane) => Xunit.Assert.True(_up.Add((peer.Value, lane)), "a link came up twice");

    public void LinkDown(NodeId peer, Lane lane)
    {
        Xunit.Assert.True(_up.Remove((peer.Value, lane)), "a link went down that was not up");
        LinkDowns++;
    }
}
