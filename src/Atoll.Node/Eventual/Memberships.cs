using System.Collections.Immutable;
using Atoll.Foundation.Identity;
using Atoll.Kernel.Paxos;
using Atoll.StateMachines.Directory;

namespace Atoll.Node.Eventual;

/// <summary>Who takes part in what of an eventual shard, as the directory has it: also while its replicas move.</summary>
internal static class Memberships
{
    /// <summary>Those who compare what they have and wait for each other: all that keep the shard, and are not dead for good.</summary>
    public static ImmutableArray<NodeId> Exchangers(DirectoryView view, ShardInfo shard) =>
        shard.Keepers.RemoveAll(node => IsGone(view, node));

    /// <summary>Whether a node is dead for good.</summary>
    public static bool IsGone(DirectoryView view, NodeId node) =>
        view.TryGetNode(node, out var info) && info.Standing == NodeStanding.Gone;

    /// <summary>Who decides about the shard's partitions.</summary>
    public static PaxosMembership Of(DirectoryView view, ShardInfo shard) => new(
        shard.Generation,
        [.. (shard.Move?.Target ?? shard.Replicas).Order()],
        shard.Move is null ? [] : [.. shard.Replicas.Order()],
        [],
        Gone(view, shard));

    /// <summary>The same, for LOCAL_SERIAL: those in a region decide, the others are told.</summary>
    public static PaxosMembership In(DirectoryView view, ShardInfo shard, string region)
    {
        var all = Of(view, shard);
        return new PaxosMembership(
            shard.Generation,
            all.Voters.RemoveAll(IsElsewhere),
            all.OutgoingVoters.RemoveAll(IsElsewhere),
            [.. shard.Keepers.Where(IsElsewhere).Order()],
            all.Gone);

        bool IsElsewhere(NodeId node) => !view.TryGetNode(node, out var info) || info.Description.RegionName != region;
    }

    private static ImmutableArray<NodeId> Gone(DirectoryView view, ShardInfo shard) =>
        shard.Keepers.RemoveAll(node => !IsGone(view, node));
}
