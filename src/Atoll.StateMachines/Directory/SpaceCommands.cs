using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Directory;

/// <summary>The commands about spaces and their shards.</summary>
internal static class SpaceCommands
{
    internal static DirectoryOutcome CreateSpace(DirectoryState state, ref WireReader reader, SpaceOptions options, HybridTime now)
    {
        if (!reader.OkAtEnd)
        {
            return DirectoryOutcome.Garbled;
        }

        if (DirectoryRules.FaultOf(options) is { } fault)
        {
            return DirectoryOutcome.Refused(DirectoryStatus.Invalid, fault);
        }

        if (DirectoryRules.NotAvailable(options) is { } missing)
        {
            return DirectoryOutcome.Refused(DirectoryStatus.NotAvailable, missing);
        }

        var view = state.View;
        if (view.TryGetSpace(options.Name, out var known))
        {
            return known.Options == options
                ? DirectoryOutcome.Unchanged(known.Id.Value, "the space was there already")
                : DirectoryOutcome.Refused(
                    DirectoryStatus.AlreadyExists, $"a space '{options.Name}' exists with other options", known.Id.Value);
        }

        if (Placement.Lacking(view, options) is { } lacking)
        {
            return DirectoryOutcome.Refused(DirectoryStatus.NotEnoughNodes, lacking);
        }

        if (view.Spaces.Length == Limits.SpacesMax || view.Shards.Length + options.ShardCount > Limits.ShardsMax)
        {
            return LimitReached();
        }

        var space = new SpaceInfo(state.NextSpace, options, now);
        var changed = view.With(now, spaces: view.Spaces.Add(space), shards: view.Shards.AddRange(NewShards(state, space, 0)));
        return DirectoryOutcome.Done(space.Id.Value, state with
        {
            View = changed,
            NextSpace = new SpaceId(space.Id.Value + 1),
            NextShard = new ShardId(state.NextShard.Value + (ulong)options.ShardCount),
        });
    }

    /// <summary>
    /// More shards behind those that a space of streams has. A record's partition is the producer's choice, not its hash's: so all ranges
    /// of hashes are cut anew, which only tell the order of the partitions, and nothing moves.
    /// </summary>
    internal static DirectoryOutcome GrowSpace(DirectoryState state, ref WireReader reader, HybridTime now)
    {
        var id = new SpaceId(reader.ReadUInt64());
        var from = reader.ReadCount(int.MaxValue);
        var to = reader.ReadCount(int.MaxValue);
        if (!reader.OkAtEnd)
        {
            return DirectoryOutcome.Garbled;
        }

        var view = state.View;
        if (!view.TryGetSpace(id, out var space))
        {
            return DirectoryOutcome.Refused(DirectoryStatus.NotFound, $"there is no space {id}", id.Value);
        }

        var options = space.Options with { ShardCount = to };
        if (space.Options.Kind != SpaceKind.Streams)
        {
            return DirectoryOutcome.Refused(
                DirectoryStatus.Invalid, "only streams get more shards: in others hashes say which shard a key is in", id.Value);
        }

        if (space.Options.ShardCount is var count && (count == to || count != from))
        {
            return count == to ? DirectoryOutcome.Unchanged(id.Value)
                : DirectoryOutcome.Refused(DirectoryStatus.Conflict, $"the space has {count} shards, not {from}", id.Value);
        }

        if ((to < from ? $"a space gets more shards, not fewer, and has {from}" : DirectoryRules.FaultOf(options)) is { } fault)
        {
            return DirectoryOutcome.Refused(DirectoryStatus.Invalid, fault, id.Value);
        }

        if (Placement.Lacking(view, options) is { } lacking)
        {
            return DirectoryOutcome.Refused(DirectoryStatus.NotEnoughNodes, lacking, id.Value);
        }

        if (view.Shards.Length + to - from > Limits.ShardsMax)
        {
            return LimitReached();
        }

        var grown = space with { Options = options };
        var known = view.ShardsOf(id);
        Check.That(known.Length == from);
        var numbers = new Dictionary<ShardId, int>(from);
        foreach (var shard in known)
        {
            numbers.Add(shard.Id, numbers.Count);
        }

        var shards = view.Shards.ToBuilder();
        for (var i = 0; i < shards.Count; i++)
        {
            if (numbers.TryGetValue(shards[i].Id, out var number))
            {
                var (low, high) = RangeOf(number, to);
                shards[i] = shards[i] with { HashLow = low, HashHigh = high, Generation = shards[i].Generation + 1 };
            }
        }

        shards.AddRange(NewShards(state, grown, from));
        return DirectoryOutcome.Done(id.Value, state with
        {
            View = view.With(now, spaces: view.Spaces.Replace(space, grown), shards: shards.ToImmutable()),
            NextShard = new ShardId(state.NextShard.Value + (ulong)(to - from)),
        });
    }

    internal static DirectoryOutcome DropSpace(DirectoryState state, ref WireReader reader, HybridTime now)
    {
        var id = new SpaceId(reader.ReadUInt64());
        if (!reader.OkAtEnd)
        {
            return DirectoryOutcome.Garbled;
        }

        var view = state.View;
        if (!view.TryGetSpace(id, out var space))
        {
            return DirectoryOutcome.Refused(DirectoryStatus.NotFound, $"there is no space {id}", id.Value);
        }

        var shards = view.Shards.RemoveAll(shard => shard.Space == id);
        var changed = view.With(now, spaces: view.Spaces.Remove(space), shards: shards);
        return DirectoryOutcome.Done(id.Value, state with { View = changed });
    }

