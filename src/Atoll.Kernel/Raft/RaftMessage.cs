using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Kernel.Raft;

/// <summary>
/// What a message between two replicas of a shard says. docs/raft.md has the catalogue: who sends each, who handles it, and how.
/// </summary>
public enum RaftMessageKind : byte
{
    /// <summary>Would you vote for me in this (next) term? Nothing changes at the receiver (dissertation, 9.6).</summary>
    PreVote = 1,

    /// <summary>The answer to <see cref="PreVote"/>; granted ones carry the term asked about, refused ones the sender's own.</summary>
    PreVoteReply = 2,

    /// <summary>Vote for me in this term (RequestVote, figure 3.1).</summary>
    Vote = 3,

    /// <summary>The answer to <see cref="Vote"/>.</summary>
    VoteReply = 4,

    /// <summary>Entries and the position before them (AppendEntries, figure 3.1).</summary>
    Append = 5,

    /// <summary>The answer to <see cref="Append"/>: a match, or a refusal with a hint where the logs may agree.</summary>
    AppendReply = 6,

    /// <summary>I lead; round number and what you may commit.</summary>
    Heartbeat = 7,

    /// <summary>The answer to <see cref="Heartbeat"/>, with its round.</summary>
    HeartbeatReply = 8,

    /// <summary>A piece of a snapshot (InstallSnapshot, figure 5.3).</summary>
    SnapshotChunk = 9,

    /// <summary>The answer to <see cref="SnapshotChunk"/>.</summary>
    SnapshotReply = 10,

    /// <summary>Start an election at once: leadership is handed to you (dissertation, 3.10).</summary>
    TimeoutNow = 11,

    /// <summary>Nothing will come for a while: if you have everything, stop your election timer.</summary>
    Quiesce = 12,

    /// <summary>I am being rebuilt, and have so much: what is your last index? (docs/raft.md)</summary>
    RebuildAsk = 13,

    /// <summary>The answer of a leader to <see cref="RebuildAsk"/>.</summary>
    RebuildTarget = 14,
}

/// <summary>What the receiver of a snapshot says about it.</summary>
public enum SnapshotStatus : byte
{
    /// <summary>Go on at <see cref="RaftMessage.Offset"/>.</summary>
    Wanted = 0,

    /// <summary>The receiver has everything through <see cref="RaftMessage.Index"/>, by this snapshot or otherwise.</summary>
    Done = 1,

    /// <summary>The receiver can't take it now (disk full, damaged); try again later from the start.</summary>
    Refused = 2,
}

