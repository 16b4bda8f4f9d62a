using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Node;
using Atoll.Node.Loops;
using Atoll.Node.Requests;
using Atoll.Simulation.Networks;
using Atoll.Simulation.World;

namespace Atoll.Simulation.Clusters;

/// <summary>
/// One life of one loop, driven by the scheduler as a thread drives it in Live: events, ticks, and the end of each batch.
/// </summary>
internal sealed class SimLoop : INetworkEvents, ISimEventTarget
{
    private readonly SimCluster _cluster;
    private readonly SimNode _node;
    private readonly Prng _prng;
    private bool _isFlushDue;

    public SimLoop(SimCluster cluster, SimNode node, NodeOptions options, Prng prng)
    {
        _cluster = cluster;
        _node = node;
        _prng = prng;
        Incarnation = new LoopIncarnation(new LoopAddress(node.Id, options.Loop), AfterEvent);
        Endpoint = cluster.Network.Attach(Incarnation, node.Address);
        Endpoint.Events = this;
        Loop = new NodeLoop(
            options,
            node.Clock,
            Endpoint,
            node.Disk(options.Loop).Mount(Incarnation),
            prng.Fork(),
            new SimLogger(cluster.Log, cluster.Scheduler, node.Id, options.Loop),
            cluster.Checker);
        Loop.Faulted = why => node.LoopFaulted(options.Loop, why);
    }

    public LoopIncarnation Incarnation { get; }

    public SimEndpoint Endpoint { get; }

    public NodeLoop Loop { get; }

    public void Start()
    {
        Loop.Start();
        AfterEvent();
        ScheduleTick();
    }

    public void Submit(Request request, IResponseSink sink)
    {
        Loop.Submit(request, sink);
        Incarnation.Delivered();
    }

    public void MessageReceived(LoopAddress from, Lane lane, ReadOnlyMemory<byte> message) => Loop.MessageReceived(from, lane, message);

    public void LinkUp(NodeId peer, Lane lane) => Loop.LinkUp(peer, lane);

    public void LinkDown(NodeId peer, Lane lane) => Loop.LinkDown(peer, lane);

    public void Run(in SimEvent happening)
    {
        if (Incarnation.Withholds(_cluster.Scheduler, this, happening))
        {
            return;
        }

        if (happening.Kind == SimEventKind.Tick)
        {
            Loop.Tick();
            AfterEvent();
            ScheduleTick();
        }
        else
        {
            _isFlushDue = false;
            Loop.FlushBatch();
        }
    }

    // A real loop takes all events that wait and ends the batch then; how many that are is a matter of luck.
    private void AfterEvent()
    {
        if (!_isFlushDue)
        {
            _isFlushDue = true;
            Schedule(SimEventKind.Flush, _cluster.Scheduler.Now + _prng.NextDuration(Duration.Zero, _cluster.Shape.BatchTimeMax));
        }
    }

    private void ScheduleTick() =>
        Schedule(SimEventKind.Tick, _node.Clock.TrueTimeOf(_node.Clock.Now + _cluster.Shape.TickInterval));

    private void Schedule(SimEventKind kind, Instant at) =>
        _cluster.Scheduler.Schedule(at, this, new SimEvent(kind, _node.Id.Value, Incarnation.Address.Loop, 0, null));
}
