using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Groups.Assigned;

namespace Atoll.Services.Streams.Groups;

/// <summary>How a join ended.</summary>
/// <param name="Status">Ok, or why not; with <see cref="GroupStatus.MemberIdRequired"/>, to be joined again with the id.</param>
/// <param name="MemberId">The member's id from now on; empty when it has none.</param>
/// <param name="SkipsAssignment">Whether it leads, and the assignment that there is holds.</param>
/// <param name="Generation">The generation that it has joined; null unless Ok.</param>
public sealed record GroupJoin(GroupStatus Status, string MemberId, bool SkipsAssignment, GroupJoined? Generation);

/// <summary>
/// Groups of consumers and their offsets. Refusals that members expect are statuses; every call may throw an <see cref="AtollException"/>
/// beside that, and be tried again then: a retry of a join may leave a member behind that never comes, until its session is over.
/// </summary>
public interface IGroups
{
    /// <summary>Joins a group, and waits until the generation begins.</summary>
    ValueTask<GroupJoin> JoinAsync(JoinGroup join, CancellationToken cancellationToken = default);

    /// <summary>Brings assignments, if the member leads, and waits for its own.</summary>
    ValueTask<GroupSynced> SyncAsync(SyncGroup sync, CancellationToken cancellationToken = default);

    /// <summary>Says that a member is there.</summary>
    ValueTask<GroupStatus> HeartbeatAsync(
        string group, MemberIdentity identity, int generation, CancellationToken cancellationToken = default);

    /// <summary>A member whose partitions the coordinator chooses says something of itself, or only that it is there.</summary>
    /// <param name="beat">What it says; what the directory says of its topics is added here.</param>
    /// <param name="catalog">The topics that there are.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InvalidPatternException">What names of topics are to match is no expression.</exception>
    ValueTask<AssignedView> HeartbeatAsync(ConsumerHeartbeat beat, TopicCatalog catalog, CancellationToken cancellationToken = default);

    /// <summary>A group whose coordinator shares out the partitions.</summary>
    ValueTask<AssignedDescription> DescribeAssignedAsync(string group, CancellationToken cancellationToken = default);

    /// <summary>Takes members out; what became of each is in the parts.</summary>
    ValueTask<GroupResult> LeaveAsync(LeaveGroup leave, CancellationToken cancellationToken = default);

    /// <summary>Commits offsets: all of them or none.</summary>
    ValueTask<GroupStatus> CommitAsync(CommitOffsets commit, CancellationToken cancellationToken = default);

    /// <summary>Lets a producer commit offsets in a transaction.</summary>
    ValueTask<GroupStatus> BeginTransactionAsync(BeginGroupTransaction begin, CancellationToken cancellationToken = default);

    /// <summary>Commits offsets in the open transaction of a producer: all of them or none, when it is committed.</summary>
    ValueTask<GroupStatus> CommitAsync(CommitInTransaction commit, CancellationToken cancellationToken = default);

    /// <summary>Ends a transaction.</summary>
    ValueTask<GroupStatus> EndTransactionAsync(EndGroupTransaction end, CancellationToken cancellationToken = default);

    /// <summary>Committed offsets, linearizably.</summary>
    /// <param name="group">The group.</param>
    /// <param name="places">Of which partitions; null: of all that have one.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<GroupOffsets> OffsetsAsync(
        string group, IReadOnlyCollection<TopicPartition>? places, CancellationToken cancellationToken = default);

    /// <summary>Forgets offsets; what became of each is in the parts.</summary>
    ValueTask<GroupResult> DeleteOffsetsAsync(DeleteOffsets delete, CancellationToken cancellationToken = default);

    /// <summary>Forgets a group that has no members, and its offsets.</summary>
    ValueTask<GroupStatus> DeleteAsync(string group, CancellationToken cancellationToken = default);

    /// <summary>A group, its members and their assignments.</summary>
    ValueTask<GroupDescription> DescribeAsync(string group, CancellationToken cancellationToken = default);

    /// <summary>All groups, in no order.</summary>
    ValueTask<IReadOnlyList<ListedGroup>> ListAsync(CancellationToken cancellationToken = default);

    /// <summary>The shard whose leader coordinates a group. Makes the space of groups when there is none.</summary>
    ValueTask<ShardInfo> ShardOfAsync(string group, CancellationToken cancellationToken = default);
}
