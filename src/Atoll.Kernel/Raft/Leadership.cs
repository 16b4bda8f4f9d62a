using System.Collections.Immutable;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Raft;

/// <summary>
/// What a replica is and does while it leads one term. Made anew for every term, so that nothing of an earlier leadership survives.
/// </summary>
internal sealed class Leadership
{
    private static readonly Probe LostQuorumProbe = Probe.Define("raft: a leader steps down because it does not hear from a quorum");
    private static readonly Probe RemovedProbe = Probe.Define("raft: a leader steps down because it is no voter any more");
    private static readonly Probe QuiesceProbe = Probe.Define("raft: a group quiesces");
    private static readonly Probe LeaseProbe = Probe.Define("raft: a read is answered under a lease");
    private static readonly Probe OldTermProbe = Probe.Define("raft: a quorum holds an entry of an older term that may not be counted");

    private readonly ReplicaState _state;
    private readonly Replication _replication;
    private readonly ReadIndexQueue _reads = new();
    private readonly LeadershipTransfer _transfer;
    private readonly MembershipChanges _changes;
    private LogIndex _termStart;
    private LogEntry[] _proposed = new LogEntry[16];
    private Instant _heartbeatAt;
    private Instant _commitNoticeAt = Instant.Never;
    private LogIndex _commitNotice;
    private Instant _activeAt;

    internal Leadership(ReplicaState state, Instant now, bool ownVoteIsDurable)
    {
        _state = state;
        _replication = new Replication(state, now, isMuted: !ownVoteIsDurable);
        _transfer = new LeadershipTransfer(state);
        _changes = new MembershipChanges(state, _replication);
        _activeAt = now;
    }

    internal bool HasCommittedInTerm { get; private set; }

    internal NodeId TransferTarget => _transfer.Target;

    internal Instant NextDeadline => Instant.Min(_heartbeatAt, Instant.Min(_commitNoticeAt, _transfer.Deadline));

    internal ReadOnlySpan<PeerProgress> Peers => _replication.Peers;

    internal ImmutableArray<PeerStatus> Describe() => _replication.Describe();

    /// <summary>An empty entry of the new term goes out at once: with it, everything before it commits (3.6.2 and 6.4).</summary>
    internal void Start(Instant now)
    {
        _termStart = _state.Log.LastIndex.Next;
        _heartbeatAt = now + _state.Options.HeartbeatInterval;
        Append([new Proposal(EntryKind.Empty, default)], now);
    }

    /// <summary>Leadership is over.</summary>
    internal void Abandon() => _reads.FailAll(_state.Effects);

    internal ProposalOutcome Propose(ReadOnlySpan<Proposal> proposals, Instant now, out LogIndex firstIndex)
    {
        firstIndex = LogIndex.Zero;
        if (_transfer.IsUnderWay)
        {
            // 3.10: the target could never catch up with a moving end.
            return ProposalOutcome.TransferInProgress;
        }

        Wake(now);
        firstIndex = _state.Log.LastIndex.Next;
        Append(proposals, now);
        return ProposalOutcome.Accepted;
    }

    internal ProposalOutcome ProposeMembership(Membership target, Instant now, out LogIndex index)
    {
        index = LogIndex.Zero;
        if (_transfer.IsUnderWay)
        {
            return ProposalOutcome.TransferInProgress;
        }

        var outcome = _changes.Judge(target, HasCommittedInTerm, now, out var next);
        if (outcome != ProposalOutcome.Accepted)
        {
            return outcome;
        }

        Wake(now);
        index = _state.Log.LastIndex.Next;
        Append([new Proposal(EntryKind.Membership, next.ToBytes())], now);
        return ProposalOutcome.Accepted;
    }

    internal void RequestRead(ulong context, Instant now)
    {
        _activeAt = now;
        if (HasCommittedInTerm && (HoldsLease(now) || _state.Sabotage.Has(Sabotage.ReadsUnconfirmed)))
        {
            LeaseProbe.Hit();
            _state.Effects.Add(new RaftEffect { Kind = RaftEffectKind.ReadReady, Context = context, Index = _state.CommitIndex });
            return;
        }

        // A group that rests wakes with a round, which takes the read along.
        _reads.Add(context);
        Wake(now);
        ServeReads(now);
    }

    internal bool TransferTo(NodeId target, Instant now)
    {
        if (_transfer.IsUnderWay || target == _state.Self || !_state.Memberships.Latest.Voters.Contains(target))
        {
            return false;
        }

        Wake(now);
        _activeAt = now;
        _transfer.Begin(target, now);
        var peer = _replication.Find(target)!;
        _replication.SendTo(peer, now);
        _transfer.OnHeard(peer);
        return true;
    }

    internal void Tick(Instant now)
    {
        if (_transfer.Deadline <= now)
        {
            _transfer.Abort();
        }

        if (!_state.IsQuiescent && _heartbeatAt <= now)
        {
            Beat(now);
        }

        if (_commitNoticeAt <= now && _state.Leadership == this)
        {
            _commitNoticeAt = Instant.Never;
            _replication.SendCommitNotices(_commitNotice, _reads.Round);
        }
    }