    internal static DirectoryOutcome SetReplicas(DirectoryState state, ref WireReader reader, HybridTime now)
    {
        var id = new ShardId(reader.ReadUInt64());
        var expectedGeneration = reader.ReadVarint();
        var replicas = DirectoryCodec.ReadNodeIds(ref reader);
        if (!reader.OkAtEnd)
        {
            return DirectoryOutcome.Garbled;
        }

        var view = state.View;
        if (!view.TryGetShard(id, out var shard))
        {
            return DirectoryOutcome.Refused(DirectoryStatus.NotFound, $"there is no shard {id}", id.Value);
        }

        if (ReplicaRules.FaultOf(replicas, node => view.TryGetNode(node, out _)) is { } fault)
        {
            return DirectoryOutcome.Refused(DirectoryStatus.Invalid, fault, id.Value);
        }

        if (view.TryGetSpace(shard.Space, out var space)
            && OutsideOf(space, replicas, view) is { } outside)
        {
            return DirectoryOutcome.Refused(DirectoryStatus.Invalid, outside, id.Value);
        }

        if (space is { Options.FaultModel: FaultModel.Eventual })
        {
            return ShardMoves.Begin(state, shard, replicas, expectedGeneration, now);
        }

        // Asked again after it was done: the generation has moved on, and yet nothing is wrong.
        if (shard.Replicas.AsSpan().SequenceEqual(replicas.AsSpan()))
        {
            return DirectoryOutcome.Unchanged(id.Value);
        }

        if (expectedGeneration != 0 && expectedGeneration != shard.Generation)
        {
            return DirectoryOutcome.Refused(
                DirectoryStatus.Conflict, $"shard {id} has generation {shard.Generation}, not {expectedGeneration}", id.Value);
        }

        var sameSet = replicas.Length == shard.Replicas.Length && replicas.All(node => shard.Replicas.Contains(node));
        var next = shard with { Replicas = replicas, Generation = shard.Generation + (sameSet ? 0UL : 1UL) };
        return DirectoryOutcome.Done(id.Value, WithShard(state, shard, next, now));
    }

    internal static DirectoryOutcome SetPreferredLeader(DirectoryState state, ref WireReader reader, HybridTime now)
    {
        var id = new ShardId(reader.ReadUInt64());
        var leader = new NodeId(reader.ReadUInt32());
        if (!reader.OkAtEnd)
        {
            return DirectoryOutcome.Garbled;
        }

        if (!state.View.TryGetShard(id, out var shard))
        {
            return DirectoryOutcome.Refused(DirectoryStatus.NotFound, $"there is no shard {id}", id.Value);
        }

        if (!shard.Replicas.Contains(leader))
        {
            return DirectoryOutcome.Refused(DirectoryStatus.Invalid, $"node {leader} holds no replica of shard {id}", id.Value);
        }

        if (shard.PreferredLeader == leader)
        {
            return DirectoryOutcome.Unchanged(id.Value);
        }

        var next = shard with { Replicas = shard.Replicas.Remove(leader).Insert(0, leader) };
        return DirectoryOutcome.Done(id.Value, WithShard(state, shard, next, now));
    }

    private static string? OutsideOf(SpaceInfo space, ImmutableArray<NodeId> replicas, DirectoryView view)
    {
        foreach (var replica in replicas)
        {
            if (view.TryGetNode(replica, out var node) && !space.Options.Allows(node.Description.RegionName))
            {
                return $"node {replica} stands in region '{node.Description.RegionName}', where data of space '{space.Name}' may not be";
            }
        }

        return null;
    }

    private static DirectoryOutcome LimitReached() => DirectoryOutcome.Refused(
        DirectoryStatus.LimitReached, $"a cluster has at most {Limits.SpacesMax} spaces and {Limits.ShardsMax} shards");

    /// <summary>The shards of a space from one on.</summary>
    private static IEnumerable<ShardInfo> NewShards(DirectoryState state, SpaceInfo space, int first)
    {
        var placement = new Placement(state.View);
        for (var i = first; i < space.Options.ShardCount; i++)
        {
            var (low, high) = RangeOf(i, space.Options.ShardCount);
            yield return new ShardInfo(
                new ShardId(state.NextShard.Value + (ulong)(i - first)), space.Id, low, high, placement.Next(space.Options), 1);
        }
    }

    /// <summary>The space of hashes is cut into equal ranges, to the last one.</summary>
    private static (ulong Low, ulong High) RangeOf(int shard, int count) =>
        (FirstHash(shard, count), shard + 1 == count ? ulong.MaxValue : FirstHash(shard + 1, count) - 1);

    private static ulong FirstHash(int shard, int count) => (ulong)((((UInt128)1 << 64) * (ulong)shard) / (ulong)count);

    internal static DirectoryState WithShard(DirectoryState state, ShardInfo before, ShardInfo after, HybridTime now)
    {
        var view = state.View;
        return state with
        {
            View = view.With(now, shards: view.Shards.Replace(before, after)),
        };
    }
}
