using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>A range and another replica of it: what one exchange is about.</summary>
/// <param name="Range">The host's number for the range.</param>
/// <param name="Peer">The other replica.</param>
public readonly record struct SyncPair(ulong Range, NodeId Peer) : IComparable<SyncPair>
{
    /// <inheritdoc />
    public int CompareTo(SyncPair other) =>
        Range != other.Range ? Range.CompareTo(other.Range) : Peer.CompareTo(other.Peer);

    /// <summary>Before the other.</summary>
    public static bool operator <(SyncPair a, SyncPair b) => a.CompareTo(b) < 0;

    /// <summary>Behind the other.</summary>
    public static bool operator >(SyncPair a, SyncPair b) => a.CompareTo(b) > 0;

    /// <summary>Before the other or the same.</summary>
    public static bool operator <=(SyncPair a, SyncPair b) => a.CompareTo(b) <= 0;

    /// <summary>Behind the other or the same.</summary>
    public static bool operator >=(SyncPair a, SyncPair b) => a.CompareTo(b) >= 0;
}

/// <summary>How anti-entropy with one peer about one range stands.</summary>
/// <param name="Pair">Which.</param>
/// <param name="SyncedAt">When the last exchange that went well began; null before the first.</param>
/// <param name="IsUnderWay">Whether one is under way.</param>
/// <param name="Failures">Exchanges that failed since the last that went well.</param>
public readonly record struct SyncStatus(SyncPair Pair, Instant? SyncedAt, bool IsUnderWay, int Failures);

/// <summary>
/// Anti-entropy that runs by itself: which pair is compared next. Always the one that has waited longest, one after the other, a few at a
/// time; a peer that missed writes goes first; of two replicas the lower one conducts, so that a pair is not compared twice. There is no
/// command to forget.
/// </summary>
public sealed class SyncSchedule
{
    private readonly SyncOptions _options;
    private readonly NodeId _self;
    private readonly SortedDictionary<SyncPair, Entry> _entries = [];
    private readonly HashSet<NodeId> _unreachable = [];

    /// <summary>A schedule without pairs.</summary>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    public SyncSchedule(SyncOptions options, NodeId self)
    {
        if (options.Validate() is { } error)
        {
            throw new ArgumentException(error, nameof(options));
        }

        _options = options;
        _self = self;
    }

    /// <summary>Exchanges under way.</summary>
    public int UnderWay { get; private set; }

    /// <summary>When <see cref="TryBegin"/> may have something to begin.</summary>
    public Instant NextDeadline =>
        UnderWay >= _options.ExchangesMax ? Instant.Never
        : _entries.Where(pair => IsMine(pair.Key, pair.Value)).Select(pair => pair.Value.DueAt).DefaultIfEmpty(Instant.Never).Min();

    /// <summary>Sets who else keeps a range; none: this node keeps it no more.</summary>
    public void SetReplicas(ulong range, IEnumerable<NodeId> others, Instant now)
    {
        var peers = others.Where(peer => peer != _self).ToHashSet();
        foreach (var pair in _entries.Keys.Where(pair => pair.Range == range && !peers.Contains(pair.Peer)).ToArray())
        {
            UnderWay -= _entries[pair].IsUnderWay ? 1 : 0;
            _entries.Remove(pair);
        }

        foreach (var peer in peers)
        {
            _entries.TryAdd(new SyncPair(range, peer), new Entry { DueAt = now });
        }
    }

    /// <summary>A peer is there (again), or gone.</summary>
    public void SetReachable(NodeId peer, bool isUp, Instant now)
    {
        if (!isUp)
        {
            _unreachable.Add(peer);
        }
        else if (_unreachable.Remove(peer))
        {
            MissedWrites(peer, now);
        }
    }

    /// <summary>A peer missed writes that no hint brings, or was away: its ranges are compared at once.</summary>
    public void MissedWrites(NodeId peer, Instant now)
    {
        foreach (var (_, entry) in _entries.Where(pair => pair.Key.Peer == peer))
        {
            entry.DueAt = Instant.Min(entry.DueAt, now);
            entry.Failures = 0;
        }
    }

    /// <summary>Names a pair to begin an exchange with; false when there is nothing to do now. Call until false.</summary>
    public bool TryBegin(Instant now, out SyncPair pair)
    {
        pair = default;
        Entry? chosen = null;
        if (UnderWay < _options.ExchangesMax)
        {
            foreach (var (candidate, entry) in _entries)
            {
                if (IsMine(candidate, entry) && entry.DueAt <= now && (chosen is null || entry.DueAt < chosen.DueAt))
                {
                    (pair, chosen) = (candidate, entry);
                }
            }
        }

        if (chosen is null)
        {
            return false;
        }

        chosen.IsUnderWay = true;
        chosen.BegunAt = now;
        UnderWay++;
        return true;
    }

    /// <summary>An exchange that was begun here is over.</summary>
    public void Ended(SyncPair pair, bool isDone, Instant now)
    {
        if (!_entries.TryGetValue(pair, out var entry) || !entry.IsUnderWay)
        {
            return;
        }

        entry.IsUnderWay = false;
        UnderWay--;
        Check.That(UnderWay >= 0);
        if (isDone)
        {
            entry.SyncedAt = entry.BegunAt;
            entry.Failures = 0;
            entry.DueAt = now + _options.Interval;
            return;
        }

        entry.Failures++;
        var wait = _options.RetryAfter * (1L << Math.Min(entry.Failures - 1, 20));
        entry.DueAt = now + (wait < _options.Interval ? wait : _options.Interval);
    }

    /// <summary>An exchange that the peer conducted is over, and went well.</summary>
    public void EndedByPeer(SyncPair pair, Instant now)
    {
        if (_entries.TryGetValue(pair, out var entry))
        {
            entry.SyncedAt = now;
            entry.Failures = 0;
        }
    }

    /// <summary>How long ago the pair that was compared least recently was; Infinite while one never was.</summary>
    public Duration Lag(Instant now) =>
        _entries.Values.Select(entry => entry.SyncedAt is { } at ? now - at : Duration.Infinite).DefaultIfEmpty(Duration.Zero).Max();

    /// <summary>How each pair stands, by range and peer.</summary>
    public IReadOnlyList<SyncStatus> Describe() =>
        [.. _entries.Select(pair => new SyncStatus(pair.Key, pair.Value.SyncedAt, pair.Value.IsUnderWay, pair.Value.Failures))];

    private bool IsMine(SyncPair pair, Entry entry) => _self < pair.Peer && !entry.IsUnderWay && !_unreachable.Contains(pair.Peer);

    private sealed class Entry
    {
        internal Instant DueAt { get; set; }

        internal Instant BegunAt { get; set; }

        internal Instant? SyncedAt { get; set; }

        internal bool IsUnderWay { get; set; }

        internal int Failures { get; set; }
    }
}
