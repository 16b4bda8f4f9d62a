using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Node;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Networks;
using Atoll.Simulation.World;
using Atoll.StateMachines.Directory;

namespace Atoll.Simulation.Clusters;

/// <summary>
/// A whole cluster in the simulated world: real nodes, simulated machines, and checkers that watch from outside. A scenario does things
/// to it and lets time pass; a failed check is thrown where time passes.
/// </summary>
public sealed class SimCluster
{
    private readonly List<SimNode> _nodes = [];
    private readonly Prng _prng;
    private readonly ulong _clusterId;
    private bool _isJoining;

    /// <summary>A cluster whose machines stand there, switched off.</summary>
    /// <param name="seed">Draws everything that happens.</param>
    /// <param name="shape">What it is made of.</param>
    /// <param name="trace">Records the events; null for a fresh one.</param>
    public SimCluster(ulong seed, ClusterShape? shape = null, EventTrace? trace = null)
    {
        Shape = shape ?? new ClusterShape();
        _prng = new Prng(seed);
        Scheduler = new Scheduler(trace);
        Network = new SimNetwork(Scheduler, _prng.Fork(), new NetworkFaults(), Ledger);
        ClientNetwork = new ClientNetwork(this, _prng.Fork());
        Checker = new ClusterChecker(this);
        _clusterId = _prng.NextUInt64() | 1;
        for (var i = 1; i <= Shape.Nodes; i++)
        {
            _nodes.Add(new SimNode(this, new NodeId((uint)i), _prng.Fork()));
        }
    }

    /// <summary>What it is made of.</summary>
    public ClusterShape Shape { get; }

    /// <summary>Virtual time.</summary>
    public Scheduler Scheduler { get; }

    /// <summary>The network between the nodes.</summary>
    public SimNetwork Network { get; }

    /// <summary>The network between clients and nodes.</summary>
    public ClientNetwork ClientNetwork { get; }

    /// <summary>Faults injected so far.</summary>
    public FaultLedger Ledger { get; } = new();

    /// <summary>What the nodes said and what was done to them.</summary>
    public SimLog Log { get; } = new();

    /// <summary>The latest that any clock showed when the last fault was mended; zero before that.</summary>
    internal HybridTime MendedAt { get; private set; }

    /// <summary>Watches the replicas.</summary>
    public ClusterChecker Checker { get; }

    /// <summary>All machines, by number.</summary>
    public IReadOnlyList<SimNode> Nodes => _nodes;

    /// <summary>The newest view of the directory that any running node has.</summary>
    public DirectoryView Directory =>
        _nodes.Select(node => node.Loop()?.Directory ?? DirectoryView.Empty).MaxBy(view => view.Version.Value)!;

    /// <summary>The machine with that number, from 1.</summary>
    public SimNode Node(int number) => _nodes[number - 1];

    /// <summary>Nothing gets from one node to the other, nor back.</summary>
    public void Cut(int a, int b)
    {
        Say(new NodeId((uint)a), $"is cut off from n{b}");
        Network.Cut(new NodeId((uint)a), new NodeId((uint)b));
    }

    /// <summary>Nothing gets from one node to the other; the other way is open.</summary>
    public void CutOneWay(int from, int to)
    {
        Say(new NodeId((uint)from), $"does not reach n{to}");
        Network.CutOneWay(new NodeId((uint)from), new NodeId((uint)to));
    }

    /// <summary>Cuts the nodes of the group off from all others.</summary>
    public void Isolate(params int[] group)
    {
        Say(NodeId.None, $"partition: {string.Join(' ', group)} against the rest");
        Network.Isolate([.. group.Select(number => new NodeId((uint)number))], [.. _nodes.Select(node => node.Id)]);
    }

    /// <summary>All links carry again.</summary>
    public void Heal()
    {
        Say(NodeId.None, "all links are mended");
        Network.HealAll();
    }

    /// <summary>Says that nothing goes wrong any more.</summary>
    internal void Mended() =>
        MendedAt = HybridTime.FromUnixMilliseconds(_nodes.Select(node => node.Clock.WallTime.Milliseconds).DefaultIfEmpty(0).Max());

    /// <summary>Lets time pass.</summary>
    public void Run(Duration duration) => Scheduler.RunFor(duration);

    /// <summary>Lets time pass until the condition holds; false when it did not within that time.</summary>
    public bool RunUntil(Func<bool> condition, Duration atMost) => Scheduler.RunUntil(condition, atMost);

    /// <summary>A client with clocks and an identity of its own.</summary>
    public SimClient NewClient() => new(this, _prng.Fork());

    /// <summary>A client of one space's records, for scenarios.</summary>
    public ScenarioClient NewClient(SpaceId space) => new(NewClient(), space);

    /// <summary>Starts the founders, initialises the cluster, and lets the other nodes join.</summary>
    public void Start()
    {
        var founders = Founders();
        foreach (var founder in founders)
        {
            founder.Start();
        }

        var client = NewClient();
        var writer = new WireWriter();
        DirectoryCommand.WriteInitCluster(
            writer,
            _clusterId,
            [.. founders.Select(node => new NodeInfo(node.Id, node.Description))],
            [.. founders.Select(node => node.Id)]);
        Administer(client, writer);
        foreach (var node in _nodes.Skip(founders.Length))
        {
            Join(client, node);
        }

        Check.That(RunUntil(() => _nodes.TrueForAll(node => node.IsReady), Duration.FromSeconds(60)));
    }

