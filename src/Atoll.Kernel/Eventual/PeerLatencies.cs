using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>
/// How fast each peer answers: a smoothed latency and its deviation, as for TCP's retransmission timer (Jacobson, 1988). Silence counts
/// before an answer comes, so that a replica that stalls (a gray failure) is left at once; what was seen fades, so that it is tried again.
/// </summary>
public sealed class PeerLatencies(EventualOptions options)
{
    private readonly Dictionary<NodeId, Score> _scores = [];

    /// <summary>A peer answered.</summary>
    public void Answered(NodeId peer, Duration latency, Instant now)
    {
        var sample = Math.Max(0, latency.Nanoseconds);
        if (!_scores.TryGetValue(peer, out var score))
        {
            _scores[peer] = new Score(sample, sample / 2, now);
            return;
        }

        var error = Math.Abs(sample - score.Smoothed);
        _scores[peer] = new Score(
            score.Smoothed + ((sample - score.Smoothed) / 8), score.Deviation + ((error - score.Deviation) / 4), now);
    }

    /// <summary>A peer has not answered for so long, and is still waited for.</summary>
    public void Silent(NodeId peer, Duration waited, Instant now)
    {
        if (!_scores.TryGetValue(peer, out var score) || Faded(score, now) < waited.Nanoseconds * 2)
        {
            _scores[peer] = new Score(waited.Nanoseconds * 2, waited.Nanoseconds, now);
        }
    }

    /// <summary>What is expected of a peer, to choose among several; zero when nothing is known, so that it becomes known.</summary>
    public Duration Expected(NodeId peer, Instant now) =>
        new(_scores.TryGetValue(peer, out var score) ? Faded(score, now) : 0);

    /// <summary>
    /// How long to wait before another peer is asked as well: longer than that one nearly always takes, because then it pays.
    /// </summary>
    public Duration HedgeAfter(NodeId other)
    {
        var usual = _scores.TryGetValue(other, out var score)
            ? new Duration(score.Smoothed + (4 * score.Deviation)) : options.HedgeAfterMax;
        return usual < options.HedgeAfterMin ? options.HedgeAfterMin : usual > options.HedgeAfterMax ? options.HedgeAfterMax : usual;
    }

    private long Faded(in Score score, Instant now)
    {
        var halvings = (now - score.SeenAt).Nanoseconds / options.LatencyHalfLife.Nanoseconds;
        return halvings >= 62 ? 0 : score.Smoothed >> (int)Math.Max(0, halvings);
    }

    private readonly record struct Score(long Smoothed, long Deviation, Instant SeenAt);
}
