using Atoll.Client.Remote;
using Atoll.Foundation;
using Atoll.Live.Networks;
using Atoll.StateMachines.Directory;

namespace Atoll.Client.Hosting;

/// <summary>A node in this process: where its data is, how others reach it, and how it comes into its cluster.</summary>
public sealed record EmbeddedNodeOptions
{
    /// <summary>The folder of its data; made when it is missing. One node, one folder.</summary>
    public string DataFolder { get; init; } = "atoll-data";

    /// <summary>Where it listens for other nodes, "host:port".</summary>
    public string PeerListen { get; init; } = "127.0.0.1:4601";

    /// <summary>Where other nodes reach it; empty: <see cref="PeerListen"/>.</summary>
    public string PeerAddress { get; init; } = "";

    /// <summary>Where clients of the native protocol reach it; empty: nowhere.</summary>
    public string ClientAddress { get; init; } = "";

    /// <summary>Where HTTP clients reach it; empty: nowhere.</summary>
    public string HttpAddress { get; init; } = "";

    /// <summary>Its name, unique in the cluster; empty: the address that it is reached at.</summary>
    public string Name { get; init; } = "";

    /// <summary>The region that it stands in; empty when there is only one.</summary>
    public string Region { get; init; } = "";

    /// <summary>The zone that fails as one; empty when there is only one.</summary>
    public string Zone { get; init; } = "";

    /// <summary>Event loops; fixed when the folder is made.</summary>
    public int Loops { get; init; } = 1;

    /// <summary>
    /// Members of an existing cluster to join through, by any of their client addresses; used while the folder is empty or has no
    /// view of the cluster.
    /// </summary>
    public RemoteOptions? Join { get; init; }

    /// <summary>Whether the node founds a cluster of its own when its folder is empty and it joins none.</summary>
    public bool Bootstrap { get; init; } = true;

    /// <summary>
    /// Founders of a cluster that begins with several nodes at once, this one among them, each with its number; all of them must
    /// be given the same list. Empty: this node alone.
    /// </summary>
    public IReadOnlyList<NodeInfo> Founders { get; init; } = [];

    /// <summary>The number of the cluster that the founders found; 0: drawn at random, which only a single founder may.</summary>
    public ulong ClusterId { get; init; }

    /// <summary>Certificates between nodes; null: plain connections.</summary>
    public PeerTls? PeerTls { get; init; }

    /// <summary>Whether linearizable reads rely on the leader's lease, and so on clocks that run about as fast as each other.</summary>
    public bool LeaseReads { get; init; }

    /// <summary>
    /// Memory in bytes for records, over all loops: blocks that were read from the disk, and what was written and is not on it yet.
    /// </summary>
    public long StoreMemoryBytes { get; init; } = 256L * 1024 * 1024;

    /// <summary>For how long versions of records are kept after they were replaced, so that backups can read at one time.</summary>
    public TimeSpan VersionWindow { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// Bytes that a loop with little to do reads in a second, to find damage on its disk; more when a pass would take over a day.
    /// </summary>
    public long ScrubBytesPerSecond { get; init; } = 64 * 1024;

    /// <summary>The longest key of a record in bytes, at most <see cref="Limits.KeyBytesMax"/>; the same on every node.</summary>
    public int KeyBytesMax { get; init; } = Limits.KeyBytesDefault;

    /// <summary>The longest value of a record in bytes, at most <see cref="Limits.ValueBytesMax"/>; the same on every node.</summary>
    public int ValueBytesMax { get; init; } = Limits.ValueBytesDefault;
}
