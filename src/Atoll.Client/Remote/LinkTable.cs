using System.Collections.Immutable;
using Atoll.Foundation.Identity;

namespace Atoll.Client.Remote;

/// <summary>The links of a port, by address and by node. Read without locks: tables are replaced, not changed.</summary>
internal sealed class LinkTable
{
    private readonly Lock _lock = new();
    private readonly RemoteOptions _options;
    private readonly ILinkOwner _owner;
    private ImmutableArray<NodeLink> _all;
    private ImmutableDictionary<NodeId, NodeLink> _byNode = ImmutableDictionary<NodeId, NodeLink>.Empty;
    private ulong _clusterId;
    private int _turn;

    public LinkTable(RemoteOptions options, ILinkOwner owner)
    {
        _options = options;
        _owner = owner;
        _all = [.. options.Nodes.Distinct(StringComparer.Ordinal).Select(address => new NodeLink(address, options, owner))];
    }

    /// <summary>All links.</summary>
    public ImmutableArray<NodeLink> All => _all;

    /// <summary>The link to that address; made when there is none.</summary>
    public NodeLink Ensure(string address, NodeId node = default)
    {
        lock (_lock)
        {
            if (node != NodeId.None && _byNode.TryGetValue(node, out var known)
                && known.State is LinkState.Up or LinkState.Silent)
            {
                return known; // reached under another name: through a seed address, say
            }

            foreach (var link in _all)
            {
                if (string.Equals(link.Address, address, StringComparison.Ordinal))
                {
                    return link;
                }
            }

            var added = new NodeLink(address, _options, _owner);
            _all = _all.Add(added);
            return added;
        }
    }

    /// <summary>The link has learnt which node it leads to; false when that node belongs to another cluster.</summary>
    public bool Identify(NodeLink link)
    {
        lock (_lock)
        {
            _clusterId = _clusterId == 0 ? link.ClusterId : _clusterId;
            if (link.ClusterId != _clusterId)
            {
                return false;
            }

            _byNode = _byNode.SetItem(link.Node, link);
            return true;
        }
    }

    /// <summary>The link to that node if it takes requests, or null.</summary>
    public NodeLink? Of(NodeId node) => _byNode.TryGetValue(node, out var link) ? link : null;

    /// <summary>A link that takes requests, each in turn; null when there is none.</summary>
    public NodeLink? AnyUp()
    {
        var all = _all;
        var turn = (uint)Interlocked.Increment(ref _turn);
        for (var i = 0u; i < all.Length; i++)
        {
            var link = all[(int)((turn + i) % (uint)all.Length)];
            if (link.State == LinkState.Up)
            {
                return link;
            }
        }

        return null;
    }
}
