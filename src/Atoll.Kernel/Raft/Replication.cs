using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Kernel.Quorums;

namespace Atoll.Kernel.Raft;

/// <summary>
/// How a leader brings everyone's log to its own: whom it knows to have what, what it sends to whom, and what a quorum has reached
/// (dissertation, 3.5 and 10.2.1).
/// </summary>
internal sealed class Replication
{
    private static readonly Probe LostAcknowledgedProbe = Probe.Define("raft: a follower refuses what it had acknowledged");
    private static readonly Probe RefusedInFlightProbe = Probe.Define("raft: an append in flight is refused");
    private static readonly Probe SnapshotProbe = Probe.Define("raft: a follower needs a snapshot");

    private readonly ReplicaState _state;
    private PeerProgress[] _peers = [];
    private PeerProgress[] _voters = [];
    private PeerProgress[] _outgoingVoters = [];

    internal Replication(ReplicaState state, Instant now, bool isMuted)
    {
        _state = state;
        IsMuted = isMuted;
        UseMembership(now);
    }

    /// <summary>
    /// Nothing is sent yet, because the own vote may not be durable: a leader elected by itself alone could forget its term at a restart,
    /// use it again and write other entries under the same (index, term).
    /// </summary>
    internal bool IsMuted { get; set; }

    internal ReadOnlySpan<PeerProgress> Peers => _peers;

    internal PeerProgress? Find(NodeId node)
    {
        foreach (var peer in _peers)
        {
            if (peer.Node == node)
            {
                return peer;
            }
        }

        return null;
    }

    /// <summary>Follows a change of membership, which is in force as soon as it is in the log. Who stays keeps its progress.</summary>
    internal void UseMembership(Instant now)
    {
        var membership = _state.Memberships.Latest;
        var before = _peers;
        _peers = [.. membership.Everyone().Select(node => Array.Find(before, peer => peer.Node == node) ?? NewPeer(node, now))];
        _voters = Select(membership.Voters);
        _outgoingVoters = Select(membership.OutgoingVoters);
    }

    /// <summary>Sends what there is to send to everyone.</summary>
    internal void SendToAll(Instant now)
    {
        foreach (var peer in _peers)
        {
            SendTo(peer, now);
        }
    }

    internal void SendTo(PeerProgress peer, Instant now)
    {
        if (IsMuted || peer.IsSelf)
        {
            return;
        }

        switch (peer.State)
        {
            case ProgressState.Probe when !peer.IsPaused:
                SendProbe(peer, now);
                break;
            case ProgressState.Replicate:
                while (peer.State == ProgressState.Replicate && peer.Next <= _state.Log.LastIndex && !peer.InFlight.IsFull)
                {
                    if (!NeedsSnapshot(peer, now))
                    {
                        var bytes = SendEntries(peer, out var through);
                        peer.Sent(through, bytes);
                    }
                }

                break;
        }
    }

    /// <summary>Tells who may use it, and has not been told, that entries are committed.</summary>
    /// <param name="commit">The index to tell; a peer whose appends carried it is skipped.</param>
    /// <param name="round">The latest heartbeat round, repeated: an answer to it proves no more than the round itself.</param>
    internal void SendCommitNotices(LogIndex commit, ulong round)
    {
        foreach (var peer in _peers)
        {
            if (!peer.IsSelf && peer.SentCommit < LogIndex.Min(commit, peer.Match))
            {
                SendHeartbeat(peer, round);
            }
        }
    }

    internal void SendHeartbeats(ulong round)
    {
        foreach (var peer in _peers)
        {
            if (!peer.IsSelf)
            {
                SendHeartbeat(peer, round);
            }
        }
    }

    /// <summary>A follower's answer to an append; true when its match rose.</summary>
    internal bool OnAppendReply(PeerProgress peer, in RaftMessage reply, Instant now)
    {
        if (!reply.Granted)
        {
            OnRefused(peer, reply, now);
            return false;
        }

        return reply.Index <= _state.Log.LastIndex && OnMatched(peer, reply.Index, now);
    }

    /// <summary>The follower has everything through the index; true when that is news.</summary>
    internal bool OnMatched(PeerProgress peer, LogIndex match, Instant now)
    {
        var isNews = peer.Matched(match, now);
        if (peer.State == ProgressState.Probe || (peer.State == ProgressState.Snapshot && peer.Match >= _state.Log.CompactedIndex))
        {
            peer.BecomeReplicate();
        }

        return isNews;
    }

