using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Kernel.Raft;

/// <summary>Something that the core wants done.</summary>
public enum RaftEffectKind : byte
{
    /// <summary>Write <see cref="RaftEffect.HardState"/> to the disk.</summary>
    SaveHardState = 1,

    /// <summary>
    /// Append <see cref="RaftEffects.EntriesOf"/> to the log; when the first one's index is not the one after the last in the log, the log
    /// is first cut before it. Report by <see cref="RaftCore.LogDurable"/> when it is on the disk.
    /// </summary>
    AppendEntries = 2,

    /// <summary>
    /// Send <see cref="RaftEffects.MessageOf"/> to <see cref="RaftEffect.Peer"/>; mind <see cref="RaftEffect.AfterDurable"/>.
    /// </summary>
    Send = 3,

    /// <summary>
    /// Send the entries <see cref="RaftEffect.First"/> to <see cref="RaftEffect.Last"/> to <see cref="RaftEffect.Peer"/> as one or more
    /// consecutive Append messages, with <see cref="RaftEffect.Term"/> as their term. At once: replication does not wait for the leader's
    /// own disk (dissertation, 10.2.1). If the entries must be read first, and the core's term is another by then, nothing is sent.
    /// </summary>
    SendEntries = 4,

    /// <summary>Stream a snapshot of at least <see cref="RaftEffect.Index"/> to <see cref="RaftEffect.Peer"/>.</summary>
    SendSnapshot = 5,

    /// <summary>
    /// A piece of a snapshot that this replica needs has come: <see cref="RaftEffects.MessageOf"/>, from <see cref="RaftEffect.Peer"/>.
    /// </summary>
    SnapshotChunkReceived = 6,

    /// <summary>A follower answered about a snapshot: <see cref="RaftEffects.MessageOf"/>, from <see cref="RaftEffect.Peer"/>.</summary>
    SnapshotReplyReceived = 7,

    /// <summary>Everything through <see cref="RaftEffect.Index"/> is committed: apply it.</summary>
    Committed = 8,

    /// <summary>The read <see cref="RaftEffect.Context"/> may be answered once <see cref="RaftEffect.Index"/> is applied.</summary>
    ReadReady = 9,

    /// <summary>The read <see cref="RaftEffect.Context"/> can't be answered here: leadership is lost.</summary>
    ReadFailed = 10,

    /// <summary>
    /// Role, term or known leader changed: <see cref="RaftEffect.Role"/>, <see cref="RaftEffect.Term"/>, <see cref="RaftEffect.Peer"/>.
    /// </summary>
    RoleChanged = 11,

    /// <summary>
    /// <see cref="RaftEffect.Membership"/>, at <see cref="RaftEffect.Index"/>, is in force (or in force again, after the log was cut), or
    /// is now committed: <see cref="RaftEffect.IsCommitted"/>.
    /// </summary>
    MembershipChanged = 12,

    /// <summary>
    /// A rebuilding replica has all that it had. Remember on the disk, behind everything that earlier effects write, that it is no longer
    /// rebuilding.
    /// </summary>
    Rebuilt = 13,
}

/// <summary>One effect. Which fields mean something depends on the kind.</summary>
public readonly struct RaftEffect
{
    /// <summary>What is to be done.</summary>
    public RaftEffectKind Kind { get; init; }

    /// <summary>
    /// Send: not before everything that earlier effects append and save is durable. What depends on the disk is data here, not a
    /// convention (museum, rows 1 and 2).
    /// </summary>
    public bool AfterDurable { get; init; }

    /// <summary>MembershipChanged: it is committed.</summary>
    public bool IsCommitted { get; init; }

    /// <summary>RoleChanged: what the replica is now.</summary>
    public Role Role { get; init; }

    /// <summary>The other replica; in RoleChanged the known leader or none.</summary>
    public NodeId Peer { get; init; }

    /// <summary>RoleChanged, SendEntries: the core's term. SaveHardState: the term to save.</summary>
    public Term Term { get; init; }

    /// <summary>SaveHardState: the vote to save.</summary>
    public NodeId Vote { get; init; }

    /// <summary>
    /// Committed: through here. ReadReady: wait for this. SendSnapshot: at least this. MembershipChanged: where it stands.
    /// </summary>
    public LogIndex Index { get; init; }

    /// <summary>AppendEntries, SendEntries: the first entry.</summary>
    public LogIndex First { get; init; }

    /// <summary>AppendEntries, SendEntries: the last entry.</summary>
    public LogIndex Last { get; init; }

    /// <summary>SendEntries: the index before <see cref="First"/>.</summary>
    public LogIndex PrevIndex => First.Previous;

    /// <summary>SendEntries: the term of the entry at <see cref="PrevIndex"/>.</summary>
    public Term PrevTerm { get; init; }

    /// <summary>SendEntries: the leader's commit index.</summary>
    public LogIndex Commit { get; init; }

    /// <summary>ReadReady, ReadFailed: what the host gave to <see cref="RaftCore.RequestRead"/>.</summary>
    public ulong Context { get; init; }

    /// <summary>MembershipChanged: the membership.</summary>
    public Membership? Membership { get; init; }

    /// <summary>SaveHardState: what to save.</summary>
    public HardState HardState => new(Term, Vote);

    // Where in the buffers of RaftEffects the message or the entries are.
    internal int Slot { get; init; }
}
