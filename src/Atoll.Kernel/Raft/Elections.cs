using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Kernel.Quorums;

namespace Atoll.Kernel.Raft;

/// <summary>How a replica asks for votes and gives its own (dissertation, 3.4, 3.6.1, 4.2.3 and 9.6).</summary>
internal sealed class Elections(ReplicaState state)
{
    private static readonly Probe ProtectedProbe = Probe.Define("raft: a vote request is ignored because a leader was heard lately");
    private static readonly Probe SplitProbe = Probe.Define("raft: an election ends without a winner");

    // Of the election under way; there is one only while this replica is a pre-candidate or a candidate.
    private VoteTally? _tally;

    /// <summary>No leader was heard for an election timeout, or an election did not end in one.</summary>
    internal void OnTimeout(Instant now)
    {
        Check.That(state.Role != Role.Leader);
        if (!state.CanCampaign)
        {
            state.ForgetLeader();
            state.ArmElectionTimer(now);
            return;
        }

        if (state.Role == Role.Candidate)
        {
            SplitProbe.Hit();
        }

        if (state.Sabotage.Has(Sabotage.DisturbedByAnyone))
        {
            Campaign(isTransfer: false, now);
            return;
        }

        // Before a replica raises its term, and so everybody else's, it asks whether it could win (9.6).
        state.BecomePreCandidate();
        StartTally();

        // A question that changed nothing may be repeated sooner than an election.
        state.ElectionDeadline = now
            + state.Random.NextDuration(state.Options.ElectionTimeoutMin / 2, state.Options.ElectionTimeoutMax / 2);
        if (_tally!.Outcome == VoteOutcome.Won)
        {
            Campaign(isTransfer: false, now);
            return;
        }

        SendToVoters(RaftMessage.PreVote(state.Term.Next, state.Log.LastIndex, state.Log.LastTerm), afterDurable: false);
    }

    /// <summary>Raises the term and asks for votes.</summary>
    /// <param name="isTransfer">The leader asked for it: the others need not protect that leader.</param>
    /// <param name="now">The time.</param>
    internal void Campaign(bool isTransfer, Instant now)
    {
        state.BecomeCandidate();
        StartTally();
        state.ArmElectionTimer(now);
        if (_tally!.Outcome == VoteOutcome.Won)
        {
            // Alone: nobody's reply proves that the own vote is on disk.
            Win(ownVoteIsDurable: false, now);
            return;
        }

        // The own vote must be durable before anybody's vote can depend on it: else a restart could forget the term and use it again.
        SendToVoters(RaftMessage.Vote(state.Term, state.Log.LastIndex, state.Log.LastTerm, isTransfer), afterDurable: true);
    }

    /// <summary>
    /// Whether a request for a vote is heeded at all, in whatever term. A leader, and who hears one, stay as they are; that also is what
    /// leases rest on (6.4.1).
    /// </summary>
    internal bool Heeds(in RaftMessage request, Instant now)
    {
        if (request.IsTransfer || !IsProtected(now))
        {
            return true;
        }

        ProtectedProbe.Hit();
        return false;
    }

    /// <summary>A request to vote, in a term that is not below this replica's (equal to it, unless it only asks).</summary>
    internal void OnRequest(NodeId from, in RaftMessage request, Instant now)
    {
        var isQuestion = request.Kind == RaftMessageKind.PreVote;
        if (isQuestion && IsProtected(now))
        {
            ProtectedProbe.Hit();
            state.Send(from, RaftMessage.PreVoteReply(state.Term, granted: false));
            return;
        }

        var isFree = state.Vote == from
            || (state.Vote == NodeId.None && state.Leader == NodeId.None)
            || (isQuestion && request.Term > state.Term);
        var isUpToDate = request.LogTerm > state.Log.LastTerm
            || (request.LogTerm == state.Log.LastTerm && request.Index >= state.Log.LastIndex);

        // Who lost what it acknowledged would not know which logs are up to date.
        var granted = isFree && isUpToDate && state.MayVote;
        if (isQuestion)
        {
            // A grant names the term asked about; a refusal this replica's own, so that a question from behind catches up.
            state.Send(from, RaftMessage.PreVoteReply(granted ? request.Term : state.Term, granted));
            return;
        }

        if (granted)
        {
            state.CastVote(from);
            state.ArmElectionTimer(now);
        }

        // Museum, row 2: the vote is on disk before anybody learns of it.
        var afterDurable = granted && !state.Sabotage.Has(Sabotage.VotesBeforeDurable);
        state.Send(from, RaftMessage.VoteReply(state.Term, granted), afterDurable);
    }

    /// <summary>An answer to a request of this replica.</summary>
    internal void OnReply(NodeId from, in RaftMessage reply, Instant now)
    {
        var isQuestion = reply.Kind == RaftMessageKind.PreVoteReply;
        if (state.Role != (isQuestion ? Role.PreCandidate : Role.Candidate)
            || reply.Term != (isQuestion && reply.Granted ? state.Term.Next : state.Term))
        {
            return;
        }

        _tally!.Record(from, reply.Granted);
        switch (_tally.Outcome)
        {
            case VoteOutcome.Won when isQuestion:
                if (state.CanCampaign)
                {
                    Campaign(isTransfer: false, now);
                }

                break;
            case VoteOutcome.Won:
                Win(ownVoteIsDurable: true, now);
                break;
        }
    }

    /// <summary>
    /// Whether this replica believes in a leader: it is one, it heard from one within the shortest election timeout, or it rests on one's
    /// word.
    /// </summary>
    private bool IsProtected(Instant now) =>
        (state.Role == Role.Leader || now < state.ProtectedUntil || state.IsQuiescent)
        && !state.Sabotage.Has(Sabotage.DisturbedByAnyone);

    private void StartTally()
    {
        _tally = new VoteTally(state.Memberships.Latest.Voters, state.Memberships.Latest.OutgoingVoters)
        {
            Lacking = state.Sabotage.Has(Sabotage.QuorumLacksOne) ? 1 : 0,
        };
        _tally.Record(state.Self, granted: true);
    }

    private void Win(bool ownVoteIsDurable, Instant now)
    {
        _tally = null;
        var leadership = new Leadership(state, now, ownVoteIsDurable);
        state.BecomeLeader(leadership);
        leadership.Start(now);
    }

    private void SendToVoters(in RaftMessage message, bool afterDurable)
    {
        foreach (var node in state.Memberships.Latest.Everyone())
        {
            if (node != state.Self && state.Memberships.Latest.IsVoter(node))
            {
                state.Send(node, message, afterDurable);
            }
        }
    }
}
