using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Raft;

/// <summary>How a leader sends to a follower.</summary>
public enum ProgressState : byte
{
    /// <summary>Looking for the place where the logs agree: one message at a time.</summary>
    Probe = 0,

    /// <summary>The logs agree: messages are sent one after the other without waiting (pipelining; dissertation, 10.2.1).</summary>
    Replicate = 1,

    /// <summary>What the follower lacks is compacted away: a snapshot is under way, and nothing else is sent.</summary>
    Snapshot = 2,
}

/// <summary>What a leader knows about a follower, for people and metrics.</summary>
/// <param name="Node">The follower.</param>
/// <param name="IsVoter">Whether its vote counts.</param>
/// <param name="State">How the leader sends to it.</param>
/// <param name="Match">Through here its log is known to be the leader's, and durable.</param>
/// <param name="Next">What is sent next.</param>
/// <param name="LastContact">When it was last heard from, by the leader's clock.</param>
public readonly record struct PeerStatus(
    NodeId Node, bool IsVoter, ProgressState State, LogIndex Match, LogIndex Next, Instant LastContact);
