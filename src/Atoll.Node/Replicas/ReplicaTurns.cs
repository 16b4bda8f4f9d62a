using Atoll.Foundation.Time;

namespace Atoll.Node.Replicas;

/// <summary>
/// Which of a loop's replicas time passes for, and when. Those with something under way are awake, and looked at all the time; those that
/// rest take turns, so that each has one within a <see cref="Round"/>. Of ten thousand replicas nearly all rest: to look at each of them a
/// hundred times a second takes a third of a processor, although none does anything, and once a second still a twentieth.
/// </summary>
internal sealed class ReplicaTurns
{
    /// <summary>So many have a turn in a second, if there are more.</summary>
    private const int TurnsPerSecond = 2_500;

    private static readonly Duration ShortestRound = Duration.FromSeconds(1);

    private static readonly Comparison<ShardReplica> ByShard = static (a, b) => a.Shard.CompareTo(b.Shard);

    private readonly List<ShardReplica> _awake = [];
    private readonly List<ShardReplica> _turn = [];
    private bool _isInOrder = true;
    private int _nextResting;
    private Instant _lastTurn = Instant.Never;

    /// <summary>
    /// How long it may take until what rests notices that time has passed: a second, or longer where there are thousands. Nothing happens
    /// late for that: what has something to do before two rounds are over does not rest.
    /// </summary>
    public Duration Round { get; private set; } = ShortestRound;

    /// <summary>Something has happened to a replica.</summary>
    public void Wake(ShardReplica replica)
    {
        // What has gone may have been left something to do: nobody carries it out any more.
        if (!replica.IsAwake && !replica.IsGone)
        {
            replica.IsAwake = true;
            _awake.Add(replica);
            _isInOrder = false;
        }
    }

    /// <summary>The replica is no more.</summary>
    public void Remove(ShardReplica replica)
    {
        replica.IsGone = true;
        if (replica.IsAwake)
        {
            replica.IsAwake = false;
            _awake.Remove(replica);
        }
    }

    /// <summary>Lets time pass for those that are awake, in the order of their shards.</summary>
    public void Tick(Instant now)
    {
        if (!_isInOrder)
        {
            _awake.Sort(ByShard);
            _isInOrder = true;
        }

        // Nobody falls asleep or wakes in between: what a tick does to a replica is carried out when the batch of events ends.
        foreach (var replica in _awake)
        {
            replica.Tick(now);
        }
    }

    /// <summary>
    /// Those whose turn it is to be looked after, in the order of their shards: all that are awake, those of them that rest from now on,
    /// and as many of those that rest as are due. For the latter time has passed meanwhile.
    /// </summary>
    /// <param name="all">All replicas, in the order of their shards.</param>
    /// <param name="now">The present.</param>
    /// <returns>A list that is good until the next call, whatever wakes or goes meanwhile.</returns>
    public IReadOnlyList<ShardReplica> TakeTurn(ShardReplica[] all, Instant now)
    {
        Round = ShortestRound * Math.Max(1, all.Length / TurnsPerSecond);
        _turn.Clear();
        _turn.AddRange(_awake);
        _awake.RemoveAll(replica => !(replica.IsAwake = !replica.MayRestFor(Round * 2)));
        for (var left = CountDue(all.Length, now); left > 0; left--)
        {
            _nextResting = _nextResting < all.Length ? _nextResting : 0;
            var replica = all[_nextResting++];
            if (!replica.IsAwake)
            {
                replica.Tick(now);
                _turn.Add(replica);
                if (!replica.MayRestFor(Round * 2))
                {
                    Wake(replica);
                }
            }
        }

        _turn.Sort(ByShard);
        return _turn;
    }

    // As large a part of all as the time since the last turn is of a round.
    private int CountDue(int count, Instant now)
    {
        var passed = _lastTurn == Instant.Never ? Round : now - _lastTurn;
        _lastTurn = now;
        return (int)Int128.Min(count, ((Int128)count * passed.Nanoseconds / Round.Nanoseconds) + 1);
    }
}
