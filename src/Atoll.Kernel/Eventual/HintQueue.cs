using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>What a hint queue wants done.</summary>
public enum HintEffectKind : byte
{
    /// <summary>Write the hint that was offered, as <see cref="HintEffect.Sequence"/>.</summary>
    Store = 1,

    /// <summary>
    /// Read the hint <see cref="HintEffect.Sequence"/>, and send it to <see cref="HintEffect.Peer"/> as Hinted, with the sequence as its
    /// operation. When it can't be read, call <see cref="HintQueue.Lost"/>.
    /// </summary>
    HandOff = 2,

    /// <summary>Delete the hint: it was taken, or nobody wants it any more.</summary>
    Delete = 3,
}

/// <summary>One effect.</summary>
/// <param name="Kind">What is to be done.</param>
/// <param name="Peer">For whom the hint is.</param>
/// <param name="Sequence">Which hint.</param>
public readonly record struct HintEffect(HintEffectKind Kind, NodeId Peer, ulong Sequence);

/// <summary>What became of a hint that was offered.</summary>
public enum HintOffer : byte
{
    /// <summary>It is to be stored.</summary>
    Kept = 0,

    /// <summary>There is no room; anti-entropy must bring the write to the peer.</summary>
    Full = 1,

    /// <summary>This node stands in a region in which the space's data may not be, not even as a hint (museum, row 28).</summary>
    NotAllowedHere = 2,
}

/// <summary>A hint that a node finds on its disk when it starts.</summary>
/// <param name="Peer">For whom it is.</param>
/// <param name="Sequence">Its number.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Stamp">The stamp of its write.</param>
public readonly record struct StoredHint(NodeId Peer, ulong Sequence, int Bytes, HybridTime Stamp);

/// <summary>How the hints for a peer stand.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Hints">Hints kept.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="HandedOff">Hints that it took since this node started.</param>
/// <param name="Dropped">Writes that it missed and that were not kept, or lost: anti-entropy must make up for them.</param>
public readonly record struct HintStatus(NodeId Peer, int Hints, long Bytes, long HandedOff, long Dropped);

/// <summary>
/// The writes that a node keeps for others that were absent (Dynamo, 2007, section 4.6): which to keep, when to refuse, and when to hand
/// each over, oldest first, at a pace that the peer sets: one that refuses is given less at a time, and what it refused goes behind the
/// others, which may be for another range. It holds no payloads: those are in the host's log, by sequence. A hint is only ever a short
/// cut: losing any of them costs an anti-entropy exchange, nothing else, but for a write at ANY that has no other copy.
/// </summary>
public sealed class HintQueue
{
    private readonly HintOptions _options;
    private readonly SortedDictionary<NodeId, Line> _lines = [];
    private readonly SortedSet<(HybridTime Stamp, ulong Sequence)> _stamps = [];
    private readonly List<HintEffect> _effects = [];
    private ulong _nextSequence = 1;
    private long _bytes;

    /// <summary>A queue with the hints that the disk holds, in any order.</summary>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    public HintQueue(HintOptions options, IEnumerable<StoredHint> stored)
    {
        if (options.Validate() is { } error)
        {
            throw new ArgumentException(error, nameof(options));
        }

        _options = options;
        foreach (var hint in stored.OrderBy(hint => hint.Sequence))
        {
            Add(LineOf(hint.Peer), hint.Sequence, hint.Bytes, hint.Stamp);
            _nextSequence = Math.Max(_nextSequence, hint.Sequence + 1);
        }
    }

    /// <summary>What is to be done. The host goes through it after every call, and calls <see cref="ClearEffects"/>.</summary>
    public IReadOnlyList<HintEffect> Effects => _effects;

    /// <summary>
    /// The earliest stamp of a hint kept here, or Max: what holds this node's floor back (<see cref="RangeHorizon"/>).
    /// </summary>
    public HybridTime EarliestStamp => _stamps.Count == 0 ? HybridTime.Max : _stamps.Min.Stamp;

    /// <summary>When <see cref="Tick"/> may have something to do.</summary>
    public Instant NextDeadline { get; private set; } = Instant.Never;

    /// <summary>Forgets the effects.</summary>
    public void ClearEffects() => _effects.Clear();

