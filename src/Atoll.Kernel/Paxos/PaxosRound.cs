using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Kernel.Quorums;

namespace Atoll.Kernel.Paxos;

/// <summary>What a coordinator's operation is doing.</summary>
internal enum PaxosPhase : byte
{
    Queued = 0,
    Inspecting = 1,
    Preparing = 2,
    Refreshing = 3,
    Evaluating = 4,
    Proposing = 5,
    Committing = 6,
    BackingOff = 7,
    AwaitingMembership = 8,
    Ended = 9,
}

/// <summary>One operation of a coordinator: where it is, and what it was told.</summary>
internal sealed class PaxosRound(PaxosOperation operation)
{
    internal PaxosOperation Operation { get; } = operation;

    internal PaxosMembership Membership { get; set; } = operation.Membership;

    internal PaxosPhase Phase { get; set; }

    /// <summary>The attempt's ballot; while inspecting only its mark.</summary>
    internal Ballot Ballot { get; set; }

    internal VoteTally? Tally { get; set; }

    /// <summary>Who answered in this phase, and what.</summary>
    internal List<(NodeId From, PaxosMessage Message)> Replies { get; } = [];

    internal int Refusals { get; set; }

    internal int Attempts { get; set; }

    /// <summary>Whether another coordinator was noticed at work on the partition.</summary>
    internal bool IsContended { get; set; }

    /// <summary>Whose the operation's own update is, wherever it turns up: the first ballot that proposed it.</summary>
    internal Ballot Original { get; set; }

    /// <summary>The last ballot that proposed it and that may still be decided, or have been; else none.</summary>
    internal Ballot LastProposed { get; set; }

    /// <summary>The last decree before the next one, as the promises say; without meaning before them.</summary>
    internal PaxosDecree LastCommitted { get; set; }

    /// <summary>What is being proposed or committed.</summary>
    internal PaxosDecree Decree { get; set; }

    /// <summary>Whether <see cref="Decree"/> ends the operation: its own update, or what a repair spreads.</summary>
    internal bool IsOwnDecree { get; set; }

    /// <summary>Refreshing: who still lacks <see cref="LastCommitted"/>. Committing: who still lacks <see cref="Decree"/>.</summary>
    internal List<NodeId> Lacking { get; } = [];

    /// <summary>Committing: every confirmation so far was of a replica without a gap, in this version of the membership.</summary>
    internal bool IsWholeEverywhere { get; set; }

    /// <summary>Committing its own decree: who confirmed it.</summary>
    internal ConsistencyTally? CommitTally { get; set; }

    internal ReplicaSet Replicas =>
        Operation.Replicas ?? ReplicaSet.Of(Membership.Epoch, Membership.Everyone.Select(node => new Replica(node, "")));

    internal ReadOnlyMemory<byte> Data { get; set; }

    internal bool HoldsPartition { get; set; }

    internal bool IsAnswered { get; set; }

    internal Instant ActAt { get; set; } = Instant.Never;

    internal Instant ScheduledAt { get; set; } = Instant.Never;

    internal Instant PatienceEndsAt { get; set; } = Instant.Never;

    /// <summary>The next moment at which something is to be done.</summary>
    internal Instant DueAt => Instant.Min(ActAt, Instant.Min(PatienceEndsAt, IsAnswered ? Instant.Never : Operation.Deadline));

    internal bool HasAnswered(NodeId node)
    {
        foreach (var (from, _) in Replies)
        {
            if (from == node)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether the message answers what this phase asked, for the first time.</summary>
    internal bool IsAnswer(PaxosPhase phase, NodeId from, in PaxosMessage message) =>
        Phase == phase && message.Ballot == Ballot && message.Epoch == Membership.Epoch
        && Membership.Electors.Contains(from) && !HasAnswered(from);

    /// <summary>Counts an answer that agrees; true when it completes a quorum.</summary>
    internal bool Counts(NodeId from, in PaxosMessage message)
    {
        Replies.Add((from, message));
        Tally!.Record(from, granted: true);
        if (Tally.Outcome != VoteOutcome.Won)
        {
            return false;
        }

        // Refusals are no answers to go by.
        Replies.RemoveAll(static reply => reply.Message.Kind == PaxosMessageKind.Refused);
        return true;
    }

    /// <summary>Whether all who answered the proposal so far have never accepted it, and never will.</summary>
    internal bool IsNowhere()
    {
        foreach (var (_, reply) in Replies)
        {
            if (!reply.WasNeverAccepted)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What the answers' data are together.</summary>
    internal ReadOnlyMemory<byte> Merged(IVersionMerge merge)
    {
        var versions = new ReadOnlyMemory<byte>[Replies.Count];
        for (var i = 0; i < versions.Length; i++)
        {
            versions[i] = Replies[i].Message.Data;
        }

        return merge.Merge(versions);
    }

    internal void EnterPhase(PaxosPhase phase, Instant actAt)
    {
        Phase = phase;
        ActAt = actAt;
        Replies.Clear();
        Refusals = 0;
    }
}
