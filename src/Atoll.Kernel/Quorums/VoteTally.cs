using System.Collections.Immutable;
using Atoll.Foundation.Identity;

namespace Atoll.Kernel.Quorums;

/// <summary>How an election stands.</summary>
public enum VoteOutcome : byte
{
    /// <summary>It can still be won or lost.</summary>
    Pending = 0,

    /// <summary>Every set has a majority of grants.</summary>
    Won = 1,

    /// <summary>Some set can no longer come to a majority of grants.</summary>
    Lost = 2,
}

/// <summary>
/// Counts the votes of one election over one set of voters, or over two that must both agree. A node's first answer counts; answers of
/// nodes that are no voters count for nothing.
/// </summary>
/// <param name="voters">The voters; at least one.</param>
/// <param name="outgoing">While a change of voters is under way, those before it; else empty.</param>
public sealed class VoteTally(ImmutableArray<NodeId> voters, ImmutableArray<NodeId> outgoing)
{
    private readonly sbyte[] _votes = new sbyte[voters.Length];
    private readonly sbyte[] _outgoingVotes = new sbyte[outgoing.Length];

    /// <summary>Members that a majority may lack: 0, but for a planted bug.</summary>
    internal int Lacking { get; init; }

    /// <summary>How the election stands.</summary>
    public VoteOutcome Outcome
    {
        get
        {
            var outcome = OutcomeOf(_votes);
            var other = _outgoingVotes.Length == 0 ? outcome : OutcomeOf(_outgoingVotes);
            return outcome == other ? outcome
                : outcome == VoteOutcome.Lost || other == VoteOutcome.Lost ? VoteOutcome.Lost
                : VoteOutcome.Pending;
        }
    }

    /// <summary>Takes a node's answer.</summary>
    public void Record(NodeId node, bool granted)
    {
        RecordIn(_votes, voters, node, granted);
        RecordIn(_outgoingVotes, outgoing, node, granted);
    }

    private static void RecordIn(sbyte[] votes, ImmutableArray<NodeId> voters, NodeId node, bool granted)
    {
        var position = voters.IndexOf(node);
        if (position >= 0 && votes[position] == 0)
        {
            votes[position] = granted ? (sbyte)1 : (sbyte)-1;
        }
    }

    private VoteOutcome OutcomeOf(sbyte[] votes)
    {
        var granted = 0;
        var refused = 0;
        foreach (var vote in votes)
        {
            granted += vote > 0 ? 1 : 0;
            refused += vote < 0 ? 1 : 0;
        }

        var majority = Math.Max(1, Majority.Size(votes.Length) - Lacking);
        return granted >= majority ? VoteOutcome.Won
            : votes.Length - refused < majority ? VoteOutcome.Lost
            : VoteOutcome.Pending;
    }
}
