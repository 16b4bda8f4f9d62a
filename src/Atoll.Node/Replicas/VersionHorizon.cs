using Atoll.Foundation.Time;
using Atoll.StateMachines;
using Atoll.Storage.Sorted;

namespace Atoll.Node.Replicas;

/// <summary>
/// How long a replica keeps versions that were replaced: for a window of the state's time, so that a backup can read everything as of one
/// time; and longer while somebody goes on reading at an earlier time. While the disk has no room there is no window: only what somebody
/// reads is kept.
/// </summary>
internal sealed class VersionHorizon
{
    /// <summary>Nobody who pages at a time takes longer from one page to the next.</summary>
    internal static readonly Duration PinnedFor = Duration.FromSeconds(5 * 60);

    /// <summary>Times further back are not held, however often they are read: what is replaced must go some day.</summary>
    internal static readonly Duration PinnedBackMax = Duration.FromSeconds(24 * 60 * 60);

    /// <summary>Times held at once: each is a backup under way.</summary>
    internal const int PinsMax = 64;

    private static readonly Duration Interval = Duration.FromSeconds(1);

    private readonly IStateTree _tree;
    private readonly ReplicatedState _state;
    private readonly Duration _window;
    private readonly SortedDictionary<HybridTime, Instant> _pins = [];
    private Instant _nextMove;
    private bool _hasRoom = true;

    /// <summary>The horizon of a replica's tree; moved at once.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="state">Whose time counts.</param>
    /// <param name="window">How long versions are kept; zero: not at all.</param>
    public VersionHorizon(IStateTree tree, ReplicatedState state, Duration window)
    {
        _tree = tree;
        _state = state;
        _window = window;
        Move();
    }

    /// <summary>Somebody reads at that time: what is seen there is kept for a while.</summary>
    public void Pin(HybridTime at, Instant now)
    {
        if (at <= _state.Now && at >= _state.Now.Add(Duration.Zero - PinnedBackMax) && (_pins.Count < PinsMax || _pins.ContainsKey(at)))
        {
            _pins[at] = now + PinnedFor;
            Move();
        }
    }

    /// <summary>Moves on, once in a while.</summary>
    /// <param name="now">The time.</param>
    /// <param name="hasRoom">Whether the disk has room for versions that nobody may ever read.</param>
    public void Tick(Instant now, bool hasRoom)
    {
        if (now < _nextMove && hasRoom == _hasRoom)
        {
            return;
        }

        _hasRoom = hasRoom;
        _nextMove = now + Interval;
        if (_pins.Count > 0)
        {
            var oldest = _state.Now.Add(Duration.Zero - PinnedBackMax);
            foreach (var (at, _) in _pins.Where(pin => pin.Value <= now || pin.Key < oldest).ToArray())
            {
                _pins.Remove(at);
            }
        }

        Move();
    }

    // Of versions up to the horizon only the newest is kept: a read at the horizon itself sees what it should.
    private void Move()
    {
        var horizon = _window > Duration.Zero && _hasRoom ? _state.Now.Add(Duration.Zero - _window) : HybridTime.Max;
        _tree.Horizon = _pins.Count > 0 && _pins.Keys.First() is var pinned && pinned < horizon ? pinned : horizon;
    }
}
