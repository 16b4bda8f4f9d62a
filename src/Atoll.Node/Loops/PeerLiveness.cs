using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Node.Loops;

/// <summary>
/// Who was heard of lately. Heartbeats of busy groups say so by themselves; pings say so when all groups that two nodes
/// share are asleep, so that the death of a node wakes the groups that it led.
/// </summary>
public sealed class PeerLiveness
{
    private readonly SortedDictionary<NodeId, Peer> _peers = [];
    private readonly Duration _silence;

    /// <summary>Peers are taken for dead after that much silence.</summary>
    public PeerLiveness(Duration silence) => _silence = silence;

    /// <summary>The peers known, in order.</summary>
    public IReadOnlyCollection<NodeId> Peers => _peers.Keys;

    /// <summary>Starts to follow a peer, with the benefit of the doubt.</summary>
    public void Add(NodeId peer, Instant now)
    {
        if (!_peers.ContainsKey(peer))
        {
            _peers[peer] = new Peer { LastHeard = now, AliveSince = now, IsAlive = true };
        }
    }

    /// <summary>Forgets a peer.</summary>
    public void Remove(NodeId peer) => _peers.Remove(peer);

    /// <summary>A message of the peer has come.</summary>
    public void Heard(NodeId peer, Instant now)
    {
        if (!_peers.TryGetValue(peer, out var state))
        {
            return;
        }

        state.LastHeard = now;
        if (!state.IsAlive)
        {
            state.IsAlive = true;
            state.AliveSince = now;
        }
    }

    /// <summary>Looks for peers that have fallen silent; returns those that did since the last look.</summary>
    public IReadOnlyList<NodeId> Tick(Instant now)
    {
        List<NodeId>? dead = null;
        foreach (var (node, state) in _peers)
        {
            if (state.IsAlive && now - state.LastHeard >= _silence)
            {
                state.IsAlive = false;
                (dead ??= []).Add(node);
            }
        }

        return dead ?? (IReadOnlyList<NodeId>)[];
    }

    /// <summary>Whether the peer was heard of lately; unknown peers were not.</summary>
    public bool IsAlive(NodeId peer) => _peers.TryGetValue(peer, out var state) && state.IsAlive;

    /// <summary>How long the peer has been alive without a break; zero when it is not.</summary>
    public Duration AliveFor(NodeId peer, Instant now) =>
        _peers.TryGetValue(peer, out var state) && state.IsAlive ? now - state.AliveSince : Duration.Zero;

    /// <summary>How long ago the peer was heard; infinite for unknown peers.</summary>
    public Duration SilentFor(NodeId peer, Instant now) =>
        _peers.TryGetValue(peer, out var state) ? now - state.LastHeard : Duration.Infinite;

    private sealed class Peer
    {
        public Instant LastHeard { get; set; }

        public Instant AliveSince { get; set; }

        public bool IsAlive { get; set; }
    }
}
