using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Raft;

/// <summary>Which changes of membership a leader allows, and by which steps (dissertation, 4.2.1 and 4.3).</summary>
internal sealed class MembershipChanges(ReplicaState state, Replication replication)
{
    /// <summary>Whether the change may begin, and the membership that begins it.</summary>
    /// <param name="target">What is wanted in the end.</param>
    /// <param name="hasCommittedInTerm">Whether this leader knows what is committed.</param>
    /// <param name="now">The time.</param>
    /// <param name="first">The target itself when only learners change; else the joint membership that leads there.</param>
    internal ProposalOutcome Judge(Membership target, bool hasCommittedInTerm, Instant now, out Membership first)
    {
        var current = state.Memberships.Latest;
        first = current;
        if (!target.IsWellFormed || target.Voters.IsEmpty || target.IsJoint || target == current)
        {
            return ProposalOutcome.InvalidMembership;
        }

        // One change at a time; and not before this leader knows that the last one is committed (the bug of 2015; museum, row 8).
        if (current.IsJoint || state.Memberships.LatestIndex > state.CommitIndex || !hasCommittedInTerm)
        {
            return ProposalOutcome.ChangeInProgress;
        }

        var isOneStep = target.Voters.AsSpan().SequenceEqual(current.Voters.AsSpan())
            || state.Sabotage.Has(Sabotage.ChangesVotersInOneStep);
        first = isOneStep ? target : current.Enter(target);
        if (!first.IsWellFormed)
        {
            return ProposalOutcome.InvalidMembership;
        }

        foreach (var node in target.Voters)
        {
            // Museum, row 14: a voter that lacks the log counts against the quorum from its first moment.
            if (!current.IsVoter(node) && !HasCaughtUp(node, now))
            {
                return ProposalOutcome.LearnerNotCaughtUp;
            }
        }

        return ProposalOutcome.Accepted;
    }

    private bool HasCaughtUp(NodeId node, Instant now) =>
        state.Sabotage.Has(Sabotage.PromotesAnyLearner)
        || (replication.Find(node) is { State: ProgressState.Replicate } peer
            && peer.Match + (ulong)state.Options.PromotionLagEntriesMax >= state.Log.LastIndex
            && now - peer.LastContact <= state.Options.ElectionTimeoutMax);
}