    /// <summary>A write did not reach a replica: keep it, if there is room and it may be kept here.</summary>
    /// <param name="peer">The replica.</param>
    /// <param name="bytes">The hint's size.</param>
    /// <param name="stamp">The write's stamp.</param>
    /// <param name="isAllowedHere">Whether the space's regions allow its data on this node.</param>
    /// <param name="sequence">The hint's number, when it is kept.</param>
    public HintOffer Offer(NodeId peer, int bytes, HybridTime stamp, bool isAllowedHere, out ulong sequence)
    {
        var line = LineOf(peer);
        sequence = 0;
        if (!isAllowedHere || line.Bytes + bytes > _options.BytesPerPeerMax || _bytes + bytes > _options.BytesMax)
        {
            line.Dropped++;
            return isAllowedHere ? HintOffer.Full : HintOffer.NotAllowedHere;
        }

        sequence = _nextSequence++;
        Add(line, sequence, bytes, stamp);
        _effects.Add(new HintEffect(HintEffectKind.Store, peer, sequence));
        NextDeadline = line.IsUp ? Instant.Min(NextDeadline, line.QuietUntil) : NextDeadline;
        return HintOffer.Kept;
    }

    /// <summary>A peer is there (again), or gone.</summary>
    public void SetReachable(NodeId peer, bool isUp, Instant now)
    {
        var line = LineOf(peer);
        if (line.IsUp == isUp)
        {
            return;
        }

        line.IsUp = isUp;
        line.QuietUntil = now;
        line.RefilledAt = now;
        line.BudgetBytes = 0;
        line.Window = _options.InFlightMax;
        line.Pause = _options.PauseAfterRefusal;
        line.Waiting = new Queue<ulong>(line.Hints.Keys);
        line.InFlight.Clear();

        NextDeadline = Instant.Min(NextDeadline, now);
    }

    /// <summary>The peer has the hint, durably.</summary>
    public void Taken(NodeId peer, ulong sequence)
    {
        if (Remove(peer, sequence, isTaken: true))
        {
            var line = LineOf(peer);
            line.Window = Math.Min(line.Window + 1, _options.InFlightMax);
            line.Pause = _options.PauseAfterRefusal;
        }
    }

    /// <summary>The peer refused the hint.</summary>
    public void Refused(NodeId peer, ulong sequence, RefusalReason reason, Instant now)
    {
        var line = LineOf(peer);
        if (!line.Hints.ContainsKey(sequence))
        {
            return;
        }

        if (reason.IsFinal())
        {
            // It keeps the range no more, has long made up for it, or never will take it.
            Remove(peer, sequence, isTaken: false);
            return;
        }

        if (line.InFlight.Remove(sequence))
        {
            line.Waiting.Enqueue(sequence);
        }

        // What was sent together is mostly refused together, and that counts once.
        if (now >= line.QuietUntil)
        {
            line.Window = Math.Max(1, line.Window / 2);
            line.QuietUntil = now + line.Pause;
            line.Pause = line.Pause * 2 < _options.PauseMax ? line.Pause * 2 : _options.PauseMax;
        }

        NextDeadline = Instant.Min(NextDeadline, line.QuietUntil);
    }

    /// <summary>The hint could not be sent yet: it is still on its way to the disk.</summary>
    public void NotYet(NodeId peer, ulong sequence, Instant now)
    {
        if (LineOf(peer).InFlight.Remove(sequence))
        {
            LineOf(peer).Waiting.Enqueue(sequence);
            NextDeadline = Instant.Min(NextDeadline, now + Duration.FromMilliseconds(10));
        }
    }

    /// <summary>The hint can't be read: damaged.</summary>
    public void Lost(NodeId peer, ulong sequence)
    {
        if (Remove(peer, sequence, isTaken: false))
        {
            LineOf(peer).Dropped++;
        }
    }

    /// <summary>The nodes for which anything is, or was, kept.</summary>
    public IEnumerable<NodeId> Peers => _lines.Keys;

    /// <summary>A node is gone for good: nobody will take its hints.</summary>
    public void Forget(NodeId peer)
    {
        foreach (var sequence in LineOf(peer).Hints.Keys.ToArray())
        {
            Remove(peer, sequence, isTaken: false);
        }

        _lines.Remove(peer);
    }

    /// <summary>Writes that the peer missed and that no hint will bring, since the last time it was asked: repair it first.</summary>
    public long TakeDropped(NodeId peer)
    {
        var line = LineOf(peer);
        var since = line.Dropped - line.DroppedTold;
        line.DroppedTold = line.Dropped;
        return since;
    }

    /// <summary>Hands over what the pace allows.</summary>
    public void Tick(Instant now)
    {
        NextDeadline = Instant.Never;
        foreach (var (peer, line) in _lines)
        {
            if (line.IsUp && line.Hints.Count > 0)
            {
                HandOff(peer, line, now);
            }
        }
    }

