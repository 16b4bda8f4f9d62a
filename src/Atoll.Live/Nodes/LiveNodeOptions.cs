using Atoll.Live.Loops;
using Atoll.Live.Networks;
using Atoll.Node;

namespace Atoll.Live.Nodes;

/// <summary>What a node on a real machine needs to know.</summary>
public sealed record LiveNodeOptions
{
    /// <summary>What its loops need to know; the number of the loop is filled in for each.</summary>
    public required NodeOptions Node { get; init; }

    /// <summary>Where it listens for other nodes: "host:port".</summary>
    public required string PeerListen { get; init; }

    /// <summary>Certificates between nodes, or null for plain connections.</summary>
    public PeerTls? PeerTls { get; init; }

    /// <summary>How its loops wait and work.</summary>
    public EventLoopOptions Loops { get; init; } = EventLoopOptions.Default;
}
