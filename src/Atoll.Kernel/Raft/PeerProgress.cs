using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Raft;

/// <summary>What a leader knows about one replica (itself included), and how it sends to it.</summary>
internal sealed class PeerProgress(NodeId node, bool isSelf, LogIndex next, Instant now, InFlightAppends inFlight)
{
    internal NodeId Node { get; } = node;

    internal bool IsSelf { get; } = isSelf;

    internal ProgressState State { get; private set; } = ProgressState.Probe;

    /// <summary>Through here the replica's log is the leader's, and durable.</summary>
    internal LogIndex Match { get; private set; }

    /// <summary>Sent next. In Replicate it runs ahead of what is acknowledged.</summary>
    internal LogIndex Next { get; private set; } = next;

    internal InFlightAppends InFlight { get; } = inFlight;

    internal Instant LastContact { get; set; } = now;

    /// <summary>The highest heartbeat round that the replica answered.</summary>
    internal ulong AckedRound { get; set; }

    /// <summary>The highest commit index that it was told and could use.</summary>
    internal LogIndex SentCommit { get; set; }

    /// <summary>In Probe: one message is out; nothing more until it is answered or <see cref="ProbedAt"/> is a heartbeat ago.</summary>
    internal bool IsPaused { get; set; }

    /// <summary>When something was last sent only to find out where the replica stands.</summary>
    internal Instant ProbedAt { get; set; }

    /// <summary>When the match last rose.</summary>
    internal Instant ProgressedAt { get; private set; } = now;

    internal void Sent(LogIndex through, long bytes)
    {
        Check.That(State == ProgressState.Replicate);
        InFlight.Add(through, bytes);
        Next = through.Next;
    }

    /// <summary>The replica has everything through the index; true when that is news.</summary>
    internal bool Matched(LogIndex index, Instant now)
    {
        var isNews = index > Match;
        if (isNews)
        {
            Match = index;
            ProgressedAt = now;
        }

        Next = LogIndex.Max(Next, Match.Next);
        InFlight.FreeThrough(Match);
        return isNews;
    }

    /// <summary>Nothing is known any more about what the replica has.</summary>
    internal void LoseMatch() => Match = LogIndex.Zero;

    internal void BecomeProbe(LogIndex next)
    {
        State = ProgressState.Probe;
        Next = LogIndex.Max(next, Match.Next);
        IsPaused = false;
        InFlight.Clear();
    }

    internal void BecomeReplicate()
    {
        State = ProgressState.Replicate;
        Next = Match.Next;
        IsPaused = false;
        InFlight.Clear();
    }

    internal void BecomeSnapshot()
    {
        State = ProgressState.Snapshot;
        IsPaused = false;
        InFlight.Clear();
    }
}
