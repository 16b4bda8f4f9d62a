using Atoll.Foundation.Identity;
using Atoll.Node.Loops;
using Atoll.Node.Requests;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Cluster;

/// <summary>The cluster itself: for operators and tools. Every call may throw an <see cref="AtollException"/>.</summary>
public interface ICluster
{
    /// <summary>The directory and the state of every node that answers.</summary>
    ValueTask<ClusterStatus> StatusAsync(CancellationToken cancellationToken = default);

    /// <summary>The directory, as some node has it.</summary>
    ValueTask<DirectoryView> DirectoryAsync(CancellationToken cancellationToken = default);

    /// <summary>Hands a shard's leadership to another of its replicas; returns when its present leader has begun to.</summary>
    ValueTask TransferLeadershipAsync(ShardId shard, NodeId to, CancellationToken cancellationToken = default);

    /// <summary>
    /// Lets a node leave: its replicas go to other nodes, by and by. Refused when one of them could go nowhere, unless the node is dead.
    /// </summary>
    /// <param name="node">The node.</param>
    /// <param name="isDead">
    /// It will never come back: nobody waits for it, and what only it had is lost. There is no way back from that.
    /// </param>
    /// <param name="cancellationToken">Ends the waiting for the answer.</param>
    ValueTask RetireNodeAsync(NodeId node, bool isDead, CancellationToken cancellationToken = default);

    /// <summary>Removes a node that holds no replicas any more; its number is never given again.</summary>
    ValueTask RemoveNodeAsync(NodeId node, CancellationToken cancellationToken = default);

    /// <summary>Puts another node in the place of one that holds a replica of a shard; the data move in the background.</summary>
    ValueTask MoveReplicaAsync(ShardId shard, NodeId from, NodeId to, CancellationToken cancellationToken = default);

    /// <summary>Makes a node known, or brings up to date what is known of it; gives its number.</summary>
    ValueTask<NodeId> RegisterNodeAsync(NodeDescription node, CancellationToken cancellationToken = default);
}

/// <summary>One node as it was found.</summary>
/// <param name="Node">The node, as the directory has it.</param>
/// <param name="Loops">Its loops' states; empty when it did not answer.</param>
/// <param name="Problem">Why it did not answer; null when it did.</param>
public sealed record NodeStatus(NodeInfo Node, IReadOnlyList<LoopStatus> Loops, string? Problem);

/// <summary>The cluster at a moment.</summary>
/// <param name="Directory">The directory.</param>
/// <param name="Nodes">Its nodes, by number.</param>
public sealed record ClusterStatus(DirectoryView Directory, IReadOnlyList<NodeStatus> Nodes);

/// <summary>Ways to one particular node, where the port as such chooses nodes itself.</summary>
public interface INodePorts
{
    /// <summary>A port whose requests go to that node or nowhere; null when there is no way.</summary>
    IRequestPort? PortOf(NodeInfo node);
}
