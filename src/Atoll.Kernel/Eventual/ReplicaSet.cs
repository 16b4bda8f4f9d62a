using System.Collections.Immutable;
using Atoll.Foundation.Identity;

namespace Atoll.Kernel.Eventual;

/// <summary>A replica of a token range.</summary>
/// <param name="Node">Its node.</param>
/// <param name="Region">The region that the node stands in; empty when there are none.</param>
public readonly record struct Replica(NodeId Node, string Region);

/// <summary>Who keeps a token range, in one version of the placement.</summary>
/// <param name="Epoch">The version.</param>
/// <param name="Members">Those who have the range.</param>
/// <param name="Pending">
/// Those who are receiving it: every write goes to them as well, and waits for one more answer for each of them in its scope, so that no
/// write that was acknowledged is missing when they begin to answer reads.
/// </param>
public sealed record ReplicaSet(ulong Epoch, ImmutableArray<Replica> Members, ImmutableArray<Replica> Pending)
{
    /// <summary>A set without pending replicas.</summary>
    public static ReplicaSet Of(ulong epoch, params IEnumerable<Replica> members) => new(epoch, [.. members], []);

    /// <summary>Members and pending.</summary>
    public ImmutableArray<Replica> Everyone { get; } = [.. Members.Concat(Pending)];
}
