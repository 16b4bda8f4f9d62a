using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Simulation.World;

namespace Atoll.Simulation.Networks;

/// <summary>
/// The network between all simulated nodes. Every loop attaches with an endpoint of its own. A connection leads from a loop to a node, for
/// each lane; it must be established before it carries messages, and its death is noticed late, or at once when the other process died on
/// a machine that lives. Each direction of a link can be cut or slowed by itself.
/// </summary>
public sealed class SimNetwork
{
    private readonly SortedDictionary<NodeId, SimNetworkNode> _nodes = [];
    private readonly HashSet<(NodeId From, NodeId To)> _cuts = [];
    private readonly Dictionary<(NodeId From, NodeId To), Duration> _slow = [];
    private readonly Stack<MessageInFlight> _pool = new();
    private readonly FaultLedger _ledger;

    /// <summary>A network without nodes.</summary>
    public SimNetwork(Scheduler scheduler, Prng prng, NetworkFaults? faults = null, FaultLedger? ledger = null)
    {
        Scheduler = scheduler;
        Prng = prng;
        Faults = faults ?? new NetworkFaults();
        _ledger = ledger ?? new FaultLedger();
    }

    /// <summary>How the network behaves from now on.</summary>
    public NetworkFaults Faults { get; }

    /// <summary>Sees every message between different nodes; null for none.</summary>
    public IMessageInterceptor? Interceptor { get; set; }

    /// <summary>Messages delivered so far, those between loops of one node included.</summary>
    public long MessagesDelivered { get; internal set; }

    internal Scheduler Scheduler { get; }

    internal Prng Prng { get; }

    /// <summary>
    /// Connects a loop. All loops of one node share its address. The endpoint's <see cref="SimEndpoint.Events"/> must be set before
    /// anything else happens.
    /// </summary>
    public SimEndpoint Attach(LoopIncarnation loop, string address)
    {
        if (!_nodes.TryGetValue(loop.Address.Node, out var node))
        {
            _nodes[loop.Address.Node] = node = new SimNetworkNode(loop.Address.Node);
        }

        Check.That(!node.Loops.ContainsKey(loop.Address.Loop));
        Check.That(_nodes.Values.All(other => other.Id == node.Id || other.Address != address || other.Loops.Count == 0));
        if (node.Loops.Count == 0)
        {
            node.Start++;
        }

        node.Address = address;
        var endpoint = new SimEndpoint(this, loop, node);
        node.Loops.Add(loop.Address.Loop, endpoint);
        return endpoint;
    }

    /// <summary>A node is no more, with all its loops, which must be dead.</summary>
    /// <param name="id">Which node.</param>
    /// <param name="silently">True when the machine is gone, so that nobody tells the others; false when only the process is.</param>
    public void Detach(NodeId id, bool silently)
    {
        if (!_nodes.TryGetValue(id, out var node))
        {
            return;
        }

        Check.That(node.Loops.Values.All(endpoint => !endpoint.Loop.IsAlive));
        node.Loops.Clear();
        foreach (var endpoint in Endpoints())
        {
            endpoint.LosesNode(id, silently);
        }
    }

    /// <summary>Nothing gets from one node to the other any more; the other direction is as before.</summary>
    public void CutOneWay(NodeId from, NodeId to)
    {
        if (_cuts.Add((from, to)))
        {
            _ledger.Count(FaultKind.LinkCut);
            Scheduler.Trace.Record(Scheduler.Now, SimEventKind.Fault, from.Value, to.Value, (ulong)FaultKind.LinkCut);
            foreach (var endpoint in _nodes.GetValueOrDefault(from)?.Loops.Values ?? Enumerable.Empty<SimEndpoint>())
            {
                endpoint.LosesNode(to, silently: true);
            }
        }
    }

    /// <summary>Nothing gets from one node to the other, nor back.</summary>
    public void Cut(NodeId a, NodeId b)
    {
        CutOneWay(a, b);
        CutOneWay(b, a);
    }

    /// <summary>Both directions carry again.</summary>
    public void Heal(NodeId a, NodeId b)
    {
        _cuts.Remove((a, b));
        _cuts.Remove((b, a));
        _slow.Remove((a, b));
        _slow.Remove((b, a));
    }

    /// <summary>All links carry again, at full speed.</summary>
    public void HealAll()
    {
        _cuts.Clear();
        _slow.Clear();
    }

    /// <summary>Cuts every link between a node of the group and a node outside.</summary>
    public void Isolate(IReadOnlyCollection<NodeId> group, IReadOnlyCollection<NodeId> everybody)
    {
        _ledger.Count(FaultKind.Partition);
        foreach (var inside in group)
        {
            foreach (var outside in everybody.Where(node => !group.Contains(node)))
            {
                Cut(inside, outside);
            }
        }
    }

    /// <summary>Everything on the way from one node to the other takes that much longer.</summary>
    public void SlowDown(NodeId from, NodeId to, Duration by)
    {
        _ledger.Count(FaultKind.LinkSlowed);
        _slow[(from, to)] = by;
    }

    /// <summary>True when nothing gets from one node to the other.</summary>
    public bool IsCut(NodeId from, NodeId to) => _cuts.Contains((from, to));

    internal SimNetworkNode? NodeAt(string address) =>
        _nodes.Values.FirstOrDefault(node => node.Address == address && node.Loops.Count > 0);

    internal SimEndpoint? EndpointAt(LoopAddress address) =>
        _nodes.TryGetValue(address.Node, out var node) ? node.Loops.GetValueOrDefault(address.Loop) : null;

    internal int StartOf(NodeId id) => _nodes.TryGetValue(id, out var node) && node.Loops.Count > 0 ? node.Start : -1;

    internal Duration DrawLatency(NodeId from, NodeId to)
    {
        var latency = Prng.NextDuration(Faults.LatencyMin, Faults.LatencyMax);
        if (Strikes(Faults.TailPartsPerMillion, FaultKind.MessageDelayed))
        {
            latency = Prng.NextDuration(Faults.LatencyMax, Duration.FromMilliseconds(
                Math.Max(Faults.LatencyMax.Milliseconds + 1, Faults.TailLatencyMax.Milliseconds)));
        }

        return _slow.Count > 0 && _slow.TryGetValue((from, to), out var more) ? latency + more : latency;
    }

    internal bool Strikes(int partsPerMillion, FaultKind kind)
    {
        if (partsPerMillion <= 0 || !Prng.Chance(partsPerMillion))
        {
            return false;
        }

        _ledger.Count(kind);
        return true;
    }

    internal void CountFault(FaultKind kind) => _ledger.Count(kind);

    internal MessageInFlight TakeFromPool() => _pool.Count > 0 ? _pool.Pop() : new MessageInFlight(this);

    internal void GiveBack(MessageInFlight message) => _pool.Push(message);

    private List<SimEndpoint> Endpoints() => [.. _nodes.Values.SelectMany(node => node.Loops.Values)];
}

/// <summary>A node as the network knows it.</summary>
internal sealed class SimNetworkNode(NodeId id)
{
    public NodeId Id { get; } = id;

    public string Address { get; set; } = "";

    // Counts the node's lives: a connection to an earlier one is dead.
    public int Start { get; set; }

    public SortedDictionary<byte, SimEndpoint> Loops { get; } = [];
}
