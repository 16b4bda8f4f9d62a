using System.Collections.Immutable;
using System.Numerics;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Kernel.Quorums;

namespace Atoll.Kernel.Eventual;

/// <summary>
/// What a consistency level asks of a set of replicas: groups of replicas, and how many of each must answer. Made once for each set and
/// level; replicas are bits, so that counting answers is a mask and a count of ones.
/// </summary>
internal sealed class ConsistencyPlan
{
    // Members and pending replicas of one range; Limits.ReplicasMax is far below.
    private const int ReplicasMax = 64;

    private readonly ImmutableArray<Replica> _replicas;

    internal ConsistencyPlan(
        ConsistencyLevel level, ImmutableArray<Replica> members, ImmutableArray<Replica> pending, string localRegion)
    {
        _replicas = members.AddRange(pending);
        Check.That(_replicas.Length <= ReplicasMax && Enum.IsDefined(level));
        string?[] regions = level switch
        {
            ConsistencyLevel.EachQuorum => [.. _replicas.Select(replica => replica.Region).Distinct().Order(StringComparer.Ordinal)],
            ConsistencyLevel.LocalOne or ConsistencyLevel.LocalQuorum => [localRegion],
            _ => [null],
        };
        Masks = new ulong[regions.Length];
        RequiredOf = new int[regions.Length];
        for (var group = 0; group < regions.Length; group++)
        {
            var pendingInGroup = 0;
            for (var i = 0; i < _replicas.Length; i++)
            {
                if (regions[group] is not { } region || _replicas[i].Region == region)
                {
                    Masks[group] |= 1UL << i;
                    pendingInGroup += i >= members.Length ? 1 : 0;
                }
            }

            var own = BitOperations.PopCount(Masks[group]) - pendingInGroup;
            RequiredOf[group] = pendingInGroup + level switch
            {
                ConsistencyLevel.Two => 2,
                ConsistencyLevel.Three => 3,
                ConsistencyLevel.All => own,
                ConsistencyLevel.Quorum or ConsistencyLevel.LocalQuorum or ConsistencyLevel.EachQuorum => own == 0 ? 1 : Majority.Size(own),
                _ => 1,
            };
            Scope |= Masks[group];
            Required += RequiredOf[group];
        }
    }

    internal ulong[] Masks { get; }

    internal int[] RequiredOf { get; }

    /// <summary>Those whose answers count at all.</summary>
    internal ulong Scope { get; }

    internal int Required { get; }

    /// <summary>The replica's bit; 0 when it is none.</summary>
    internal ulong BitOf(NodeId node)
    {
        for (var i = 0; i < _replicas.Length; i++)
        {
            if (_replicas[i].Node == node)
            {
                return 1UL << i;
            }
        }

        return 0;
    }

    /// <summary>The bits of those that are up.</summary>
    internal ulong Alive(Func<NodeId, bool> isAlive)
    {
        var alive = 0UL;
        for (var i = 0; i < _replicas.Length; i++)
        {
            alive |= isAlive(_replicas[i].Node) ? 1UL << i : 0;
        }

        return alive;
    }
}