/// <summary>
/// One message between two replicas of a shard. Which fields mean something depends on the kind; the factories name them.
/// </summary>
public readonly record struct RaftMessage
{
    /// <summary>What it says.</summary>
    public RaftMessageKind Kind { get; init; }

    /// <summary>The sender's term; for <see cref="RaftMessageKind.PreVote"/> and its grant the term asked about.</summary>
    public Term Term { get; init; }

    /// <summary>
    /// PreVote, Vote, Quiesce: the sender's last index. Append: the index before the entries. AppendReply: the match, or the refused index.
    /// SnapshotChunk, SnapshotReply: the snapshot's index. RebuildAsk, RebuildTarget: the sender's last index.
    /// </summary>
    public LogIndex Index { get; init; }

    /// <summary>The term of the entry at <see cref="Index"/>; in a refusing AppendReply of the one at <see cref="HintIndex"/>.</summary>
    public Term LogTerm { get; init; }

    /// <summary>Append, Heartbeat: what is committed, as far as it concerns the receiver.</summary>
    public LogIndex Commit { get; init; }

    /// <summary>Refusing AppendReply: the highest index at which the logs may still agree.</summary>
    public LogIndex HintIndex { get; init; }

    /// <summary>
    /// Heartbeat and its reply: the round, ascending within a term. RebuildAsk, RebuildTarget: a number that the asker drew.
    /// </summary>
    public ulong Round { get; init; }

    /// <summary>Vote replies: the vote is granted. AppendReply: the logs match.</summary>
    public bool Granted { get; init; }

    /// <summary>Vote: the leader itself asked for this election, so that nobody protects it (dissertation, 3.10 and 4.2.3).</summary>
    public bool IsTransfer { get; init; }

    /// <summary>Append: the entries, consecutive from the one after <see cref="Index"/>.</summary>
    public ReadOnlyMemory<LogEntry> Entries { get; init; }

    /// <summary>SnapshotChunk: the membership in force at <see cref="Index"/>.</summary>
    public Membership? Membership { get; init; }

    /// <summary>SnapshotChunk: where <see cref="Bytes"/> belong. SnapshotReply: the offset wanted next. In bytes.</summary>
    public long Offset { get; init; }

    /// <summary>SnapshotChunk: the snapshot's size in bytes.</summary>
    public long TotalBytes { get; init; }

    /// <summary>SnapshotChunk: a piece of the snapshot.</summary>
    public ReadOnlyMemory<byte> Bytes { get; init; }

    /// <summary>SnapshotReply: what the receiver says.</summary>
    public SnapshotStatus Status { get; init; }

    /// <summary>SnapshotChunk: nothing follows this piece.</summary>
    public bool IsLastChunk => Offset + Bytes.Length == TotalBytes;

    /// <summary>Would you vote for me?</summary>
    public static RaftMessage PreVote(Term nextTerm, LogIndex lastIndex, Term lastTerm) =>
        new() { Kind = RaftMessageKind.PreVote, Term = nextTerm, Index = lastIndex, LogTerm = lastTerm };

    /// <summary>I would, or would not.</summary>
    public static RaftMessage PreVoteReply(Term term, bool granted) =>
        new() { Kind = RaftMessageKind.PreVoteReply, Term = term, Granted = granted };

    /// <summary>Vote for me.</summary>
    public static RaftMessage Vote(Term term, LogIndex lastIndex, Term lastTerm, bool isTransfer) =>
        new() { Kind = RaftMessageKind.Vote, Term = term, Index = lastIndex, LogTerm = lastTerm, IsTransfer = isTransfer };

    /// <summary>I do, or do not.</summary>
    public static RaftMessage VoteReply(Term term, bool granted) =>
        new() { Kind = RaftMessageKind.VoteReply, Term = term, Granted = granted };

    /// <summary>Entries and the position before them.</summary>
    public static RaftMessage Append(Term term, LogIndex prevIndex, Term prevTerm, LogIndex commit, ReadOnlyMemory<LogEntry> entries) =>
        new() { Kind = RaftMessageKind.Append, Term = term, Index = prevIndex, LogTerm = prevTerm, Commit = commit, Entries = entries };

    /// <summary>My log is yours through this index, and durable.</summary>
    public static RaftMessage AppendMatched(Term term, LogIndex match) =>
        new() { Kind = RaftMessageKind.AppendReply, Term = term, Granted = true, Index = match };

    /// <summary>I don't have what you think is before the entries; we may agree at the hint.</summary>
    public static RaftMessage AppendRefused(Term term, LogIndex refusedIndex, LogIndex hintIndex, Term hintTerm) =>
        new() { Kind = RaftMessageKind.AppendReply, Term = term, Index = refusedIndex, HintIndex = hintIndex, LogTerm = hintTerm };

    /// <summary>I lead.</summary>
    public static RaftMessage Heartbeat(Term term, ulong round, LogIndex commit) =>
        new() { Kind = RaftMessageKind.Heartbeat, Term = term, Round = round, Commit = commit };

    /// <summary>So you do.</summary>
    public static RaftMessage HeartbeatReply(Term term, ulong round) =>
        new() { Kind = RaftMessageKind.HeartbeatReply, Term = term, Round = round };

    /// <summary>A piece of a snapshot.</summary>
    public static RaftMessage SnapshotChunk(
        Term term, LogIndex index, Term snapshotTerm, Membership membership, long offset, long totalBytes, ReadOnlyMemory<byte> bytes) =>
        new()
        {
            Kind = RaftMessageKind.SnapshotChunk,
            Term = term,
            Index = index,
            LogTerm = snapshotTerm,
            Membership = membership,
            Offset = offset,
            TotalBytes = totalBytes,
            Bytes = bytes,
        };

    /// <summary>What I say about the snapshot.</summary>
    public static RaftMessage SnapshotReply(Term term, LogIndex index, long nextOffset, SnapshotStatus status) =>
        new() { Kind = RaftMessageKind.SnapshotReply, Term = term, Index = index, Offset = nextOffset, Status = status };

    /// <summary>Start an election at once.</summary>
    public static RaftMessage TimeoutNow(Term term) => new() { Kind = RaftMessageKind.TimeoutNow, Term = term };

    /// <summary>Rest.</summary>
    public static RaftMessage Quiesce(Term term, LogIndex lastIndex, Term lastTerm) =>
        new() { Kind = RaftMessageKind.Quiesce, Term = term, Index = lastIndex, LogTerm = lastTerm };

    /// <summary>I am being rebuilt.</summary>
    public static RaftMessage RebuildAsk(Term term, ulong question, LogIndex lastIndex) =>
        new() { Kind = RaftMessageKind.RebuildAsk, Term = term, Round = question, Index = lastIndex };

    /// <summary>You have all that you had when you have so much of my log.</summary>
    public static RaftMessage RebuildTarget(Term term, ulong question, LogIndex lastIndex) =>
        new() { Kind = RaftMessageKind.RebuildTarget, Term = term, Round = question, Index = lastIndex };

    /// <summary>One line for transcripts and traces.</summary>
    public override string ToString() => Kind switch
    {
        RaftMessageKind.PreVote => $"PreVote term {Term} last {Index}@{LogTerm}",
        RaftMessageKind.PreVoteReply or RaftMessageKind.VoteReply => $"{Kind} term {Term} {(Granted ? "granted" : "refused")}",
        RaftMessageKind.Vote => $"Vote term {Term} last {Index}@{LogTerm}{(IsTransfer ? " transfer" : "")}",
        RaftMessageKind.Append => $"Append term {Term} prev {Index}@{LogTerm} commit {Commit} entries {Describe(Entries.Span)}",
        RaftMessageKind.AppendReply when Granted => $"AppendReply term {Term} match {Index}",
        RaftMessageKind.AppendReply => $"AppendReply term {Term} refused {Index} hint {HintIndex}@{LogTerm}",
        RaftMessageKind.Heartbeat => $"Heartbeat term {Term} round {Round} commit {Commit}",
        RaftMessageKind.HeartbeatReply => $"HeartbeatReply term {Term} round {Round}",
        RaftMessageKind.SnapshotChunk =>
            $"SnapshotChunk term {Term} snapshot {Index}@{LogTerm} {Membership} bytes {Offset}+{Bytes.Length} of {TotalBytes}",
        RaftMessageKind.SnapshotReply => $"SnapshotReply term {Term} snapshot {Index} {Status} offset {Offset}",
        RaftMessageKind.TimeoutNow => $"TimeoutNow term {Term}",
        RaftMessageKind.RebuildAsk or RaftMessageKind.RebuildTarget => $"{Kind} term {Term} question {Round:x} last {Index}",
        RaftMessageKind.Quiesce => $"Quiesce term {Term} last {Index}@{LogTerm}",
        _ => $"unknown {(byte)Kind}",
    };

    /// <summary>"4@2 5@2": what a span of entries covers.</summary>
    public static string Describe(ReadOnlySpan<LogEntry> entries)
    {
        if (entries.IsEmpty)
        {
            return "none";
        }

        var words = new string[entries.Length];
        for (var i = 0; i < entries.Length; i++)
        {
            words[i] = $"{entries[i].Index}@{entries[i].Term}";
        }

        return string.Join(' ', words);
    }
}
