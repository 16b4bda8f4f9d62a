using Atoll.Foundation.Identity;

namespace Atoll.StateMachines.Directory;

/// <summary>What a node tells the directory about itself.</summary>
/// <param name="Name">A name that people know it by; unique in the cluster.</param>
/// <param name="PeerAddress">Where other nodes reach it, "host:port".</param>
/// <param name="ClientAddress">Where clients of the native protocol reach it, "host:port"; empty for nowhere.</param>
/// <param name="HttpAddress">Where HTTP clients reach it, "host:port"; empty for nowhere.</param>
/// <param name="Loops">Its event loops, 1 to <see cref="Foundation.Limits.LoopsMax"/>.</param>
/// <param name="Region">The region that it stands in; empty when none was given.</param>
/// <param name="Zone">The zone within the region that fails as one; empty when none was given.</param>
/// <param name="Incarnation">
/// Drawn at random when its data folder was made: the same folder is the same node, an empty one is another. Not 0.
/// </param>
public sealed record NodeDescription(
    string Name,
    string PeerAddress,
    string ClientAddress,
    string HttpAddress,
    int Loops,
    string Region,
    string Zone,
    ulong Incarnation)
{
    /// <summary>The region of a node of which none was given: what Cassandra calls a data center that nobody named.</summary>
    public const string DefaultRegion = "datacenter1";

    /// <summary>The region by name, also when none was given: what spaces name, and what consistency levels count by.</summary>
    public string RegionName => Region.Length > 0 ? Region : DefaultRegion;
}

/// <summary>What a node is to the cluster.</summary>
public enum NodeStanding : byte
{
    /// <summary>It holds replicas, and may get more.</summary>
    Member = 0,

    /// <summary>It leaves: its replicas go to others, and it gets none.</summary>
    Leaving = 1,

    /// <summary>
    /// It is dead for good: nobody waits for it, and what it says about shards without a leader counts for nothing. There is no way back.
    /// </summary>
    Gone = 2,
}

/// <summary>A node of the cluster.</summary>
/// <param name="Id">Its number; never given twice.</param>
/// <param name="Description">What it told about itself.</param>
/// <param name="Standing">What it is to the cluster.</param>
public sealed record NodeInfo(NodeId Id, NodeDescription Description, NodeStanding Standing = NodeStanding.Member)
{
    /// <summary>The name that people know it by.</summary>
    public string Name => Description.Name;

    /// <summary>Where other nodes reach it.</summary>
    public string PeerAddress => Description.PeerAddress;
}
