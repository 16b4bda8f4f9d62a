using System.Collections.Immutable;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Directory;

/// <summary>How far a <see cref="ShardMove"/> is.</summary>
public enum MovePhase : byte
{
    /// <summary>The new replica gets what the old ones have; reads go to the old ones.</summary>
    Filling = 1,

    /// <summary>Reads go to a majority of old and new ones together.</summary>
    Joint = 2,

    /// <summary>Reads go to the new ones.</summary>
    Switching = 3,
}

/// <summary>
/// A change of the replicas of a shard without a leader, which takes time (docs/eventual.md). Writes go to old and new replicas in all of
/// its phases.
/// </summary>
/// <param name="Target">The nodes that shall hold the shard.</param>
/// <param name="Phase">How far it is.</param>
/// <param name="Since">The directory's version in which the present phase began.</param>
/// <param name="Ready">Nodes of the target that have said that the present phase may end, by number.</param>
public sealed record ShardMove(ImmutableArray<NodeId> Target, MovePhase Phase, HybridTime Since, ImmutableArray<NodeId> Ready)
{
    /// <summary>Whether all of the target have said so.</summary>
    internal bool IsReady => Target.All(node => Ready.Contains(node));

    /// <summary>Equal contents, the nodes compared one by one.</summary>
    public bool Equals(ShardMove? other) =>
        other is not null && Phase == other.Phase && Since == other.Since
        && Target.AsSpan().SequenceEqual(other.Target.AsSpan()) && Ready.AsSpan().SequenceEqual(other.Ready.AsSpan());

    /// <inheritdoc />
    public override int GetHashCode() => (Target.Length * 64) + Ready.Length;
}
