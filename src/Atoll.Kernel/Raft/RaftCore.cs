using System.Collections.Immutable;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Raft;

/// <summary>
/// One replica's part in Raft: messages and time in, effects out. It knows which term each index has, and no payloads; the log, the
/// network and the clock are the host's. docs/raft.md says what a host must do.
/// </summary>
public sealed class RaftCore
{
    private readonly ReplicaState _state;
    private readonly Elections _elections;
    private readonly Following _following;
    private readonly Rebuilding _rebuilding;

    /// <summary>A replica that starts, as a follower, from what its disk holds.</summary>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    public RaftCore(RaftOptions options, RaftRestoredState restored, Prng random, Instant now)
    {
        if (options.Validate() is { } error)
        {
            throw new ArgumentException(error, nameof(options));
        }

        _state = new ReplicaState(options, restored, random, Effects, now);
        _elections = new Elections(_state);
        _following = new Following(_state);
        _rebuilding = new Rebuilding(_state, now);
        CheckInvariants();
    }

    /// <summary>What the replica is now.</summary>
    public Role Role => _state.Role;

    /// <summary>The latest term that it knows of.</summary>
    public Term Term => _state.Term;

    /// <summary>The leader of <see cref="Term"/>, when known.</summary>
    public NodeId Leader => _state.Leader;

    /// <summary>Everything through here is committed, as far as this replica knows.</summary>
    public LogIndex CommitIndex => _state.CommitIndex;

    /// <summary>The last index in the log.</summary>
    public LogIndex LastIndex => _state.Log.LastIndex;

    /// <summary>The first index that the log still holds.</summary>
    public LogIndex FirstIndex => _state.Log.CompactedIndex.Next;

    /// <summary>Everything through here is known to be on this replica's disk.</summary>
    public LogIndex DurableIndex => _state.DurableIndex;

    /// <summary>The latest membership in the log: in force from the moment it is appended (dissertation, 4.1).</summary>
    public Membership Membership => _state.Memberships.Latest;

    /// <summary>Where <see cref="Membership"/> stands; it is committed when this is at most <see cref="CommitIndex"/>.</summary>
    public LogIndex MembershipIndex => _state.Memberships.LatestIndex;

    /// <summary>Whether the replica rests: no heartbeats, no election timer.</summary>
    public bool IsQuiescent => _state.IsQuiescent;

    /// <summary>Whether the replica lost what it had and is getting it back: it gives no votes meanwhile.</summary>
    public bool IsRebuilding => _state.IsRebuilding;

    /// <summary>Whether this leader has committed an entry of its own term, and so knows what is committed (dissertation, 6.4).</summary>
    public bool HasCommittedInTerm => _state.Leadership is { HasCommittedInTerm: true };

    /// <summary>Whom leadership is being handed to, or none.</summary>
    public NodeId TransferTarget => _state.Leadership?.TransferTarget ?? NodeId.None;

    /// <summary>When <see cref="Tick"/> has something to do, at the latest; Never while the replica rests.</summary>
    public Instant NextDeadline =>
        _state.IsQuiescent ? Instant.Never : _state.Leadership?.NextDeadline ?? _state.ElectionDeadline;

    /// <summary>What the core wants done. The host goes through it after every call, and clears it.</summary>
    public RaftEffects Effects { get; } = new();

    /// <summary>Takes a message, whatever it says: stale, doubled, overtaken and nonsensical ones change nothing.</summary>
    public void Step(NodeId from, in RaftMessage message, Instant now)
    {
        if (from != NodeId.None && from != _state.Self)
        {
            Dispatch(from, message, now);
            _rebuilding.Advance(now);
        }

        CheckInvariants();
    }

    /// <summary>Does what is due. Calling it early or often is harmless.</summary>
    public void Tick(Instant now)
    {
        if (_state.Leadership is { } leadership)
        {
            leadership.Tick(now);
        }
        else if (!_state.IsQuiescent && _state.ElectionDeadline <= now)
        {
            _elections.OnTimeout(now);
            _rebuilding.AskAround(now);
        }

        CheckInvariants();
    }

