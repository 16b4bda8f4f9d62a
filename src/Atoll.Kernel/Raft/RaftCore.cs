using System.Collections.Immutable;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Raft;

/// <summary>
/// One replica's part in Raft: messages and time in, effects out. It knows which term each index has, and no payloads; the log, the
/// network and the clock are the host's. docs/raft.md says what a host must do.
/// </summary>
#pragma warning disable CA1822, CA1801, IDE0060
public sealed class RaftCore
{
    /// <summary>A replica that starts, as a follower, from what its disk holds.</summary>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    public RaftCore(RaftOptions options, RaftRestoredState restored, Prng random, Instant now)
    {
        if (options.Validate() is { } error)
        {
            throw new ArgumentException(error, nameof(options));
        }
    }

    /// <summary>What the replica is now.</summary>
    public Role Role => Role.Follower;

    /// <summary>The latest term that it knows of.</summary>
    public Term Term => default;

    /// <summary>The leader of <see cref="Term"/>, when known.</summary>
    public NodeId Leader => default;

    /// <summary>Everything through here is committed, as far as this replica knows.</summary>
    public LogIndex CommitIndex => default;

    /// <summary>The last index in the log.</summary>
    public LogIndex LastIndex => default;

    /// <summary>The first index that the log still holds.</summary>
    public LogIndex FirstIndex => default;

    /// <summary>Everything through here is known to be on this replica's disk.</summary>
    public LogIndex DurableIndex => default;

    /// <summary>The latest membership in the log: in force from the moment it is appended (dissertation, 4.1).</summary>
    public Membership Membership => Membership.Empty;

    /// <summary>Where <see cref="Membership"/> stands; it is committed when this is at most <see cref="CommitIndex"/>.</summary>
    public LogIndex MembershipIndex => default;

    /// <summary>Whether the replica rests: no heartbeats, no election timer.</summary>
    public bool IsQuiescent => false;

    /// <summary>Whether this leader has committed an entry of its own term, and so knows what is committed (dissertation, 6.4).</summary>
    public bool HasCommittedInTerm => false;

    /// <summary>Whom leadership is being handed to, or none.</summary>
    public NodeId TransferTarget => default;

    /// <summary>When <see cref="Tick"/> has something to do, at the latest; Never while the replica rests.</summary>
    public Instant NextDeadline => Instant.Never;

    /// <summary>What the core wants done. The host goes through it after every call, and clears it.</summary>
    public RaftEffects Effects { get; } = new();

    /// <summary>Takes a message, whatever it says: stale, doubled, overtaken and nonsensical ones change nothing.</summary>
    public void Step(NodeId from, in RaftMessage message, Instant now) { }

    /// <summary>Does what is due. Calling it early or often is harmless.</summary>
    public void Tick(Instant now) { }

    /// <summary>Appends proposals in the current term, at consecutive indices.</summary>
    /// <param name="proposals">At least one.</param>
    /// <param name="now">The time.</param>
    /// <param name="firstIndex">Where the first one stands, when accepted.</param>
    public ProposalOutcome Propose(ReadOnlySpan<Proposal> proposals, Instant now, out LogIndex firstIndex)
    {
        firstIndex = default;
        return ProposalOutcome.NotLeader;
    }

    /// <summary>
    /// Changes who replicates the shard. Learners change at once; a change of voters goes through a joint membership, which ends by itself
    /// (dissertation, 4.3). One change at a time, and only when this leader has committed an entry of its term.
    /// </summary>
    /// <param name="target">Voters and learners as they shall be; no outgoing voters. A new voter must be a learner that has caught up.</param>
    /// <param name="now">The time.</param>
    /// <param name="index">Where the (first) entry of the change stands, when accepted.</param>
    public ProposalOutcome ProposeMembership(Membership target, Instant now, out LogIndex index)
    {
        index = default;
        return ProposalOutcome.NotLeader;
    }

    /// <summary>Asks for an index that a linearizable read must wait for (dissertation, 6.4).</summary>
    /// <param name="context">Comes back in ReadReady or ReadFailed.</param>
    /// <param name="now">The time; a lease is judged by it, so it must be fresh.</param>
    public ReadOutcome RequestRead(ulong context, Instant now) => ReadOutcome.NotLeader;

    /// <summary>
    /// Begins to hand leadership to a voter (dissertation, 3.10). Proposals are refused until it took over or an election timeout passed.
    /// False when this replica does not lead, the target is no voter or is itself, or another hand-over is under way.
    /// </summary>
    public bool TransferLeadership(NodeId to, Instant now) => false;

    /// <summary>Everything through the index is on this replica's disk, and so is every hard state saved before it.</summary>
    /// <param name="index">An index that an AppendEntries effect named.</param>
    /// <param name="term">The term of the entry that was written there: a report about an entry that was cut since is ignored.</param>
    /// <param name="now">The time.</param>
    public void LogDurable(LogIndex index, Term term, Instant now) { }

    /// <summary>
    /// The host has a whole snapshot and asks whether to install it. When true, appends are ignored until <see cref="SnapshotInstalled"/> or
    /// <see cref="SnapshotInstallFailed"/> is called; when false, the replica has everything already, and the host drops the snapshot.
    /// </summary>
    public bool TryBeginSnapshotInstall(LogIndex index, Term term, Instant now) => false;

    /// <summary>The snapshot is durable and in the state machine, and the log on disk is empty and starts after it.</summary>
    public void SnapshotInstalled(LogIndex index, Term term, Membership membership, Instant now) { }

    /// <summary>The snapshot could not be installed; the log is as it was.</summary>
    public void SnapshotInstallFailed(Instant now) { }

    /// <summary>The host dropped the log through the index, which must be applied and in a durable snapshot.</summary>
    public void Compacted(LogIndex through) { }

    /// <summary>What was sent to the peer lately may be lost (link down, queue full).</summary>
    public void PeerUnreachable(NodeId peer, Instant now) { }

    /// <summary>The host has sent a snapshot to its end, or has given up. It is done only when the peer says so.</summary>
    public void SnapshotSent(NodeId peer, bool ok, Instant now) { }

    /// <summary>Ends quiescence: the leader's node is dead, or there is work.</summary>
    public void Wake(Instant now) { }

    /// <summary>The membership in force at an index that the log holds or that it is compacted through: what a snapshot of it must carry.</summary>
    public Membership MembershipAt(LogIndex index) => Membership.Empty;

    /// <summary>The term of the entry at an index; false when it is compacted away (except the last such) or not there yet.</summary>
    public bool TryGetTerm(LogIndex index, out Term term)
    {
        term = default;
        return false;
    }

    /// <summary>What a leader knows about its followers, by node; empty elsewhere.</summary>
    public ImmutableArray<PeerStatus> DescribePeers() => [];
}
