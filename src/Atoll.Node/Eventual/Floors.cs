using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Kernel.Eventual;
using Atoll.Node.Routing;
using Atoll.StateMachines.Directory;

namespace Atoll.Node.Eventual;

/// <summary>
/// What every loop of every node says about the writes that it has under way, and the least of it: behind that no write is to be expected
/// from anywhere (docs/eventual.md, "When a tombstone may go").
/// </summary>
internal sealed class Floors
{
    // For so long a time has been reached before it becomes the floor: a decree of Paxos that is older than what was told is refused, and
    // takes a moment. By the node's own pace, because hybrid time stands still while it is ahead of every clock.
    private static readonly Duration Lag = Duration.FromSeconds(3);

    private readonly NodeOptions _options;
    private readonly EventualClock _clock;
    private readonly PeerOutbox _outbox;
    private readonly EventualFile _file;

    // By the number of the loop on its node.
    private readonly List<CoordinationFloors> _told = [];
    private readonly Dictionary<LoopAddress, HybridTime> _known = [];
    private HybridTime _own;

    // What the clock that stamps come from said, and when, oldest first; of what is old enough to be a floor only the newest.
    private readonly Queue<(Instant At, HybridTime Time)> _reached = [];

    public Floors(NodeOptions options, EventualClock clock, PeerOutbox outbox, EventualFile file)
    {
        _options = options;
        _clock = clock;
        _outbox = outbox;
        _file = file;
    }

    /// <summary>What this loop has told.</summary>
    public HybridTime Own => _own;

    /// <summary>
    /// Whether this loop would know the present again if it were started now: only then is anything taken that may lie in it. Data of a
    /// time that was just heard of, hours ahead, would else be shown after a power cut, and hide what is written then.
    /// </summary>
    public bool IsPresentDurable()
    {
        var time = _clock.Peek();
        if (time <= _file.DurableFloor)
        {
            return true;
        }

        _file.SaveFloor(time.Add(EventualFile.Ahead));
        return false;
    }

    /// <summary>Moves this loop's floor on and tells it to every loop of the cluster.</summary>
    /// <param name="view">The cluster.</param>
    /// <param name="earliestUnderWay">The earliest stamp of what this loop has under way; Max for nothing.</param>
    /// <param name="now">The time by the node's own pace.</param>
    public void Tell(DirectoryView view, HybridTime earliestUnderWay, Instant now)
    {
        // It is an event: no stamp that is given from now on is as early, whatever becomes of the machine's clock.
        var time = _clock.Peek();
        _clock.Observe(time);
        if (_file.DurableFloor < time.Add(EventualFile.Ahead / 2))
        {
            _file.SaveFloor(time.Add(EventualFile.Ahead));
        }

        var floor = CoordinationFloors.Of(ReachedBefore(time, now), earliestUnderWay);
        floor = floor < _file.DurableFloor ? floor : _file.DurableFloor;
        _own = floor > _own ? floor : _own;
        foreach (var node in view.Nodes)
        {
            for (byte loop = 0; loop < node.Description.Loops; loop++)
            {
                var to = new LoopAddress(node.Id, loop);
                if (node.Id == _options.Self && loop == _options.Loop)
                {
                    Told(to, _own);
                    continue;
                }

                _outbox.Begin(to, Lane.Urgent, PeerMessageKind.Floor, out var position).WriteUInt64(_own.Value);
                _outbox.End(to, Lane.Urgent, position);
            }
        }
    }

    /// <summary>Tells every loop by which version of the directory this one coordinates.</summary>
    /// <param name="view">The newest view.</param>
    /// <param name="earliest">The oldest version by which a request is under way here.</param>
    public void TellKnown(DirectoryView view, HybridTime earliest)
    {
        var version = earliest < view.Version ? earliest : view.Version;
        foreach (var node in view.Nodes)
        {
            for (byte loop = 0; loop < node.Description.Loops; loop++)
            {
                var to = new LoopAddress(node.Id, loop);
                if (node.Id == _options.Self && loop == _options.Loop)
                {
                    Known(to, version);
                    continue;
                }

                var frame = _outbox.Begin(to, Lane.Urgent, PeerMessageKind.Known, out var position);
                frame.WriteUInt64(version.Value);
                frame.WriteUInt64(_clock.Peek().Value);
                _outbox.End(to, Lane.Urgent, position);
            }
        }
    }

    /// <summary>A loop told by which version of the directory it coordinates.</summary>
    public void Known(LoopAddress from, HybridTime version)
    {
        if (version > _known.GetValueOrDefault(from))
        {
            _known[from] = version;
        }
    }

    /// <summary>The least version by which any loop coordinates that is not dead for good; zero while one of them has told none.</summary>
    public HybridTime LeastKnown(DirectoryView view)
    {
        var least = view.Version;
        foreach (var node in view.Nodes)
        {
            for (byte loop = 0; loop < node.Description.Loops && node.Standing != NodeStanding.Gone; loop++)
            {
                var known = _known.GetValueOrDefault(new LoopAddress(node.Id, loop));
                least = known < least ? known : least;
            }
        }

        return least;
    }

    // The first time behind what the clock had reached when the lag began; zero when nobody looked then.
    private HybridTime ReachedBefore(HybridTime time, Instant now)
    {
        _reached.Enqueue((now, time));
        var old = HybridTime.Zero;
        while (_reached.TryPeek(out var reached) && reached.At <= now - Lag)
        {
            old = new HybridTime(reached.Time.Value + 1);
            _reached.Dequeue();
        }

        return old;
    }

    /// <summary>A loop told its floor.</summary>
    public void Told(LoopAddress from, HybridTime floor)
    {
        while (_told.Count <= from.Loop)
        {
            _told.Add(new CoordinationFloors());
        }

        _told[from.Loop].Told(from.Node, floor);
    }

    /// <summary>The least floor of all loops of all nodes; zero while one of them has told none.</summary>
    public HybridTime Least(DirectoryView view)
    {
        var least = view.Nodes.IsEmpty ? HybridTime.Zero : HybridTime.Max;
        for (var loop = 0; ; loop++)
        {
            var nodes = view.Nodes
                .Where(node => node.Description.Loops > loop && node.Standing != NodeStanding.Gone).Select(node => node.Id).ToArray();
            if (nodes.Length == 0)
            {
                return least == HybridTime.Max ? HybridTime.Zero : least;
            }

            var ofLoop = loop < _told.Count ? _told[loop].Least([.. nodes]) : HybridTime.Zero;
            least = ofLoop < least ? ofLoop : least;
        }
    }
}