    /// <summary>A new machine joins the running cluster.</summary>
    public SimNode AddNode()
    {
        var node = new SimNode(this, new NodeId((uint)_nodes.Count + 1), _prng.Fork());
        _nodes.Add(node);
        Join(NewClient(), node);
        return node;
    }

    /// <summary>A new machine joins the running cluster when it can; it may take until the directory answers.</summary>
    /// <param name="prepare">Called with the machine before it starts.</param>
    public void BeginToAddNode(Action<SimNode> prepare)
    {
        if (_isJoining)
        {
            return;
        }

        // One at a time: the directory gives the numbers out in the order of registration.
        _isJoining = true;
        var node = new SimNode(this, new NodeId((uint)_nodes.Count + 1), _prng.Fork());
        prepare(node);
        var writer = new WireWriter();
        DirectoryCommand.WriteRegisterNode(writer, node.Description);
        Register(NewClient());

        void Register(SimClient client) => client.Call(
            new Request { Kind = RequestKind.Write, Shard = ShardId.Directory, Payload = writer.ToArray() },
            result =>
            {
                if (result.Response.Status != ResponseStatus.Ok)
                {
                    Register(client);
                    return;
                }

                Check.That(DirectoryResult.TryRead(result.Response.Body, out var registered));
                Check.That(registered.Status == DirectoryStatus.Ok && registered.Id == node.Id.Value);
                _isJoining = false;
                _nodes.Add(node);
                node.Start();
            });
    }

    /// <summary>Creates a space: of records, and strong, unless said otherwise.</summary>
    public SpaceId CreateSpace(
        string name, int replicas = 3, int shards = 1, SpaceKind kind = SpaceKind.Records, FaultModel faultModel = FaultModel.Strong) =>
        CreateSpace(new SpaceOptions(name, faultModel, replicas, ShardCount: shards, Kind: kind));

    /// <summary>Creates a space.</summary>
    public SpaceId CreateSpace(SpaceOptions options)
    {
        var writer = new WireWriter();
        DirectoryCommand.WriteCreateSpace(writer, options);
        var space = new SpaceId(Administer(NewClient(), writer).Id);
        Check.That(RunUntil(() => Directory.TryGetSpace(space, out _), Duration.FromSeconds(30)));
        return space;
    }

    /// <summary>Sends a command to the directory and waits for its success.</summary>
    public DirectoryResult Administer(SimClient client, WireWriter command)
    {
        var answer = client.CallAndWait(new Request
        {
            Kind = RequestKind.Write,
            Shard = ShardId.Directory,
            Payload = command.ToArray(),
        });
        Check.That(answer.Response.Status == ResponseStatus.Ok);
        Check.That(DirectoryResult.TryRead(answer.Response.Body, out var result));
        Check.That(result.Status == DirectoryStatus.Ok);
        return result;
    }

    internal NodeOptions OptionsFor(SimNode node, byte loop)
    {
        // Who joins is told of all members, as EmbeddedNode does: the founders may be gone by then.
        var founders = Founders();
        var isFounder = founders.Contains(node);
        var known = isFounder || Directory.Nodes.IsEmpty
            ? [.. founders.Select(founder => new NodeInfo(founder.Id, founder.Description))]
            : Directory.Nodes;
        return new NodeOptions
        {
            ClusterId = _clusterId,
            Self = node.Id,
            Description = node.Description,
            Loop = loop,
            LoopCount = (byte)Shape.LoopsPerNode,
            Members = known,
            IsFounder = isFounder,
            ElectionTimeout = Shape.ElectionTimeout,
            HeartbeatInterval = Shape.HeartbeatInterval,
            QuiesceAfter = Shape.QuiesceAfter,
            LeaseReads = Shape.LeaseReads,
            LeaseClockDriftBound = Shape.LeaseClockDriftBound,
            SnapshotAfterLogBytes = Shape.SnapshotAfterLogBytes,
            LogEntriesKept = Shape.LogEntriesKept,
            SegmentBytes = Shape.SegmentBytes,
            Store = Shape.Store,
            ScrubBytesPerSecondMin = Shape.ScrubBytesPerSecondMin,
            RequestsInFlightMax = Shape.RequestsInFlightMax,
            ProposalsPendingMax = Shape.ProposalsPendingMax,
            DirectoryReplicas = Shape.DirectoryReplicas,
            Sabotage = Shape.Sabotage,
        };
    }

    internal void Say(NodeId node, string what)
    {
        Log.Say(Scheduler.Now, node == NodeId.None ? "world" : $"n{node.Value}", what);
        Scheduler.Trace.Record(Scheduler.Now, SimEventKind.Fault, node.Value, what.Length, 0);
    }

    private ImmutableArray<SimNode> Founders() => [.. _nodes.Take(Shape.Founders)];

    private void Join(SimClient client, SimNode node)
    {
        var writer = new WireWriter();
        DirectoryCommand.WriteRegisterNode(writer, node.Description);
        Check.That(Administer(client, writer).Id == node.Id.Value);
        node.Start();
    }
}
