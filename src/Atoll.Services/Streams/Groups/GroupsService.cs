using Atoll.Foundation.Bytes;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Directory;
using Atoll.Services.Errors;
using Atoll.Services.Spaces;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Groups.Assigned;

namespace Atoll.Services.Streams.Groups;

/// <summary>
/// Groups over a request port: commands and queries to the shards of the space that holds them, which is made when first needed. A join and
/// a sync are a command and then a query that lingers until others have done their part.
/// </summary>
internal sealed class GroupsService(Caller caller, DirectoryCache directory, ISpaces spaces) : IGroups
{
    // A query lingers no longer than this and is asked again: each one says that the member is there, long before its session is over.
    private static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly ResponseReader<GroupResult> ReadResult = static (in Response response) =>
        GroupResult.TryRead(response.Body) ?? throw Garbled();

    private static readonly ResponseReader<GroupJoined> ReadJoined = static (in Response response) =>
        GroupJoined.TryRead(response.Body) ?? throw Garbled();

    private static readonly ResponseReader<GroupSynced> ReadSynced = static (in Response response) =>
        GroupSynced.TryRead(response.Body) ?? throw Garbled();

    private static readonly ResponseReader<GroupStatus> ReadStatus = static (in Response response) =>
        response.Body.Length == 1 ? (GroupStatus)response.Body.Span[0] : throw Garbled();

    private static readonly ResponseReader<GroupOffsets> ReadOffsets = static (in Response response) =>
        GroupOffsets.TryRead(response.Body) ?? throw Garbled();

    private static readonly ResponseReader<GroupDescription> ReadDescription = static (in Response response) =>
        GroupDescription.TryRead(response.Body) ?? throw Garbled();

    private static readonly ResponseReader<GroupsPage> ReadPage = static (in Response response) =>
        GroupsPage.TryRead(response.Body) ?? throw Garbled();

    private static readonly ResponseReader<AssignedView> ReadView = static (in Response response) =>
        AssignedView.TryRead(response.Body) ?? throw Garbled();

    private static readonly ResponseReader<AssignedDescription> ReadAssigned = static (in Response response) =>
        AssignedDescription.TryRead(response.Body) ?? throw Garbled();

    private readonly CoordinatorSpace _space = new(GroupLimits.SpaceName, SpaceKind.Groups, directory, spaces);

    /// <inheritdoc />
    public async ValueTask<GroupJoin> JoinAsync(JoinGroup join, CancellationToken cancellationToken)
    {
        var result = await WriteAsync(join.Group, writer => GroupCommand.Write(writer, join), cancellationToken).ConfigureAwait(false);
        if (result.Status != GroupStatus.Ok)
        {
            return new GroupJoin(result.Status, result.MemberId, false, null);
        }

        // Until the others have joined, or are too late: by then the coordinator says so, or the next one, who waits as long again.
        var identity = join.Identity with { MemberId = result.MemberId };
        var payload = Encode(writer => GroupQuery.WriteJoined(writer, join.Group, identity));
        var patience = 2 * TimeSpan.FromMilliseconds(join.RebalanceMilliseconds) + Patience;
        var joined = await LingerAsync(join.Group, payload, patience, ReadJoined, static answer => answer.Status, cancellationToken)
            .ConfigureAwait(false);
        return joined.Status == GroupStatus.Ok
            ? new GroupJoin(GroupStatus.Ok, result.MemberId, result.SkipsAssignment, joined)
            : new GroupJoin(Settled(joined.Status), result.MemberId, false, null);
    }

    /// <inheritdoc />
    public async ValueTask<GroupSynced> SyncAsync(SyncGroup sync, CancellationToken cancellationToken)
    {
        var result = await WriteAsync(sync.Group, writer => GroupCommand.Write(writer, sync), cancellationToken).ConfigureAwait(false);
        if (result.Status != GroupStatus.Ok)
        {
            return new GroupSynced(result.Status, "", "", default);
        }

        // A leader that never brings the assignment goes when its time is over, and with it the generation.
        var payload = Encode(writer => GroupQuery.WriteSynced(writer, sync.Group, sync.Identity, sync.Generation));
        var patience = TimeSpan.FromMilliseconds(GroupLimits.SessionMillisecondsMax);
        var synced = await LingerAsync(sync.Group, payload, patience, ReadSynced, static answer => answer.Status, cancellationToken)
            .ConfigureAwait(false);
        return synced with { Status = Settled(synced.Status) };
    }

