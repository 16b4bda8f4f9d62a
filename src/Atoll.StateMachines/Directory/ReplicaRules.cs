using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Identity;

namespace Atoll.StateMachines.Directory;

/// <summary>What a set of replicas may be.</summary>
internal static class ReplicaRules
{
    /// <summary>A sentence for the person who gave the set, or null when it is sound.</summary>
    internal static string? FaultOf(ImmutableArray<NodeId> replicas, Func<NodeId, bool> isKnown)
    {
        if (replicas.IsEmpty)
        {
            return $"a shard has 1 to {Limits.ReplicasMax} replicas";
        }

        for (var i = 0; i < replicas.Length; i++)
        {
            if (!isKnown(replicas[i]))
            {
                return $"there is no node {replicas[i]}";
            }

            if (replicas.IndexOf(replicas[i]) != i)
            {
                return $"node {replicas[i]} is named twice";
            }
        }

        return null;
    }
}