    /// <summary>Appends proposals in the current term, at consecutive indices.</summary>
    /// <param name="proposals">At least one.</param>
    /// <param name="now">The time.</param>
    /// <param name="firstIndex">Where the first one stands, when accepted.</param>
    public ProposalOutcome Propose(ReadOnlySpan<Proposal> proposals, Instant now, out LogIndex firstIndex)
    {
        foreach (ref readonly var proposal in proposals)
        {
            Check.That(proposal.Kind is EntryKind.Empty or EntryKind.Command);
        }

        firstIndex = LogIndex.Zero;
        var outcome = _state.Leadership?.Propose(proposals, now, out firstIndex) ?? ProposalOutcome.NotLeader;
        CheckInvariants();
        return outcome;
    }

    /// <summary>
    /// Changes who replicates the shard. Learners change at once; a change of voters goes through a joint membership, which ends by itself
    /// (dissertation, 4.3). One change at a time, and only when this leader has committed an entry of its term.
    /// </summary>
    /// <param name="target">
    /// Voters and learners as they shall be; no outgoing voters. A new voter must be a learner that has caught up.
    /// </param>
    /// <param name="now">The time.</param>
    /// <param name="index">Where the (first) entry of the change stands, when accepted.</param>
    public ProposalOutcome ProposeMembership(Membership target, Instant now, out LogIndex index)
    {
        index = LogIndex.Zero;
        var outcome = _state.Leadership?.ProposeMembership(target, now, out index) ?? ProposalOutcome.NotLeader;
        CheckInvariants();
        return outcome;
    }

    /// <summary>Asks for an index that a linearizable read must wait for (dissertation, 6.4).</summary>
    /// <param name="context">Comes back in ReadReady or ReadFailed.</param>
    /// <param name="now">The time; a lease is judged by it, so it must be fresh.</param>
    public ReadOutcome RequestRead(ulong context, Instant now)
    {
        if (_state.Leadership is not { } leadership)
        {
            return ReadOutcome.NotLeader;
        }

        leadership.RequestRead(context, now);
        CheckInvariants();
        return ReadOutcome.Accepted;
    }

    /// <summary>
    /// Begins to hand leadership to a voter (dissertation, 3.10). Proposals are refused until it took over or an election timeout passed.
    /// False when this replica does not lead, the target is no voter or is itself, or another hand-over is under way.
    /// </summary>
    public bool TransferLeadership(NodeId to, Instant now)
    {
        var begun = _state.Leadership?.TransferTo(to, now) ?? false;
        CheckInvariants();
        return begun;
    }

    /// <summary>Everything through the index is on this replica's disk, and so is every hard state saved before it.</summary>
    /// <param name="index">An index that an AppendEntries effect named.</param>
    /// <param name="term">The term of the entry that was written there: a report about an entry that was cut since is ignored.</param>
    /// <param name="now">The time.</param>
    public void LogDurable(LogIndex index, Term term, Instant now)
    {
        if (_state.ReportDurable(index, term))
        {
            _state.Leadership?.OnDurable(now);
        }

        CheckInvariants();
    }

    /// <summary>
    /// The host has a whole snapshot and asks whether to install it. When true, appends are ignored until <see cref="SnapshotInstalled"/>
    /// or <see cref="SnapshotInstallFailed"/> is called; when false, the snapshot is not needed, and the host drops it. The core tells the
    /// leader, then and once it is installed.
    /// </summary>
    public bool TryBeginSnapshotInstall(LogIndex index, Term term, Instant now)
    {
        var begun = _following.TryBeginInstall(index, term, now);
        CheckInvariants();
        return begun;
    }

    /// <summary>The snapshot is durable and in the state machine, and the log on disk is empty and starts after it.</summary>
    public void SnapshotInstalled(LogIndex index, Term term, Membership membership, Instant now)
    {
        _following.OnInstalled(index, term, membership);
        _rebuilding.Advance(now);
        CheckInvariants();
    }

