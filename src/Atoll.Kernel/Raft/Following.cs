using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Raft;

/// <summary>What a replica does with a leader's messages (dissertation, 3.5 and 5).</summary>
internal sealed class Following(ReplicaState state)
{
    private static readonly Probe SecondLeaderProbe = Probe.Define("raft: a second leader speaks in one term");
    private static readonly Probe OvertakenSnapshotProbe = Probe.Define("raft: a snapshot is overtaken by the log");

    /// <summary>Entries from the leader of this term.</summary>
    internal void OnAppend(NodeId from, in RaftMessage append, Instant now)
    {
        if (!IsSane(append) || !Accept(from, now) || state.Installing is not null)
        {
            return;
        }

        if (append.Index < state.CommitIndex && !state.Sabotage.Has(Sabotage.CutsAtAnyAppend))
        {
            // Late or doubled. What is committed agrees in every log (leader completeness, 3.6.3).
            Reply(from, RaftMessage.AppendMatched(state.Term, state.CommitIndex));
            return;
        }

        if (!HasPrevious(append))
        {
            var hint = LogIndex.Max(state.CommitIndex, state.Log.LastNotAbove(append.Index, append.LogTerm));
            var known = state.Log.TryGetTerm(hint, out var hintTerm);
            Check.That(known);
            state.Send(from, RaftMessage.AppendRefused(state.Term, append.Index, hint, hintTerm));
            return;
        }

        // Entries that are there already stay, and what follows them: a late message must not cut what a newer one brought (3.5).
        var entries = append.Entries.Span;
        var fresh = 0;
        while (fresh < entries.Length
            && state.Log.Has(entries[fresh].Index, entries[fresh].Term)
            && !state.Sabotage.Has(Sabotage.CutsAtAnyAppend))
        {
            fresh++;
        }

        if (fresh < entries.Length)
        {
            state.Append(entries[fresh..]);
        }

        var match = append.Index + (ulong)entries.Length;
        state.NoteMatched(match);
        state.CommitTo(LogIndex.Min(append.Commit, match));
        Reply(from, RaftMessage.AppendMatched(state.Term, match));
    }

    /// <summary>The leader of this term lives.</summary>
    internal void OnHeartbeat(NodeId from, in RaftMessage heartbeat, Instant now)
    {
        if (!Accept(from, now))
        {
            return;
        }

        // The leader names no more than what it knows this replica to hold.
        if (state.Installing is null && heartbeat.Commit <= state.Log.LastIndex)
        {
            state.CommitTo(heartbeat.Commit);
        }

        state.Send(from, RaftMessage.HeartbeatReply(state.Term, heartbeat.Round));
    }

    /// <summary>The leader of this term will be silent, and everything in its log is committed.</summary>
    internal void OnQuiesce(NodeId from, in RaftMessage quiesce, Instant now)
    {
        // Who lacks something keeps its timer, and will make itself heard.
        if (Accept(from, now)
            && state.Installing is null
            && !state.IsRebuilding
            && quiesce.Index == state.Log.LastIndex
            && quiesce.LogTerm == state.Log.LastTerm)
        {
            state.CommitTo(quiesce.Index);
            state.IsQuiescent = true;
        }
    }

    /// <summary>A piece of a snapshot from the leader of this term.</summary>
    internal void OnSnapshotChunk(NodeId from, in RaftMessage chunk, Instant now)
    {
        if (chunk.Membership is not { IsWellFormed: true }
            || chunk.LogTerm > chunk.Term
            || !Accept(from, now)
            || state.Installing is not null)
        {
            return;
        }

        if (IsNeeded(chunk.Index, chunk.LogTerm))
        {
            state.Effects.AddMessage(RaftEffectKind.SnapshotChunkReceived, from, chunk, afterDurable: false);
        }
        else
        {
            Reply(from, RaftMessage.SnapshotReply(state.Term, chunk.Index, chunk.TotalBytes, SnapshotStatus.Done));
        }
    }

    /// <summary>See <see cref="RaftCore.TryBeginSnapshotInstall"/>.</summary>
    internal bool TryBeginInstall(LogIndex index, Term term, Instant now)
    {
        if (state.Role == Role.Leader || state.Installing is not null)
        {
            return false;
        }

        if (!IsNeeded(index, term))
        {
            if (state.Leader != NodeId.None)
            {
                // What makes it needless may still be on its way to the disk.
                Reply(state.Leader, RaftMessage.SnapshotReply(state.Term, index, 0, SnapshotStatus.Done));
            }

            return false;
        }

        if (state.Role != Role.Follower)
        {
            state.BecomeFollower(state.Term, NodeId.None, now);
        }

        state.Installing = index;
        return true;
    }

    /// <summary>See <see cref="RaftCore.SnapshotInstalled"/>.</summary>
    internal void OnInstalled(LogIndex index, Term term, Membership membership)
    {
        Check.That(state.Installing == index);
        state.Installing = null;
        state.ResetLog(index, term, membership);
        if (state.Leader != NodeId.None)
        {
            Reply(state.Leader, RaftMessage.SnapshotReply(state.Term, index, 0, SnapshotStatus.Done));
        }
    }

    private bool HasPrevious(in RaftMessage append) => state.Log.Has(append.Index, append.LogTerm)
        || (append.Index <= state.Log.LastIndex && state.Sabotage.Has(Sabotage.ComparesLengthsOnly));

    // The log may have caught up by itself. A matching entry means that everything before it matches: then the log is kept, because what
    // follows the entry may have been acknowledged (figure 5.3, step 6).
    private bool IsNeeded(LogIndex index, Term term)
    {
        if (index > state.CommitIndex && state.Log.Has(index, term))
        {
            OvertakenSnapshotProbe.Hit();
            state.CommitTo(index);
        }

        return index > state.CommitIndex;
    }

    // Everything that was appended before is durable before an acknowledgement leaves (museum, row 1).
    private void Reply(NodeId to, in RaftMessage message) =>
        state.Send(to, message, afterDurable: !state.Sabotage.Has(Sabotage.AcknowledgesBeforeDurable));

    private bool Accept(NodeId from, Instant now)
    {
        if (state.Role == Role.Leader || (state.Leader != NodeId.None && state.Leader != from))
        {
            // Election safety rules it out. The checkers of simulated clusters look for it; a replica can only decline to follow.
            SecondLeaderProbe.Hit();
            return false;
        }

        state.HeardLeader(from, now);
        return true;
    }

    private static bool IsSane(in RaftMessage append)
    {
        var index = append.Index;
        var term = append.LogTerm;
        foreach (ref readonly var entry in append.Entries.Span)
        {
            if (entry.Index.Value != index.Value + 1
                || entry.Term < term
                || entry.Term > append.Term
                || (entry.Kind == EntryKind.Membership && !Membership.TryDecode(entry.Payload, out _)))
            {
                return false;
            }

            index = entry.Index;
            term = entry.Term;
        }

        return term <= append.Term;
    }
}
