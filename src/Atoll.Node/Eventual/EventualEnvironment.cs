using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Node.Loops;
using Atoll.Node.Replicas;
using Atoll.Node.Requests;
using Atoll.Node.Routing;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;

namespace Atoll.Node.Eventual;

/// <summary>What the parts of a loop share that serve eventual shards.</summary>
internal sealed class EventualEnvironment
{
    /// <summary>How often a range in which something happens closes what nobody has under way any more.</summary>
    public static readonly Duration CloseInterval = Duration.FromSeconds(5);

    /// <summary>The same, for a range in which nothing happens.</summary>
    public static readonly Duration CloseIntervalIdle = Duration.FromSeconds(60);

    private static readonly Probe Dropped = Probe.Define("eventual: a shard is dropped while something is asked of it");

    private readonly HashSet<ShardId> _whole = [];

    /// <param name="options">The node's options.</param>
    /// <param name="clock">The node's clocks.</param>
    /// <param name="file">What the loop knew before this start.</param>
    /// <param name="outbox">What leaves for other loops.</param>
    /// <param name="router">Where requests are answered.</param>
    /// <param name="directory">The loop's view of the directory.</param>
    /// <param name="liveness">Who is alive.</param>
    public EventualEnvironment(
        NodeOptions options, IClock clock, EventualFile file, PeerOutbox outbox, Router router,
        DirectoryFollower directory, PeerLiveness liveness)
    {
        Options = options;
        Clock = clock;
        Outbox = outbox;
        Router = router;
        Directory = directory;
        Liveness = liveness;
        Local = new LocalRequests(router);
        Stamps = new EventualClock(clock, options.Sabotage);
        File = file;

        // When what was told cannot be read: it lay not further ahead of the clock than this.
        Stamps.Observe(file.IsTrusted ? file.DurableFloor : Stamps.Peek().Add(EventualFile.Ahead));
        Floors = new Floors(options, Stamps, outbox, file);
        file.Saved = Early.Release;
    }

    /// <summary>The node's options.</summary>
    public NodeOptions Options { get; }

    /// <summary>The node's clocks.</summary>
    public IClock Clock { get; }

    /// <summary>The clock that stamps come from.</summary>
    public EventualClock Stamps { get; }

    /// <summary>What everybody says about the writes that are under way.</summary>
    public Floors Floors { get; }

    /// <summary>Writes that wait until the present is durable.</summary>
    public EarlyWrites Early { get; } = new();

    /// <summary>What is known of the loop's eventual shards before any of them is read.</summary>
    public EventualFile File { get; }

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

    /// <summary>Replicas that cannot prove that they have all that they acknowledged: they neither answer reads nor vote.</summary>
    public bool IsRejoining(ShardId shard) => File.IsDurablyRejoining(shard) || (!File.IsTrusted && !_whole.Contains(shard));

    /// <summary>A replica has everything back.</summary>
    public void Rejoined(ShardId shard)
    {
        _whole.Add(shard);
        File.SetRejoining(shard, false);
    }

    /// <summary>Whether this node stands in a region where data of the shard's space may be stored.</summary>
    public bool MayStore(ShardId shard) =>
        !Directory.TryGetShard(shard, out var info) || !Directory.View.TryGetSpace(info!.Space, out var space)
        || space.Options.Allows(Options.Description.RegionName);

    /// <summary>Whether this node keeps data of a shard, and is not taken for dead.</summary>
    public bool IsKept(ShardInfo shard) => shard.Keepers.Contains(Options.Self) && !Memberships.IsGone(Directory.View, Options.Self);

    /// <summary>
    /// Whether what a node says counts. What one that is dead for good has under way nobody waits for: so nothing of it may count, should
    /// it live after all.
    /// </summary>
    public bool IsListenedTo(NodeId node)
    {
        var view = Directory.View;
        if (view.TryGetNode(node, out var info))
        {
            return info.Standing != NodeStanding.Gone;
        }

        if (!view.Nodes.IsEmpty)
        {
            Directory.Refresh(); // removed, or new
        }

        return view.Nodes.IsEmpty;
    }

    /// <summary>
    /// Answers a request whose shard is no more. Its replicas do not: they have gone, and with them what was in their logs.
    /// </summary>
    public void AnswerIfDropped(HeldRequest request, ShardId shard)
    {
        if (request.IsHeld && !Directory.TryGetShard(shard, out _))
        {
            Dropped.Hit();
            Router.Complete(request.Pending, new Response(ResponseStatus.UnknownSpace, Detail: "the space was dropped meanwhile"));
        }
    }

    /// <summary>Whether this loop may count on a node: on itself, always.</summary>
    public bool IsUp(NodeId node) => node == Options.Self || Liveness.IsAlive(node);
}
