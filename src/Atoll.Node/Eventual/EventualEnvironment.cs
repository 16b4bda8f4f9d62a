using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Node.Loops;
using Atoll.Node.Routing;
using Atoll.StateMachines.Eventual;

namespace Atoll.Node.Eventual;

/// <summary>What the parts of a loop share that serve eventual shards.</summary>
internal sealed class EventualEnvironment
{
    /// <summary>How often a range in which something happens closes what nobody has under way any more.</summary>
    public static readonly Duration CloseInterval = Duration.FromSeconds(5);

    /// <summary>The same, for a range in which nothing happens.</summary>
    public static readonly Duration CloseIntervalIdle = Duration.FromSeconds(60);

    /// <param name="options">The node's options.</param>
    /// <param name="clock">The node's clocks.</param>
    /// <param name="floor">What the loop told before this start.</param>
    /// <param name="isFloorTrusted">False when that cannot be read: it lay not more than so far ahead of the clock.</param>
    /// <param name="outbox">What leaves for other loops.</param>
    /// <param name="router">Where requests are answered.</param>
    /// <param name="directory">The loop's view of the directory.</param>
    /// <param name="liveness">Who is alive.</param>
    public EventualEnvironment(
        NodeOptions options, IClock clock, FloorFile floor, bool isFloorTrusted, PeerOutbox outbox, Router router,
        DirectoryFollower directory, PeerLiveness liveness)
    {
        Options = options;
        Clock = clock;
        Outbox = outbox;
        Router = router;
        Directory = directory;
        Liveness = liveness;
        Local = new LocalRequests(router);
        Stamps = new EventualClock(clock);
        Stamps.Observe(isFloorTrusted ? floor.Durable : Stamps.Peek().Add(FloorFile.Ahead));
        Floors = new Floors(options, Stamps, outbox, floor);
    }

    /// <summary>The node's options.</summary>
    public NodeOptions Options { get; }

    /// <summary>The node's clocks.</summary>
    public IClock Clock { get; }

    /// <summary>The clock that stamps come from.</summary>
    public EventualClock Stamps { get; }

    /// <summary>What everybody says about the writes that are under way.</summary>
    public Floors Floors { get; }

    /// <summary>The loop's own replicas.</summary>
    public LocalRequests Local { get; }

    /// <summary>What leaves for other loops.</summary>
    public PeerOutbox Outbox { get; }

    /// <summary>Where requests are answered.</summary>
    public Router Router { get; }

    /// <summary>The loop's view of the directory.</summary>
    public DirectoryFollower Directory { get; }

    /// <summary>Who is alive.</summary>
    public PeerLiveness Liveness { get; }

    /// <summary>How versions of rows merge.</summary>
    public RowsVersionData Data { get; } = new();

    /// <summary>Whether this loop may count on a node: on itself, always.</summary>
    public bool IsUp(NodeId node) => node == Options.Self || Liveness.IsAlive(node);
}
