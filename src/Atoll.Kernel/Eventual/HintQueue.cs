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
/// each over, in order, at a pace. It holds no payloads: those are in the host's log, by sequence. A hint is only ever a short cut: losing
/// any of them costs an anti-entropy exchange, nothing else, but for a write at ANY that has no other copy.
/// </summary>
public sealed class HintQueue
{
    private readonly HintOptions _options;
    private readonly SortedDictionary<NodeId, Line> _lines = [];
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
            LineOf(hint.Peer).Hints.Add(hint.Sequence, new Hint(hint.Bytes, hint.Stamp));
            LineOf(hint.Peer).Bytes += hint.Bytes;
            _bytes += hint.Bytes;
            _nextSequence = Math.Max(_nextSequence, hint.Sequence + 1);
        }
    }

    /// <summary>What is to be done. The host goes through it after every call, and calls <see cref="ClearEffects"/>.</summary>
    public IReadOnlyList<HintEffect> Effects => _effects;

    /// <summary>
    /// The earliest stamp of a hint kept here, or Max: what holds this node's floor back (<see cref="RangeHorizon"/>).
    /// </summary>
    public HybridTime EarliestStamp =>
        _lines.Values.SelectMany(line => line.Hints.Values).Select(hint => hint.Stamp).DefaultIfEmpty(HybridTime.Max).Min();

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
        line.Hints.Add(sequence, new Hint(bytes, stamp));
        line.Bytes += bytes;
        _bytes += bytes;
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
        foreach (var hint in line.Hints.Values)
        {
            hint.SentAt = null;
        }

        NextDeadline = Instant.Min(NextDeadline, now);
    }

    /// <summary>The peer has the hint, durably.</summary>
    public void Taken(NodeId peer, ulong sequence) => Remove(peer, sequence, isTaken: true);

    /// <summary>The peer refused the hint.</summary>
    public void Refused(NodeId peer, ulong sequence, RefusalReason reason, Instant now)
    {
        if (!LineOf(peer).Hints.TryGetValue(sequence, out var hint))
        {
            return;
        }

        if (reason is RefusalReason.WrongReplica or RefusalReason.TooOld)
        {
            // It keeps the range no more, or has long made up for it.
            Remove(peer, sequence, isTaken: false);
            return;
        }

        hint.SentAt = null;
        LineOf(peer).QuietUntil = now + _options.PauseAfterRefusal;
        NextDeadline = Instant.Min(NextDeadline, LineOf(peer).QuietUntil);
    }

    /// <summary>The hint can't be read: damaged.</summary>
    public void Lost(NodeId peer, ulong sequence)
    {
        if (Remove(peer, sequence, isTaken: false))
        {
            LineOf(peer).Dropped++;
        }
    }

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
        var inFlight = 0;
        foreach (var (sequence, hint) in line.Hints)
        {
            if (inFlight >= _options.InFlightMax)
            {
                break;
            }

            inFlight++;
            if (hint.SentAt is { } sentAt && now - sentAt < _options.ResendAfter)
            {
                NextDeadline = Instant.Min(NextDeadline, sentAt + _options.ResendAfter);
                continue;
            }

            if (line.BudgetBytes <= 0)
            {
                NextDeadline = Instant.Min(NextDeadline, now + Duration.FromMilliseconds(10));
                break;
            }

            // The last one may exceed the budget: what is overdrawn is earned before the next.
            line.BudgetBytes -= hint.Bytes;
            hint.SentAt = now;
            NextDeadline = Instant.Min(NextDeadline, now + _options.ResendAfter);
            _effects.Add(new HintEffect(HintEffectKind.HandOff, peer, sequence));
        }
    }

    private bool Remove(NodeId peer, ulong sequence, bool isTaken)
    {
        var line = LineOf(peer);
        if (!line.Hints.Remove(sequence, out var hint))
        {
            return false;
        }

        line.Bytes -= hint.Bytes;
        _bytes -= hint.Bytes;
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
            _lines.Add(peer, line = new Line());
        }

        return line;
    }

    private sealed class Line
    {
        internal SortedDictionary<ulong, Hint> Hints { get; } = [];

        internal long Bytes { get; set; }

        internal bool IsUp { get; set; }

        internal Instant QuietUntil { get; set; }

        internal Instant RefilledAt { get; set; }

        internal long BudgetBytes { get; set; }

        internal long HandedOff { get; set; }

        internal long Dropped { get; set; }

        internal long DroppedTold { get; set; }
    }

    private sealed class Hint(int bytes, HybridTime stamp)
    {
        internal int Bytes => bytes;

        internal HybridTime Stamp => stamp;

        internal Instant? SentAt { get; set; }
    }
}