    /// <inheritdoc />
    public ValueTask<GroupStatus> HeartbeatAsync(
        string group, MemberIdentity identity, int generation, CancellationToken cancellationToken) => ReadAsync(
        group, Encode(writer => GroupQuery.WriteHeartbeat(writer, group, identity, generation)), ReadStatus, cancellationToken);

    /// <inheritdoc />
    public async ValueTask<AssignedView> HeartbeatAsync(
        ConsumerHeartbeat beat, TopicCatalog catalog, CancellationToken cancellationToken)
    {
        // Nearly all of them change nothing: they are asked about, and only what changes something goes into the log.
        var view = await ReadAsync(
            beat.Group, Encode(writer => GroupQuery.WriteHeartbeat(writer, beat)), ReadView, cancellationToken).ConfigureAwait(false);
        if (view.Status != GroupStatus.Ok)
        {
            return view;
        }

        var facts = beat.Epoch < HeartbeatEpochs.Join ? null : TopicLookup.Of(catalog, view.Names, view.Pattern);
        if (!view.ChangesSomething && (facts is null || TopicLookup.IsKnown(facts, view.Known)))
        {
            return view;
        }

        var told = beat with { Facts = facts };
        var result = await WriteAsync(beat.Group, writer => GroupCommand.Write(writer, told), cancellationToken).ConfigureAwait(false);
        return result.View ?? new AssignedView(result.Status, "", 0, null);
    }

    /// <inheritdoc />
    public ValueTask<AssignedDescription> DescribeAssignedAsync(string group, CancellationToken cancellationToken) => ReadAsync(
        group, Encode(writer => GroupQuery.WriteDescribeAssigned(writer, group)), ReadAssigned, cancellationToken);

    /// <inheritdoc />
    public ValueTask<GroupResult> LeaveAsync(LeaveGroup leave, CancellationToken cancellationToken) =>
        WriteAsync(leave.Group, writer => GroupCommand.Write(writer, leave), cancellationToken);

    /// <inheritdoc />
    public async ValueTask<GroupStatus> CommitAsync(CommitOffsets commit, CancellationToken cancellationToken) =>
        (await WriteAsync(commit.Group, writer => GroupCommand.Write(writer, commit), cancellationToken).ConfigureAwait(false)).Status;

    /// <inheritdoc />
    public async ValueTask<GroupStatus> BeginTransactionAsync(BeginGroupTransaction begin, CancellationToken cancellationToken) =>
        (await WriteAsync(begin.Group, writer => GroupCommand.Write(writer, begin), cancellationToken).ConfigureAwait(false)).Status;

    /// <inheritdoc />
    public async ValueTask<GroupStatus> CommitAsync(CommitInTransaction commit, CancellationToken cancellationToken) =>
        (await WriteAsync(commit.Commit.Group, writer => GroupCommand.Write(writer, commit), cancellationToken).ConfigureAwait(false))
        .Status;

    /// <inheritdoc />
    public async ValueTask<GroupStatus> EndTransactionAsync(EndGroupTransaction end, CancellationToken cancellationToken) =>
        (await WriteAsync(end.Group, writer => GroupCommand.Write(writer, end), cancellationToken).ConfigureAwait(false)).Status;

    /// <inheritdoc />
    public ValueTask<GroupOffsets> OffsetsAsync(
        string group, IReadOnlyCollection<TopicPartition>? places, CancellationToken cancellationToken) => ReadAsync(
        group, Encode(writer => GroupQuery.WriteOffsets(writer, group, places)), ReadOffsets, cancellationToken);

    /// <inheritdoc />
    public ValueTask<GroupResult> DeleteOffsetsAsync(DeleteOffsets delete, CancellationToken cancellationToken) =>
        WriteAsync(delete.Group, writer => GroupCommand.Write(writer, delete), cancellationToken);