    /// <summary>A follower answered a heartbeat: it lives, so what it did not answer may be lost.</summary>
    internal void OnHeartbeatReply(PeerProgress peer, Instant now)
    {
        // Paced: read rounds bring many such answers between two heartbeats.
        var isDue = now - peer.ProbedAt >= _state.Options.HeartbeatInterval;
        switch (peer.State)
        {
            case ProgressState.Probe when isDue:
                peer.IsPaused = false;
                break;
            case ProgressState.Replicate when isDue
                && peer.InFlight.Count > 0
                && now - peer.ProgressedAt >= _state.Options.HeartbeatInterval:
                // The end of the pipeline may be lost, with nothing behind it to be refused: ask about it.
                if (!NeedsSnapshot(peer, now))
                {
                    peer.ProbedAt = now;
                    SendEmpty(peer);
                }

                break;
        }

        SendTo(peer, now);
    }

    /// <summary>What was sent to the peer lately may be lost.</summary>
    internal static void OnUnreachable(PeerProgress peer)
    {
        if (peer.State == ProgressState.Replicate)
        {
            peer.BecomeProbe(peer.Match.Next);
        }
    }

    /// <summary>The host is through with a snapshot, or has given it up.</summary>
    internal static void OnSnapshotSent(PeerProgress peer, bool ok, Instant now)
    {
        if (peer.State == ProgressState.Snapshot && !ok)
        {
            // Tried again when the peer next answers a heartbeat, not at once.
            peer.BecomeProbe(peer.Match.Next);
            peer.IsPaused = true;
            peer.ProbedAt = now;
        }
    }

    /// <summary>The follower has lost its log, and says what it has by now; what it acknowledged before is no guide any more.</summary>
    internal void OnRebuilding(PeerProgress peer, LogIndex lastIndex, Instant now)
    {
        if (peer.Match > lastIndex)
        {
            LostAcknowledgedProbe.Hit();
            peer.LoseMatch();
            peer.BecomeProbe(lastIndex.Next);
        }

        SendTo(peer, now);
    }

    /// <summary>The follower has installed a snapshot. The log may have been compacted further meanwhile: a probe finds out.</summary>
    internal static void OnSnapshotDone(PeerProgress peer)
    {
        if (peer.State == ProgressState.Snapshot)
        {
            peer.BecomeProbe(peer.Match.Next);
        }
    }

    /// <summary>The highest index that a quorum holds durably.</summary>
    internal LogIndex QuorumMatch()
    {
        Span<LogIndex> voters = stackalloc LogIndex[Limits.ReplicasMax];
        Span<LogIndex> outgoing = stackalloc LogIndex[Limits.ReplicasMax];
        for (var i = 0; i < _voters.Length; i++)
        {
            voters[i] = MatchOf(_voters[i]);
        }

        for (var i = 0; i < _outgoingVoters.Length; i++)
        {
            outgoing[i] = MatchOf(_outgoingVoters[i]);
        }

        return Majority.ReachedByBoth(
            voters[.._voters.Length],
            outgoing[.._outgoingVoters.Length],
            _state.Sabotage.Has(Sabotage.QuorumLacksOne) ? 1 : 0);
    }

    /// <summary>The highest heartbeat round that a quorum has answered.</summary>
    internal ulong QuorumRound()
    {
        Span<ulong> voters = stackalloc ulong[Limits.ReplicasMax];
        Span<ulong> outgoing = stackalloc ulong[Limits.ReplicasMax];
        for (var i = 0; i < _voters.Length; i++)
        {
            voters[i] = _voters[i].AckedRound;
        }

        for (var i = 0; i < _outgoingVoters.Length; i++)
        {
            outgoing[i] = _outgoingVoters[i].AckedRound;
        }

        return Majority.ReachedByBoth(voters[.._voters.Length], outgoing[.._outgoingVoters.Length]);
    }

    /// <summary>The latest instant such that a quorum was heard from at or after it.</summary>
    internal Instant QuorumContact(Instant now)
    {
        Span<Instant> voters = stackalloc Instant[Limits.ReplicasMax];
        Span<Instant> outgoing = stackalloc Instant[Limits.ReplicasMax];
        for (var i = 0; i < _voters.Length; i++)
        {
            voters[i] = _voters[i].IsSelf ? now : _voters[i].LastContact;
        }

        for (var i = 0; i < _outgoingVoters.Length; i++)
        {
            outgoing[i] = _outgoingVoters[i].IsSelf ? now : _outgoingVoters[i].LastContact;
        }

        return Majority.ReachedByBoth(voters[.._voters.Length], outgoing[.._outgoingVoters.Length]);
    }

    internal ImmutableArray<PeerStatus> Describe()
    {
        var membership = _state.Memberships.Latest;
        return
        [
            .. _peers.Where(peer => !peer.IsSelf).Select(peer => new PeerStatus(
                peer.Node, membership.IsVoter(peer.Node), peer.State, peer.Match, peer.Next, peer.LastContact)),
        ];
    }

    // A leader counts itself like anybody else: by what is on its disk (10.2.1; museum, row 13).
    private LogIndex MatchOf(PeerProgress peer) =>
        !peer.IsSelf ? peer.Match
        : _state.Sabotage.Has(Sabotage.CountsItselfBeforeDurable) ? _state.Log.LastIndex
        : _state.DurableIndex;

