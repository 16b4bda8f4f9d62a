using Atoll.Foundation.Logs;

namespace Atoll.Kernel.Raft;

/// <summary>What a replica finds on its disk when it starts.</summary>
/// <param name="HardState">Term and vote.</param>
/// <param name="SnapshotIndex">The last index that the log no longer holds (it is compacted through here), or 0.</param>
/// <param name="SnapshotTerm">The term of the entry at <paramref name="SnapshotIndex"/>; 0 at index 0.</param>
/// <param name="SnapshotMembership">
/// The membership in force at <paramref name="SnapshotIndex"/>, or, when the log keeps a tail from before the newest snapshot, the one in
/// that snapshot. At index 0 the initial one: the same on every founding replica, and <see cref="Membership.Empty"/> on a replica that
/// joins later and will be told by its leader.
/// </param>
/// <param name="TermRuns">
/// Where in the log each term starts, ascending in both; empty when the log is. The first run starts at (or before) the log's first index.
/// </param>
/// <param name="LastIndex">The last index in the log, or <paramref name="SnapshotIndex"/> when it is empty.</param>
/// <param name="MembershipsInLog">The memberships that the log holds, ascending.</param>
/// <param name="AppliedIndex">What the state machine already contains; the commit index starts here.</param>
/// <param name="IsRebuilding">
/// The replica has lost what it had (not term and vote): it gives no votes until it has got it back from others (docs/raft.md).
/// </param>
public sealed record RaftRestoredState(
    HardState HardState,
    LogIndex SnapshotIndex,
    Term SnapshotTerm,
    Membership SnapshotMembership,
    IReadOnlyList<(LogIndex First, Term Term)> TermRuns,
    LogIndex LastIndex,
    IReadOnlyList<(LogIndex Index, Membership Membership)> MembershipsInLog,
    LogIndex AppliedIndex,
    bool IsRebuilding = false)
{
    /// <summary>A replica that has never run.</summary>
    /// <param name="membership">The initial membership, or <see cref="Membership.Empty"/> for one that joins an existing group.</param>
    public static RaftRestoredState New(Membership membership) =>
        new(default, LogIndex.Zero, Term.Zero, membership, [], LogIndex.Zero, [], LogIndex.Zero);
}