    /// <summary>The snapshot could not be installed; the log is as it was.</summary>
    public void SnapshotInstallFailed(Instant now) => _state.Installing = null;

    /// <summary>The host dropped the log through the index, which must be applied and in a durable snapshot.</summary>
    public void Compacted(LogIndex through)
    {
        if (through <= _state.Log.CompactedIndex)
        {
            return;
        }

        _state.CompactThrough(through);
        CheckInvariants();
    }

    /// <summary>What was sent to the peer lately may be lost (link down, queue full).</summary>
    public void PeerUnreachable(NodeId peer, Instant now) => _state.Leadership?.OnUnreachable(peer);

    /// <summary>The host has sent a snapshot to its end, or has given up. It is done only when the peer says so.</summary>
    public void SnapshotSent(NodeId peer, bool ok, Instant now) => _state.Leadership?.OnSnapshotSent(peer, ok, now);

    /// <summary>Ends quiescence: the leader's node is dead, or there is work.</summary>
    public void Wake(Instant now)
    {
        if (_state.Leadership is { } leadership)
        {
            leadership.Wake(now);
        }
        else if (_state.IsQuiescent)
        {
            _state.IsQuiescent = false;
            _state.ArmElectionTimer(now);
        }

        CheckInvariants();
    }

    /// <summary>
    /// The membership in force at an index that the log holds or that it is compacted through: what a snapshot of it must carry.
    /// </summary>
    public Membership MembershipAt(LogIndex index) => _state.Memberships.At(index);

    /// <summary>The term of the entry at an index; false when it is compacted away (except the last such) or not there yet.</summary>
    public bool TryGetTerm(LogIndex index, out Term term) => _state.Log.TryGetTerm(index, out term);

    /// <summary>What a leader knows about its followers, by node; empty elsewhere.</summary>
    public ImmutableArray<PeerStatus> DescribePeers() => _state.Leadership?.Describe() ?? [];

    private void Dispatch(NodeId from, in RaftMessage message, Instant now)
    {
        if (message.Term > _state.Term && !EnterTerm(from, message, now))
        {
            return;
        }

        if (message.Term < _state.Term)
        {
            AnswerFromThePast(from, message, now);
            return;
        }

        switch (message.Kind)
        {
            case RaftMessageKind.PreVote:
            case RaftMessageKind.Vote:
                OnVoteRequest(from, message, now);
                break;
            case RaftMessageKind.PreVoteReply:
            case RaftMessageKind.VoteReply:
                _elections.OnReply(from, message, now);
                break;
            case RaftMessageKind.Append:
                _following.OnAppend(from, message, now);
                break;
            case RaftMessageKind.Heartbeat:
                _following.OnHeartbeat(from, message, now);
                break;
            case RaftMessageKind.Quiesce:
                _following.OnQuiesce(from, message, now);
                break;
            case RaftMessageKind.SnapshotChunk:
                _following.OnSnapshotChunk(from, message, now);
                break;
            case RaftMessageKind.TimeoutNow:
                OnTimeoutNow(from, now);
                break;
            case RaftMessageKind.RebuildAsk:
                Disturbed(now);
                _state.Leadership?.OnRebuildAsk(from, message, now);
                break;
            case RaftMessageKind.RebuildTarget:
                _rebuilding.OnTarget(message);
                break;
            case RaftMessageKind.AppendReply:
            case RaftMessageKind.HeartbeatReply:
            case RaftMessageKind.SnapshotReply:
                _state.Leadership?.OnReply(from, message, now);
                break;
        }
    }

