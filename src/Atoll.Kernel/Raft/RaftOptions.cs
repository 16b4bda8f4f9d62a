using Atoll.Foundation;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Raft;

/// <summary>Every timeout and bound of a Raft replica, in one table. All replicas of a shard must agree on the durations.</summary>
public sealed record RaftOptions
{
    /// <summary>The replica itself.</summary>
    public required NodeId Self { get; init; }

    /// <summary>
    /// Where nobody has ever led, this replica asks for votes after a heartbeat interval or two; the others wait for their election
    /// timeouts as ever. One founder at most should be told so, the one that is to lead: it leads sooner, and need not be handed the lead
    /// afterwards. A matter of time only: elections are safe whoever stands when.
    /// </summary>
    public bool StandsFirst { get; init; }

    /// <summary>
    /// The shortest election timeout. Also how long a replica that heard from a leader ignores vote requests (dissertation, 4.2.3 and
    /// 6.4.1).
    /// </summary>
    public Duration ElectionTimeoutMin { get; init; } = Duration.FromMilliseconds(600);

    /// <summary>The longest election timeout. Also how long a leader goes on without hearing from a quorum (dissertation, 6.2).</summary>
    public Duration ElectionTimeoutMax { get; init; } = Duration.FromMilliseconds(1200);

    /// <summary>How often a leader lets everyone hear from it.</summary>
    public Duration HeartbeatInterval { get; init; } = Duration.FromMilliseconds(100);

    /// <summary>
    /// How long a leader waits for an append that carries a new commit index along before it sends the index by itself: under load it
    /// never does.
    /// </summary>
    public Duration CommitNoticeDelay { get; init; } = Duration.FromMilliseconds(5);

    /// <summary>
    /// A leader that had nothing to do for so long, with every peer caught up and reachable, quiesces the group. Infinite: never. A host
    /// that sets it must call <see cref="RaftCore.Wake"/> when the leader's node dies.
    /// </summary>
    public Duration QuiesceAfter { get; init; } = Duration.Infinite;

    /// <summary>One SendEntries covers about this many bytes of entries (one entry at least).</summary>
    public int AppendBytesMax { get; init; } = Limits.AppendBatchBytes;

    /// <summary>One SendEntries covers at most this many entries: bounds the work of one step at the follower.</summary>
    public int AppendEntriesMax { get; init; } = 4096;

    /// <summary>
    /// Entries in one SendEntries when the core does not know their sizes (it remembers those of recent entries only). Each such message is
    /// charged <see cref="AppendBytesMax"/> against the bytes in flight.
    /// </summary>
    public int UnsizedEntriesMax { get; init; } = 64;

    /// <summary>SendEntries to one follower that may be unanswered.</summary>
    public int AppendsInFlightMax { get; init; } = Limits.AppendsInFlightMax;

    /// <summary>Bytes of entries to one follower that may be unanswered.</summary>
    public long BytesInFlightMax { get; init; } = (long)Limits.AppendsInFlightMax * Limits.AppendBatchBytes;

    /// <summary>A learner may become a voter when it lacks at most this many entries (dissertation, 4.2.1).</summary>
    public int PromotionLagEntriesMax { get; init; } = 256;

    /// <summary>Whether a leader answers reads under its lease without asking a quorum (dissertation, 6.4.1).</summary>
    public bool LeaseReads { get; init; }

    /// <summary>
    /// How much two replicas' clocks may gain on each other within <see cref="ElectionTimeoutMin"/>. Lease reads are linearizable only
    /// while that holds: a lease is valid for ElectionTimeoutMin minus this.
    /// </summary>
    public Duration LeaseClockDriftBound { get; init; } = Duration.FromMilliseconds(100);

    /// <summary>A planted bug; only simulation sets it.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <summary>Says what is wrong with the table, or null when nothing is.</summary>
    public string? Validate()
    {
        if (Self == NodeId.None)
        {
            return "Self must be a node.";
        }

        if (HeartbeatInterval <= Duration.Zero || HeartbeatInterval + HeartbeatInterval > ElectionTimeoutMin)
        {
            return "HeartbeatInterval must be positive and at most half of ElectionTimeoutMin.";
        }

        if (ElectionTimeoutMax < ElectionTimeoutMin || ElectionTimeoutMax > Duration.FromSeconds(3600))
        {
            return "ElectionTimeoutMax must be at least ElectionTimeoutMin, and at most an hour.";
        }

        if (CommitNoticeDelay < Duration.Zero || CommitNoticeDelay > HeartbeatInterval)
        {
            return "CommitNoticeDelay must be between zero and HeartbeatInterval.";
        }

        if (QuiesceAfter < HeartbeatInterval)
        {
            return "QuiesceAfter must be at least HeartbeatInterval.";
        }

        if (AppendBytesMax < 1 || AppendEntriesMax < 1 || UnsizedEntriesMax < 1 || AppendsInFlightMax < 1 || BytesInFlightMax < 1)
        {
            return "The bounds of appends must be positive.";
        }

        if (PromotionLagEntriesMax < 0)
        {
            return "PromotionLagEntriesMax must not be negative.";
        }

        return LeaseClockDriftBound < Duration.Zero || LeaseClockDriftBound >= ElectionTimeoutMin
            ? "LeaseClockDriftBound must be at least zero and shorter than ElectionTimeoutMin."
            : null;
    }
}
