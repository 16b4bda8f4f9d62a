using System.Collections.Immutable;
using Atoll.Foundation.Identity;

namespace Atoll.Kernel.Eventual;

/// <summary>A replica of a token range.</summary>
/// <param name="Node">Its node.</param>
/// <param name="Region">The region that the node stands in; empty when there are none.</param>
public readonly record struct Replica(NodeId Node, string Region);

/// <summary>Who keeps a token range, in one version of the placement. It belongs to one loop, because it remembers plans.</summary>
/// <param name="epoch">The version.</param>
/// <param name="members">Those who have the range.</param>
/// <param name="pending">Those who are receiving it.</param>
public sealed class ReplicaSet(ulong epoch, ImmutableArray<Replica> members, ImmutableArray<Replica> pending)
{
    // Plans are made when they are first needed: a set serves many requests. All of one coordinator's requests come from one region.
    private readonly ConsistencyPlan?[] _plans = new ConsistencyPlan?[2 * (1 + (int)ConsistencyLevel.LocalOne)];
    private string _planRegion = "";

    /// <summary>The version.</summary>
    public ulong Epoch => epoch;

    /// <summary>Those who have the range.</summary>
    public ImmutableArray<Replica> Members => members;

    /// <summary>
    /// Those who are receiving it: every write goes to them as well, and waits for one more answer for each of them in its scope, so that
    /// no write that was acknowledged is missing when they begin to answer reads.
    /// </summary>
    public ImmutableArray<Replica> Pending => pending;

    /// <summary>A set without pending replicas.</summary>
    public static ReplicaSet Of(ulong epoch, params IEnumerable<Replica> members) => new(epoch, [.. members], []);

    /// <summary>Members and pending.</summary>
    public ImmutableArray<Replica> Everyone { get; } = members.AddRange(pending);

    internal ConsistencyPlan PlanOf(ConsistencyLevel level, bool isWrite, string localRegion)
    {
        if (_planRegion != localRegion)
        {
            _planRegion = localRegion;
            Array.Clear(_plans);
        }

        return _plans[((int)level * 2) + (isWrite ? 1 : 0)] ??= new ConsistencyPlan(level, members, isWrite ? pending : [], localRegion);
    }
}