    /// <summary>A message of a higher term: usually this replica enters it (3.3). False when the message is to be ignored.</summary>
    private bool EnterTerm(NodeId from, in RaftMessage message, Instant now)
    {
        switch (message.Kind)
        {
            case RaftMessageKind.PreVote:
            case RaftMessageKind.PreVoteReply when message.Granted:
                // They name a term in which nobody is yet.
                return true;
            case RaftMessageKind.Vote:
                if (!_elections.Heeds(message, now))
                {
                    Disturbed(now);
                    return false;
                }

                _state.BecomeFollower(message.Term, NodeId.None, now);
                return true;
            default:
                if (!Enum.IsDefined(message.Kind))
                {
                    return false;
                }

                _state.BecomeFollower(message.Term, NodeId.None, now);
                return true;
        }
    }

    /// <summary>The sender is behind. Who would go on leading, or asking, is told the term; the rest is late and means nothing.</summary>
    private void AnswerFromThePast(NodeId from, in RaftMessage message, Instant now)
    {
        switch (message.Kind)
        {
            case RaftMessageKind.PreVote:
                _state.Send(from, RaftMessage.PreVoteReply(_state.Term, granted: false));
                Disturbed(now);
                break;
            case RaftMessageKind.Vote:
                _state.Send(from, RaftMessage.VoteReply(_state.Term, granted: false));
                Disturbed(now);
                break;
            case RaftMessageKind.Append:
            case RaftMessageKind.Heartbeat:
            case RaftMessageKind.SnapshotChunk:
            case RaftMessageKind.Quiesce:
            case RaftMessageKind.RebuildAsk:
                _state.Send(from, RaftMessage.HeartbeatReply(_state.Term, 0));
                break;
        }
    }

    private void OnVoteRequest(NodeId from, in RaftMessage message, Instant now)
    {
        if (message.Kind == RaftMessageKind.PreVote || _elections.Heeds(message, now))
        {
            _elections.OnRequest(from, message, now);
        }

        Disturbed(now);
    }

    /// <summary>Somebody looks for a leader: a group that rests must show whether it has one.</summary>
    private void Disturbed(Instant now)
    {
        if (_state.Leadership is { } leadership)
        {
            leadership.Wake(now);
        }
        else if (_state.IsQuiescent)
        {
            // The leader is believed alive for one more election timeout, in which it has the time to speak up.
            _state.HeardLeader(_state.Leader, now);
        }
    }

    private void OnTimeoutNow(NodeId from, Instant now)
    {
        if (_state.Role != Role.Leader && (_state.Leader == from || _state.Leader == NodeId.None) && _state.CanCampaign)
        {
            _state.IsQuiescent = false;
            _elections.Campaign(isTransfer: true, now);
        }
    }

    /// <summary>
    /// The chain of positions: what is compacted away was committed, what is committed is in the log, what is durable is in the log. (The
    /// host's part: compacted &lt;= snapshotted &lt;= applied &lt;= committed.) Commit and durable index are not ordered: others may hold
    /// on their disks what this replica is still writing.
    /// </summary>
    private void CheckInvariants()
    {
        var log = _state.Log;
        Check.That(log.CompactedIndex <= _state.CommitIndex);
        Check.That(_state.CommitIndex <= log.LastIndex);
        Check.That(log.CompactedIndex <= _state.DurableIndex);
        Check.That(_state.DurableIndex <= log.LastIndex);
        Check.That(log.LastTerm <= _state.Term);
        Check.That(_state.Memberships.LatestIndex <= log.LastIndex);
        Check.That((_state.Role == Role.Leader) == (_state.Leadership is not null));
        Check.That(_state.Role is not (Role.Leader or Role.Candidate) || _state.Vote == _state.Self);
        Check.That(_state.Role != Role.Leader || _state.Leader == _state.Self);
        Check.That(_state.Installing is null || _state.Role == Role.Follower);
        if (_state.Leadership is null)
        {
            return;
        }

        foreach (var peer in _state.Leadership.Peers)
        {
            Check.That(peer.Match < peer.Next && peer.Match <= log.LastIndex);
            Check.That(peer.Next <= log.LastIndex.Next);
        }
    }
}