    /// <summary>How the hints stand, by peer.</summary>
    public IReadOnlyList<HintStatus> Describe() =>
        [.. _lines.Select(pair => new HintStatus(
            pair.Key, pair.Value.Hints.Count, pair.Value.Bytes, pair.Value.HandedOff, pair.Value.Dropped))];

    private void HandOff(NodeId peer, Line line, Instant now)
    {
        if (line.QuietUntil > now)
        {
            NextDeadline = Instant.Min(NextDeadline, line.QuietUntil);
            return;
        }

        // At most a tenth of a second's worth is saved up, so that a node that comes back is not met by a burst.
        var earned = Math.Min((now - line.RefilledAt).Nanoseconds, 100_000_000) * (_options.BytesPerSecond / 1e9);
        line.BudgetBytes = Math.Min(line.BudgetBytes + (long)earned, Math.Max(1, _options.BytesPerSecond / 10));
        line.RefilledAt = now;
        foreach (var (sequence, sentAt) in line.InFlight)
        {
            if (now - sentAt >= _options.ResendAfter)
            {
                line.Overdue.Add(sequence);
            }
        }

        foreach (var sequence in line.Overdue)
        {
            line.InFlight.Remove(sequence);
            line.Waiting.Enqueue(sequence);
        }

        line.Overdue.Clear();
        while (line.InFlight.Count < line.Window && line.Waiting.TryPeek(out var sequence))
        {
            if (!line.Hints.TryGetValue(sequence, out var hint))
            {
                line.Waiting.Dequeue(); // gone meanwhile
                continue;
            }

            if (line.BudgetBytes <= 0)
            {
                NextDeadline = Instant.Min(NextDeadline, now + Duration.FromMilliseconds(10));
                break;
            }

            // The last one may exceed the budget: what is overdrawn is earned before the next.
            line.BudgetBytes -= hint.Bytes;
            line.Waiting.Dequeue();
            line.InFlight.Add(sequence, now);
            _effects.Add(new HintEffect(HintEffectKind.HandOff, peer, sequence));
        }

        foreach (var sentAt in line.InFlight.Values)
        {
            NextDeadline = Instant.Min(NextDeadline, sentAt + _options.ResendAfter);
        }
    }

    private void Add(Line line, ulong sequence, int bytes, HybridTime stamp)
    {
        line.Hints.Add(sequence, new Hint(bytes, stamp));
        line.Waiting.Enqueue(sequence);
        line.Bytes += bytes;
        _bytes += bytes;
        _stamps.Add((stamp, sequence));
    }

    private bool Remove(NodeId peer, ulong sequence, bool isTaken)
    {
        var line = LineOf(peer);
        if (!line.Hints.Remove(sequence, out var hint))
        {
            return false;
        }

        line.InFlight.Remove(sequence);
        line.Bytes -= hint.Bytes;
        _bytes -= hint.Bytes;
        _stamps.Remove((hint.Stamp, sequence));
        Check.That(line.Bytes >= 0 && _bytes >= 0);
        line.HandedOff += isTaken ? 1 : 0;
        _effects.Add(new HintEffect(HintEffectKind.Delete, peer, sequence));
        if (line.IsUp && line.Hints.Count > 0)
        {
            NextDeadline = Instant.Min(NextDeadline, line.RefilledAt);
        }

        return true;
    }

    private Line LineOf(NodeId peer)
    {
        if (!_lines.TryGetValue(peer, out var line))
        {
            _lines.Add(peer, line = new Line { Window = _options.InFlightMax, Pause = _options.PauseAfterRefusal });
        }

        return line;
    }

    private sealed class Line
    {
        internal SortedDictionary<ulong, Hint> Hints { get; } = [];

        /// <summary>Those that are to be sent, the next one first; some may be gone.</summary>
        internal Queue<ulong> Waiting { get; set; } = [];

        /// <summary>Those that were sent, and when.</summary>
        internal SortedDictionary<ulong, Instant> InFlight { get; } = [];

        internal List<ulong> Overdue { get; } = [];

        /// <summary>How many may be under way: fewer after a refusal, one more with each that is taken.</summary>
        internal int Window { get; set; }

        /// <summary>How long the peer is left alone after its next refusal.</summary>
        internal Duration Pause { get; set; }

        internal long Bytes { get; set; }

        internal bool IsUp { get; set; }

        internal Instant QuietUntil { get; set; }

        internal Instant RefilledAt { get; set; }

        internal long BudgetBytes { get; set; }

        internal long HandedOff { get; set; }

        internal long Dropped { get; set; }

        internal long DroppedTold { get; set; }
    }

    private readonly record struct Hint(int Bytes, HybridTime Stamp);
}