    /// <summary>Activity: the group rests no longer.</summary>
    internal void Wake(Instant now)
    {
        if (!_state.IsQuiescent)
        {
            return;
        }

        _state.IsQuiescent = false;
        _activeAt = now;
        foreach (var peer in _replication.Peers)
        {
            // Nobody spoke while resting; everyone has a whole election timeout from now on to answer.
            peer.LastContact = now;
        }

        SendRound(now);
    }

    internal void OnReply(NodeId from, in RaftMessage reply, Instant now)
    {
        if (_replication.Find(from) is not { IsSelf: false } peer)
        {
            return;
        }

        peer.LastContact = now;
        switch (reply.Kind)
        {
            case RaftMessageKind.AppendReply:
                if (!reply.Granted)
                {
                    Wake(now);
                }

                OnProgress(peer, _replication.OnAppendReply(peer, reply, now), now);
                break;
            case RaftMessageKind.HeartbeatReply:
                OnHeartbeatReply(peer, reply, now);
                break;
            case RaftMessageKind.SnapshotReply:
                OnSnapshotReply(peer, reply, now);
                break;
        }
    }

    /// <summary>A replica begins anew, or goes on with that. It learns what it must have before it votes.</summary>
    internal void OnRebuildAsk(NodeId from, in RaftMessage ask, Instant now)
    {
        if (_replication.IsMuted || _replication.Find(from) is not { IsSelf: false } peer)
        {
            return;
        }

        peer.LastContact = now;
        _replication.OnRebuilding(peer, ask.Index, now);
        _state.Send(from, RaftMessage.RebuildTarget(_state.Term, ask.Round, _state.Log.LastIndex));
    }

    /// <summary>The log is on this replica's own disk through the state's durable index.</summary>
    internal void OnDurable(Instant now)
    {
        if (_replication.IsMuted && _state.DurableIndex >= _termStart)
        {
            // The disk holds what was written before the entry, too: the vote.
            _replication.IsMuted = false;
            _replication.SendToAll(now);
        }

        AdvanceCommit(now);
    }

    internal void OnUnreachable(NodeId node)
    {
        if (_replication.Find(node) is { } peer)
        {
            Replication.OnUnreachable(peer);
        }
    }

    internal void OnSnapshotSent(NodeId node, bool ok, Instant now)
    {
        if (_replication.Find(node) is { } peer)
        {
            Replication.OnSnapshotSent(peer, ok, now);
        }
    }

    private void OnProgress(PeerProgress peer, bool isNews, Instant now)
    {
        if (isNews)
        {
            AdvanceCommit(now);
        }

        if (_state.Leadership != this)
        {
            return;
        }

        _replication.SendTo(peer, now);
        if (isNews)
        {
            _transfer.OnHeard(peer);
        }
    }

    private void OnHeartbeatReply(PeerProgress peer, in RaftMessage reply, Instant now)
    {
        if (reply.Round > _reads.Round)
        {
            return;
        }

        peer.AckedRound = Math.Max(peer.AckedRound, reply.Round);
        if (!_state.IsQuiescent)
        {
            _replication.OnHeartbeatReply(peer, now);
            _transfer.OnHeard(peer);
        }

        ConfirmRounds(now);
    }

    private void OnSnapshotReply(PeerProgress peer, in RaftMessage reply, Instant now)
    {
        if (reply.Status == SnapshotStatus.Refused)
        {
            Replication.OnSnapshotSent(peer, ok: false, now);
        }

        _state.Effects.AddMessage(RaftEffectKind.SnapshotReplyReceived, peer.Node, reply, afterDurable: false);
        if (reply.Status == SnapshotStatus.Done && reply.Index <= _state.Log.LastIndex)
        {
            var isNews = _replication.OnMatched(peer, reply.Index, now);
            Replication.OnSnapshotDone(peer);
            OnProgress(peer, isNews, now);
        }
    }

    private void Append(ReadOnlySpan<Proposal> proposals, Instant now)
    {
        Check.That(!proposals.IsEmpty);
        _activeAt = now;
        if (_proposed.Length < proposals.Length)
        {
            _proposed = new LogEntry[Math.Max(proposals.Length, _proposed.Length * 2)];
        }

        var index = _state.Log.LastIndex;
        var membershipBefore = _state.Memberships.LatestIndex;
        for (var i = 0; i < proposals.Length; i++)
        {
            index = index.Next;
            _proposed[i] = new LogEntry(index, _state.Term, proposals[i].Kind, proposals[i].Payload);
        }

        _state.Append(_proposed.AsSpan(0, proposals.Length));
        Array.Clear(_proposed, 0, proposals.Length);
        if (_state.Memberships.LatestIndex > membershipBefore)
        {
            _replication.UseMembership(now);
            if (!_state.Memberships.Latest.Voters.Contains(_transfer.Target))
            {
                _transfer.Abort();
            }
        }

        _replication.SendToAll(now);
        if (_state.Sabotage.Has(Sabotage.CountsItselfBeforeDurable))
        {
            AdvanceCommit(now);
        }
    }