    /// <inheritdoc />
    public async ValueTask<GroupStatus> DeleteAsync(string group, CancellationToken cancellationToken) =>
        (await WriteAsync(group, writer => GroupCommand.WriteDelete(writer, group), cancellationToken).ConfigureAwait(false)).Status;

    /// <inheritdoc />
    public ValueTask<GroupDescription> DescribeAsync(string group, CancellationToken cancellationToken) => ReadAsync(
        group, Encode(writer => GroupQuery.WriteDescribe(writer, group)), ReadDescription, cancellationToken);

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<ListedGroup>> ListAsync(CancellationToken cancellationToken)
    {
        await directory.RefreshAsync(cancellationToken).ConfigureAwait(false);
        var shards = await _space.ShardsAsync(cancellationToken).ConfigureAwait(false);
        var pages = await Task.WhenAll(shards.Select(shard => ListAsync(shard, cancellationToken))).ConfigureAwait(false);
        return [.. pages.SelectMany(static page => page)];
    }

    /// <inheritdoc />
    public ValueTask<ShardInfo> ShardOfAsync(string group, CancellationToken cancellationToken) =>
        _space.ShardOfAsync(GroupCommand.HashOf(group), cancellationToken);

    private static AtollException Garbled() => new(ErrorCode.Protocol, "the answer of the group's shard cannot be decoded");

    // Its client is to begin anew: it waited for longer than anything may last.
    private static GroupStatus Settled(GroupStatus status) =>
        status == GroupStatus.Waiting ? GroupStatus.RebalanceInProgress : status;

    private static byte[] Encode(Action<WireWriter> write)
    {
        var writer = Payloads.Begin();
        write(writer);
        return Payloads.Take(writer);
    }

    private async Task<List<ListedGroup>> ListAsync(ShardInfo shard, CancellationToken cancellation)
    {
        var groups = new List<ListedGroup>();
        while (true)
        {
            var request = new Request
            {
                Kind = RequestKind.Read, Shard = shard.Id,
                Payload = Encode(writer => GroupQuery.WriteList(writer, groups.Count == 0 ? "" : groups[^1].Group)),
            };
            var page = await caller.Invoke(request, Patience, null, ReadPage, cancellation).ConfigureAwait(false);
            groups.AddRange(page.Groups);
            if (!page.More)
            {
                return groups;
            }
        }
    }

    private async ValueTask<T> LingerAsync<T>(
        string group, byte[] payload, TimeSpan patience, ResponseReader<T> read, Func<T, GroupStatus> statusOf,
        CancellationToken cancellation)
    {
        var startedAt = caller.Time.GetTimestamp();
        while (true)
        {
            var request = await RequestAsync(RequestKind.Read, group, payload, cancellation).ConfigureAwait(false) with
            {
                Linger = Caller.ToDuration(LingerTime),
            };
            var answer = await caller.Invoke(request, Patience, null, read, cancellation).ConfigureAwait(false);
            if (statusOf(answer) != GroupStatus.Waiting || caller.Time.GetElapsedTime(startedAt) > patience)
            {
                return answer;
            }
        }
    }

    private async ValueTask<GroupResult> WriteAsync(string group, Action<WireWriter> write, CancellationToken cancellation)
    {
        var request = await RequestAsync(RequestKind.Write, group, Encode(write), cancellation).ConfigureAwait(false);
        return await caller.Invoke(request, Patience, null, ReadResult, cancellation).ConfigureAwait(false);
    }

    private async ValueTask<T> ReadAsync<T>(string group, byte[] payload, ResponseReader<T> read, CancellationToken cancellation)
    {
        var request = await RequestAsync(RequestKind.Read, group, payload, cancellation).ConfigureAwait(false);
        return await caller.Invoke(request, Patience, null, read, cancellation).ConfigureAwait(false);
    }

    private async ValueTask<Request> RequestAsync(RequestKind kind, string group, byte[] payload, CancellationToken cancellation)
    {
        if (!GroupCommand.IsGroupId(group))
        {
            throw new InvalidGroupException();
        }

        var space = await _space.GetAsync(cancellation).ConfigureAwait(false);
        return new Request { Kind = kind, Space = space.Id, RoutingHash = GroupCommand.HashOf(group), Payload = payload };
    }
}
