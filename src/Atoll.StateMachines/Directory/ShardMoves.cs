using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Directory;

/// <summary>The commands that move replicas of shards without a leader, phase by phase (<see cref="ShardMove"/>).</summary>
internal static class ShardMoves
{
    internal static DirectoryOutcome Begin(
        DirectoryState state, ShardInfo shard, ImmutableArray<NodeId> target, ulong expectedGeneration, HybridTime now)
    {
        var id = shard.Id.Value;
        var isUnmoved = IsSameSet(target, shard.Replicas);
        if (shard.Move is { } under && IsSameSet(under.Target, target))
        {
            return DirectoryOutcome.Unchanged(id);
        }

        if (shard.Move is null && shard.Replicas.AsSpan().SequenceEqual(target.AsSpan()))
        {
            return DirectoryOutcome.Unchanged(id);
        }

        if (expectedGeneration != 0 && expectedGeneration != shard.Generation)
        {
            return DirectoryOutcome.Refused(
                DirectoryStatus.Conflict, $"shard {shard.Id} has generation {shard.Generation}, not {expectedGeneration}", id);
        }

        if (shard.Move is { Phase: not MovePhase.Filling })
        {
            return DirectoryOutcome.Refused(DirectoryStatus.Conflict, $"a move of shard {shard.Id} is at its end: try again then", id);
        }

        if (isUnmoved)
        {
            return DirectoryOutcome.Done(id, SpaceCommands.WithShard(
                state,
                shard,
                shard with { Replicas = target, Move = null, Generation = shard.Generation + (shard.Move is null ? 0UL : 1UL) },
                now));
        }

        if (FaultOf(state.View, shard, target) is { } fault)
        {
            return DirectoryOutcome.Refused(DirectoryStatus.Invalid, fault, id);
        }

        var moving = shard with { Move = new ShardMove(target, MovePhase.Filling, now, []), Generation = shard.Generation + 1 };
        return DirectoryOutcome.Done(id, SpaceCommands.WithShard(state, shard, moving, now));
    }

    internal static DirectoryOutcome Ready(DirectoryState state, ref WireReader reader, HybridTime now)
    {
        var id = new ShardId(reader.ReadUInt64());
        var generation = reader.ReadVarint();
        var node = new NodeId(reader.ReadUInt32());
        if (!reader.OkAtEnd)
        {
            return DirectoryOutcome.Garbled;
        }

        if (!state.View.TryGetShard(id, out var shard))
        {
            return DirectoryOutcome.Refused(DirectoryStatus.NotFound, $"there is no shard {id}", id.Value);
        }

        if (shard.Move is not { } move || shard.Generation != generation || !move.Target.Contains(node))
        {
            return DirectoryOutcome.Refused(
                DirectoryStatus.Conflict, $"shard {id} is in generation {shard.Generation}, and does not wait for node {node}", id.Value);
        }

        if (move.Ready.Contains(node))
        {
            return DirectoryOutcome.Unchanged(id.Value);
        }

        var ready = move with { Ready = [.. move.Ready.Add(node).Order()] };
        var next = move.Phase == MovePhase.Switching ? shard with { Replicas = move.Target, Move = null, Generation = generation + 1 }
            : ready.IsReady
                ? shard with { Move = new ShardMove(move.Target, move.Phase + 1, now, []), Generation = generation + 1 }
                : shard with { Move = ready };
        return DirectoryOutcome.Done(id.Value, SpaceCommands.WithShard(state, shard, next, now));
    }

    /// <summary>Two sets with the same nodes.</summary>
    internal static bool IsSameSet(ImmutableArray<NodeId> one, ImmutableArray<NodeId> other) =>
        one.Length == other.Length && one.All(node => other.Contains(node));

    // One comes, one goes, or both: then a majority of all of them meets each majority of the old ones and of the new ones.
    private static string? FaultOf(DirectoryView view, ShardInfo shard, ImmutableArray<NodeId> target)
    {
        foreach (var id in target)
        {
            if (NodeRetirement.IsRetired(view, id) && !shard.Replicas.Contains(id))
            {
                return $"node {id} leaves the cluster";
            }
        }

        var coming = target.Count(node => !shard.Replicas.Contains(node));
        var going = shard.Replicas.Count(node => !target.Contains(node));
        return coming > 1 || going > 1 ? "replicas of an eventual shard move one at a time" : null;
    }
}
