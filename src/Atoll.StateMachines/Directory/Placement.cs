using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;

namespace Atoll.StateMachines.Directory;

/// <summary>
/// Chooses nodes for the replicas of new shards. A pure function of the view: every replica of the directory chooses the same. The leader
/// of a shard goes to the node that should lead the fewest, the other replicas to regions and zones that have none of the shard yet and,
/// among those, to the nodes that hold the fewest; never to a region that the space does not allow, or that has as many as it should. Ties
/// go round, so that the first shard of every space is not on the first node.
/// </summary>
internal sealed class Placement
{
    private readonly ImmutableArray<NodeInfo> _nodes;
    private readonly int[] _regions;
    private readonly int[] _zones;
    private readonly int[] _replicas;
    private readonly int[] _leaders;
    private int _turn;

    /// <summary>The loads of all nodes in the view.</summary>
    internal Placement(DirectoryView view)
    {
        _nodes = view.Nodes;
        _regions = Numbered(static n => n.RegionName);
        _zones = Numbered(static n => n.RegionName + "\0" + n.Zone);
        _replicas = new int[_nodes.Length];
        _leaders = new int[_nodes.Length];
        var positions = new SortedDictionary<NodeId, int>();
        for (var i = 0; i < _nodes.Length; i++)
        {
            positions.Add(_nodes[i].Id, i);
        }

        foreach (var shard in view.Shards)
        {
            _leaders[positions[shard.PreferredLeader]]++;
            foreach (var replica in shard.Keepers)
            {
                _replicas[positions[replica]]++;
            }
        }

        _turn = view.Shards.Length;
    }

    /// <summary>Why the cluster has too few nodes for a space, for the person who wants it; null when it has enough.</summary>
    internal static string? Lacking(DirectoryView view, SpaceOptions options)
    {
        if (options.Regions is not { } regions)
        {
            var members = view.Nodes.Count(static node => node.Standing == NodeStanding.Member);
            return members >= options.Replicas ? null
                : $"{options.Replicas} replicas need {options.Replicas} nodes, the cluster has {members}";
        }

        foreach (var (region, replicas) in regions.Factors)
        {
            var nodes = view.Nodes.Count(node =>
                node.Description.RegionName == region && node.Standing == NodeStanding.Member);
            if (nodes < replicas)
            {
                return $"{replicas} replicas in region '{region}' need {replicas} nodes there, the cluster has {nodes}";
            }
        }

        var allowed = view.Nodes.Count(node =>
            regions.Allows(node.Description.RegionName) && node.Standing == NodeStanding.Member);
        return allowed >= options.Replicas ? null
            : $"{options.Replicas} replicas need {options.Replicas} nodes in the regions {string.Join(", ", regions.Allowed)}, "
                + $"the cluster has {allowed}";
    }

    /// <summary>Nodes for the next shard, the one that should lead it first; they count as load for the shards that follow.</summary>
    internal ImmutableArray<NodeId> Next(SpaceOptions options)
    {
        var replicas = options.Replicas;
        Check.That(replicas > 0 && replicas <= _nodes.Length);
        var chosen = new int[replicas];
        for (var count = 0; count < replicas; count++)
        {
            chosen[count] = Best(chosen.AsSpan(0, count), options.Regions);
            Check.That(chosen[count] >= 0);
            _replicas[chosen[count]]++;
        }

        _leaders[chosen[0]]++;
        _turn++;
        return [.. chosen.Select(position => _nodes[position].Id)];
    }

    /// <summary>
    /// The replicas of a shard with another node in the place of the first that leaves or is gone, in the same region where the space says
    /// how many a region has. What the cluster itself keeps may get fewer replicas. Null when nobody could take the place.
    /// </summary>
    internal static ImmutableArray<NodeId>? WithoutRetired(DirectoryView view, ShardInfo shard)
    {
        var placement = new Placement(view);
        var regions = view.TryGetSpace(shard.Space, out var space) ? space.Options.Regions : null;
        var leaving = shard.Replicas.First(node => NodeRetirement.IsRetired(view, node));
        var staying = shard.Replicas.Remove(leaving);
        int[] chosen = [.. staying.Select(node => Array.FindIndex([.. view.Nodes], info => info.Id == node))];
        var best = placement.Best(chosen, regions);
        return best >= 0 ? staying.Add(view.Nodes[best].Id)
            : (space is null || CoordinatorGrowth.IsOfCluster(space)) && !staying.IsEmpty ? staying : null;
    }

    /// <summary>The replicas of a shard and more of them, on nodes that are there; null when there are not enough.</summary>
    internal static ImmutableArray<NodeId>? Grown(DirectoryView view, ShardInfo shard, int replicas, Func<NodeId, bool> isAlive)
    {
        var placement = new Placement(view);
        var chosen = new List<int>();
        foreach (var node in shard.Replicas)
        {
            chosen.Add(Array.FindIndex([.. view.Nodes], info => info.Id == node));
        }

        while (chosen.Count < replicas)
        {
            var best = placement.Best(CollectionsMarshal.AsSpan(chosen), null, isAlive);
            if (best < 0)
            {
                return null;
            }

            chosen.Add(best);
        }

        return [.. chosen.Select(position => view.Nodes[position].Id)];
    }

    private int Best(ReadOnlySpan<int> chosen, SpaceRegions? regions, Func<NodeId, bool>? isAlive = null)
    {
        var best = -1;
        var bestCost = (int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue);
        for (var i = 0; i < _nodes.Length; i++)
        {
            if (chosen.Contains(i) || _nodes[i].Standing != NodeStanding.Member || isAlive?.Invoke(_nodes[i].Id) == false
                || (regions is not null && InSame(_regions, i, chosen) >= regions.ReplicasMaxIn(_nodes[i].Description.RegionName)))
            {
                continue;
            }

            var cost = (
                InSame(_regions, i, chosen),
                InSame(_zones, i, chosen),
                chosen.IsEmpty ? _leaders[i] : 0,
                _replicas[i],
                (i - (_turn % _nodes.Length) + _nodes.Length) % _nodes.Length);
            if (best < 0 || cost.CompareTo(bestCost) < 0)
            {
                (best, bestCost) = (i, cost);
            }
        }

        return best;
    }

    private static int InSame(int[] groups, int position, ReadOnlySpan<int> chosen)
    {
        var count = 0;
        foreach (var other in chosen)
        {
            count += groups[other] == groups[position] ? 1 : 0;
        }

        return count;
    }

    /// <summary>A number for each node, the same for nodes with the same name of region or zone.</summary>
    private int[] Numbered(Func<NodeDescription, string> nameOf)
    {
        var numbers = new SortedDictionary<string, int>(StringComparer.Ordinal);
        return [.. _nodes.Select(node =>
        {
            var name = nameOf(node.Description);
            if (!numbers.TryGetValue(name, out var number))
            {
                numbers.Add(name, number = numbers.Count);
            }

            return number;
        })];
    }
}
