using System.Collections.Immutable;
using System.Globalization;
using Atoll.Foundation.Identity;
using Atoll.StateMachines.Directory;

namespace Atoll.Gateways.Cql.Topology;

/// <summary>
/// The tokens that drivers are told to send their statements by: a token's range (from the token before it, itself included) belongs to
/// the node that should lead the shard of that range. Atoll places each table's shards by itself, and a driver knows one ring for all
/// tables: the ring is that of the table with the most shards. A statement that comes to another node is served all the same, over one
/// more hop.
/// </summary>
public static class TokenRing
{
    private const int TokensPerNodeWithoutTables = 16;
    private const ulong SignBit = 1UL << 63;

    /// <summary>The tokens of each node, in decimal, by number; every node has at least one.</summary>
    public static ImmutableSortedDictionary<NodeId, ImmutableArray<string>> Of(DirectoryView view)
    {
        var tokens = new SortedDictionary<long, NodeId>();
        if (view.Nodes.IsEmpty)
        {
            return ImmutableSortedDictionary<NodeId, ImmutableArray<string>>.Empty;
        }

        foreach (var shard in ShardsOfWidestTable(view))
        {
            tokens.TryAdd(TokenOf(shard.HashHigh), shard.PreferredLeader);
        }

        var without = view.Nodes.Where(node => !tokens.ContainsValue(node.Id)).ToArray();
        var count = tokens.Count == 0 ? TokensPerNodeWithoutTables : 1;
        for (var i = 0; i < count * without.Length; i++)
        {
            // Spread evenly; where a token is taken, the next one.
            var step = ulong.MaxValue / (ulong)(count * without.Length);
            var token = TokenOf(step * (ulong)(i + 1));
            while (!tokens.TryAdd(token, without[i % without.Length].Id))
            {
                token = unchecked(token + 1);
            }
        }

        return tokens.GroupBy(pair => pair.Value).ToImmutableSortedDictionary(
            node => node.Key, node => node.Select(pair => pair.Key.ToString(CultureInfo.InvariantCulture)).ToImmutableArray());
    }

    private static ReadOnlySpan<ShardInfo> ShardsOfWidestTable(DirectoryView view)
    {
        ReadOnlySpan<ShardInfo> widest = [];
        foreach (var space in view.Spaces.Where(space => space.Name.Contains('.', StringComparison.Ordinal)))
        {
            var shards = view.ShardsOf(space.Id);
            widest = shards.Length > widest.Length ? shards : widest;
        }

        return widest;
    }

    /// <summary>The token of a routing hash: the hash with its sign bit flipped, so that both have one order.</summary>
    private static long TokenOf(ulong hash) => unchecked((long)(hash ^ SignBit));
}
