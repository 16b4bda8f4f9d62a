using System.Collections.Immutable;
using Atoll.Foundation.Identity;

namespace Atoll.StateMachines.Directory;

/// <summary>
/// A cluster that began with one node must not stay dependent on it: what the cluster itself keeps (groups with their offsets,
/// transactions) gets more replicas when nodes join. The replicas of users' spaces are their own choice.
/// </summary>
public static class CoordinatorGrowth
{
    /// <summary>Copies of each shard of such a space, where there are so many nodes.</summary>
    public const int Replicas = 3;

    /// <summary>The copies that such a space is made with.</summary>
    public static int ReplicasIn(DirectoryView view) =>
        view.Nodes.Count(static node => node.Standing == NodeStanding.Member) >= Replicas ? Replicas : 1;

    /// <summary>
    /// The next shard that should get more replicas, and the nodes that shall hold it; null when there is none, or not enough nodes.
    /// </summary>
    /// <param name="view">The directory.</param>
    /// <param name="isAlive">Whether a node is there at the moment: one that is not is no reason to believe a copy is made.</param>
    public static (ShardInfo Shard, ImmutableArray<NodeId> Replicas)? Next(DirectoryView view, Func<NodeId, bool> isAlive)
    {
        if (ReplicasIn(view) < Replicas)
        {
            return null;
        }

        foreach (var space in view.Spaces)
        {
            if (!IsOfCluster(space))
            {
                continue;
            }

            foreach (var shard in view.ShardsOf(space.Id))
            {
                if (shard.Replicas.Length < Replicas && Placement.Grown(view, shard, Replicas, isAlive) is { } replicas)
                {
                    return (shard, replicas);
                }
            }
        }

        return null;
    }

    /// <summary>Whether a space is the cluster's own, and not of its users.</summary>
    internal static bool IsOfCluster(SpaceInfo space) => space.Options.Kind is SpaceKind.Groups or SpaceKind.Transactions;
}