    private PeerProgress NewPeer(NodeId node, Instant now) =>
        new(
            node,
            node == _state.Self,
            _state.Log.LastIndex.Next,
            now,
            new InFlightAppends(_state.Options.AppendsInFlightMax, _state.Options.BytesInFlightMax));

    private PeerProgress[] Select(ImmutableArray<NodeId> nodes) =>
        [.. nodes.Select(node => Array.Find(_peers, peer => peer.Node == node)!)];

    private void OnRefused(PeerProgress peer, in RaftMessage reply, Instant now)
    {
        var isAnswerToNow = peer.State switch
        {
            ProgressState.Probe => reply.Index.Value + 1 == peer.Next.Value,
            ProgressState.Replicate => reply.Index > peer.Match && reply.Index < peer.Next,
            _ => false,
        };
        if (!isAnswerToNow || reply.Index == LogIndex.Zero)
        {
            // Late; or nonsense: nobody can refuse to begin at the beginning.
            return;
        }

        if (reply.Index <= peer.Match)
        {
            // Its disk has lost what it said was durable (or the refusal is late). It gets it again, and counts for it no more meanwhile.
            LostAcknowledgedProbe.Hit();
            peer.LoseMatch();
        }

        if (peer.State == ProgressState.Replicate)
        {
            RefusedInFlightProbe.Hit();
        }

        // The follower's hint skips its terms above the one asked about; the own log then skips terms above the hint's (3.5).
        var mayAgree = _state.Log.LastNotAbove(reply.HintIndex, reply.LogTerm);
        peer.BecomeProbe(LogIndex.Min(reply.Index, mayAgree.Next));
        SendTo(peer, now);
    }

    private void SendProbe(PeerProgress peer, Instant now)
    {
        if (NeedsSnapshot(peer, now))
        {
            return;
        }

        if (peer.Next <= _state.Log.LastIndex)
        {
            SendEntries(peer, out _);
        }
        else
        {
            SendEmpty(peer);
        }

        peer.IsPaused = true;
        peer.ProbedAt = now;
    }

    private bool NeedsSnapshot(PeerProgress peer, Instant now)
    {
        if (peer.Next > _state.Log.CompactedIndex)
        {
            return false;
        }

        if (now - peer.LastContact > _state.Options.ElectionTimeoutMax)
        {
            // A snapshot is not thrown at a node that is probably dead.
            peer.BecomeProbe(peer.Next);
            peer.IsPaused = true;
            peer.ProbedAt = now;
            return true;
        }

        SnapshotProbe.Hit();
        peer.BecomeSnapshot();
        _state.Effects.Add(new RaftEffect
        {
            Kind = RaftEffectKind.SendSnapshot, Peer = peer.Node, Index = _state.Log.CompactedIndex, Term = _state.Term,
        });
        return true;
    }

    /// <summary>Asks the host to send entries from the peer's next one on; returns what they are charged against the window.</summary>
    private long SendEntries(PeerProgress peer, out LogIndex through)
    {
        var last = LogIndex.Min(_state.Log.LastIndex, peer.Next + (ulong)(_state.Options.AppendEntriesMax - 1));
        if (!_state.Sizes.TryFit(peer.Next, last, _state.Options.AppendBytesMax, out through, out var bytes))
        {
            through = LogIndex.Min(last, peer.Next + (ulong)(_state.Options.UnsizedEntriesMax - 1));
            bytes = _state.Options.AppendBytesMax;
        }

        var known = _state.Log.TryGetTerm(peer.Next.Previous, out var prevTerm);
        Check.That(known);
        _state.Effects.Add(new RaftEffect
        {
            Kind = RaftEffectKind.SendEntries,
            Peer = peer.Node,
            Term = _state.Term,
            First = peer.Next,
            Last = through,
            PrevTerm = prevTerm,
            Commit = _state.CommitIndex,
        });
        peer.SentCommit = LogIndex.Max(peer.SentCommit, LogIndex.Min(_state.CommitIndex, through));
        return bytes;
    }

    private void SendEmpty(PeerProgress peer)
    {
        var known = _state.Log.TryGetTerm(peer.Next.Previous, out var prevTerm);
        Check.That(known);
        _state.Send(peer.Node, RaftMessage.Append(_state.Term, peer.Next.Previous, prevTerm, _state.CommitIndex, default));
    }

    private void SendHeartbeat(PeerProgress peer, ulong round)
    {
        if (IsMuted)
        {
            return;
        }

        var commit = LogIndex.Min(_state.CommitIndex, peer.Match);
        peer.SentCommit = LogIndex.Max(peer.SentCommit, commit);
        _state.Send(peer.Node, RaftMessage.Heartbeat(_state.Term, round, commit));
    }
}