    /// <summary>Commits what a quorum holds, if it is of this term (3.6.2).</summary>
    private void AdvanceCommit(Instant now)
    {
        var reached = _replication.QuorumMatch();
        if (reached <= _state.CommitIndex)
        {
            return;
        }

        if (reached < _termStart && !_state.Sabotage.Has(Sabotage.CountsOlderTerms))
        {
            // Figure 3.7 (of the paper: figure 8): a later leader may still replace an entry of an older term that a majority holds. It
            // commits indirectly, with an entry of this term behind it.
            OldTermProbe.Hit();
            return;
        }

        _state.CommitTo(reached);
        _activeAt = now;
        _commitNotice = reached;
        _commitNoticeAt = Instant.Min(_commitNoticeAt, now + _state.Options.CommitNoticeDelay);
        HasCommittedInTerm = true;
        ServeReads(now);
        FinishMembershipChange(now);
    }

    /// <summary>
    /// A committed joint membership is left at once; a leader that has no place in the new one then goes (4.2.2 and 4.3).
    /// </summary>
    private void FinishMembershipChange(Instant now)
    {
        if (_state.Memberships.LatestIndex > _state.CommitIndex)
        {
            return;
        }

        var membership = _state.Memberships.Latest;
        if (membership.IsJoint)
        {
            Append([new Proposal(EntryKind.Membership, membership.Leave().ToBytes())], now);
        }
        else if (!membership.IsVoter(_state.Self))
        {
            RemovedProbe.Hit();
            HandOver();
            _state.BecomeFollower(_state.Term, NodeId.None, now);
        }
    }

    /// <summary>
    /// Tells everyone what is committed, and the best successor to campaign, so that nobody waits for an election timeout.
    /// </summary>
    private void HandOver()
    {
        _replication.SendHeartbeats(_reads.Round);
        PeerProgress? best = null;
        foreach (var peer in _replication.Peers)
        {
            if (_state.Memberships.Latest.IsVoter(peer.Node) && (best is null || peer.Match > best.Match))
            {
                best = peer;
            }
        }

        if (best is not null)
        {
            _transfer.TellToCampaign(best.Node);
        }
    }

    private void Beat(Instant now)
    {
        if (now - _replication.QuorumContact(now) >= _state.Options.ElectionTimeoutMax
            && !_state.Sabotage.Has(Sabotage.DisturbedByAnyone))
        {
            // Check-quorum (6.2): its clients had better look elsewhere.
            LostQuorumProbe.Hit();
            _state.BecomeFollower(_state.Term, NodeId.None, now);
            return;
        }

        if (MayQuiesce(now))
        {
            QuiesceProbe.Hit();
            foreach (var peer in _replication.Peers)
            {
                if (!peer.IsSelf)
                {
                    _state.Send(peer.Node, RaftMessage.Quiesce(_state.Term, _state.Log.LastIndex, _state.Log.LastTerm));
                }
            }

            _state.IsQuiescent = true;
            _commitNoticeAt = Instant.Never;
            return;
        }

        SendRound(now);
    }

    private bool MayQuiesce(Instant now)
    {
        if (_state.Options.QuiesceAfter == Duration.Infinite
            || now - _activeAt < _state.Options.QuiesceAfter
            || !HasCommittedInTerm
            || !_reads.IsEmpty
            || _transfer.IsUnderWay
            || _state.CommitIndex != _state.Log.LastIndex
            || _state.Memberships.Latest.IsJoint)
        {
            return false;
        }

        foreach (var peer in _replication.Peers)
        {
            var isAtRest = peer.IsSelf
                ? _state.DurableIndex == _state.Log.LastIndex
                : peer.Match == _state.Log.LastIndex
                    && peer.State == ProgressState.Replicate
                    && now - peer.LastContact <= _state.Options.ElectionTimeoutMin;
            if (!isAtRest)
            {
                return false;
            }
        }

        return true;
    }

    private bool HoldsLease(Instant now) =>
        _state.Options.LeaseReads
        && !_transfer.EverToldToCampaign
        && _reads.ConfirmedAt is { } confirmedAt
        && now - confirmedAt < (_state.Sabotage.Has(Sabotage.LeaseTooLong)
            ? _state.Options.ElectionTimeoutMax
            : _state.Options.ElectionTimeoutMin - _state.Options.LeaseClockDriftBound);

    private void ServeReads(Instant now)
    {
        if (HasCommittedInTerm && _reads.WantsRound)
        {
            SendRound(now);
        }
    }

    private void SendRound(Instant now)
    {
        var round = _reads.StartRound(HasCommittedInTerm ? _state.CommitIndex : null, now);
        _heartbeatAt = now + _state.Options.HeartbeatInterval;
        _replication.SendHeartbeats(round);
        if (_replication.Find(_state.Self) is { } self)
        {
            self.AckedRound = round;
            ConfirmRounds(now);
        }
    }

    private void ConfirmRounds(Instant now)
    {
        _reads.Confirm(_replication.QuorumRound(), _state.Effects);
        ServeReads(now);
    }
}
