using System.Collections.Concurrent;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.StateMachines.Directory;

namespace Atoll.Client.Remote;

/// <summary>Where requests should go: the directory as last seen, and the leaders that answers have named.</summary>
internal sealed class RouteTable
{
    private readonly ConcurrentDictionary<ShardId, NodeId> _leaders = new();
    private DirectoryView _view = DirectoryView.Empty;

    /// <summary>The version of the directory that is known; zero for none.</summary>
    public HybridTime Version => _view.Version;

    /// <summary>A view has come; false when it is no news.</summary>
    public bool Update(DirectoryView view)
    {
        if (view.ClusterId == 0 || (view.Version <= _view.Version && _view.ClusterId == view.ClusterId))
        {
            return false;
        }

        _view = view;
        foreach (var shard in _leaders.Keys)
        {
            if (!view.TryGetShard(shard, out _))
            {
                _leaders.TryRemove(shard, out _);
            }
        }

        return true;
    }

    /// <summary>An answer named a leader.</summary>
    public void SetLeader(ShardId shard, NodeId leader)
    {
        if (!_leaders.TryGetValue(shard, out var known) || known != leader)
        {
            _leaders[shard] = leader;
        }
    }

    /// <summary>
    /// A node gave no answer, or only that it knows none. It may be cut off from the others while this client still reaches it, and would
    /// never say so: the next request of that shard asks another replica, which names the leader.
    /// </summary>
    public void Avoid(Request request, NodeId node)
    {
        if (ShardOf(request) is { } shard && LeaderOf(shard) == node)
        {
            _leaders[shard.Id] = shard.Replicas[(shard.Replicas.IndexOf(node) + 1) % shard.Replicas.Length];
        }
    }

    /// <summary>The link that a request should take; null when every link is as good.</summary>
    public NodeLink? Choose(Request request, LinkTable links)
    {
        if (request.Kind is RequestKind.DirectoryView or RequestKind.Status || ShardOf(request) is not { } shard)
        {
            return null;
        }

        if (request.Kind == RequestKind.Read && request.Level != ReadLevel.Linearizable)
        {
            return Nearest(shard, links);
        }

        return links.Of(LeaderOf(shard));
    }

    private ShardInfo? ShardOf(Request request)
    {
        var view = _view;
        ShardInfo? shard;
        var known = request.Shard != ShardId.None
            ? view.TryGetShard(request.Shard, out shard)
            : view.TryGetShard(request.Space, request.RoutingHash, out shard);
        return known ? shard : null;
    }

    private NodeId LeaderOf(ShardInfo shard) => _leaders.TryGetValue(shard.Id, out var hinted) ? hinted : shard.PreferredLeader;

    private static NodeLink? Nearest(ShardInfo shard, LinkTable links)
    {
        NodeLink? nearest = null;
        foreach (var replica in shard.Replicas)
        {
            if (links.Of(replica) is { State: LinkState.Up } link && (nearest is null || IsBetter(link, nearest)))
            {
                nearest = link;
            }
        }

        return nearest;
    }

    // Round trips within a factor of two are the same distance: then the less busy one is better.
    private static bool IsBetter(NodeLink a, NodeLink b) =>
        a.RoundTrip < b.RoundTrip / 2 || (a.RoundTrip < b.RoundTrip * 2 && a.InFlight < b.InFlight);
}
