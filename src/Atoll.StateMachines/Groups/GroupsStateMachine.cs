using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Snapshots;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Groups;

/// <summary>
/// The groups of one shard: members, generations, assignments and committed offsets (docs/streams.md). All of it is in memory, as an
/// immutable map, and made durable by the log and by snapshots. It knows no time but for how long nobody has used a group.
/// </summary>
public sealed class GroupsStateMachine : IStateMachine
{
    private static readonly Probe Forgotten = Probe.Define("groups: one that nobody used was forgotten");

    private ImmutableSortedDictionary<string, ConsumerGroup> _groups =
        ImmutableSortedDictionary.Create<string, ConsumerGroup>(StringComparer.Ordinal);

    // What follows from the groups, to find them by.
    private readonly SortedSet<string> _active = new(StringComparer.Ordinal);
    private readonly SortedSet<(long At, string Group)> _forgotten = new(Comparer<(long At, string Group)>.Create(
        static (a, b) => a.At != b.At ? a.At.CompareTo(b.At) : string.CompareOrdinal(a.Group, b.Group)));

    private long _offsets;

    /// <summary>The bug that is planted.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <inheritdoc />
    public IStateTree? Tree => null;

    /// <inheritdoc />
    public HybridTime? NextExpiry => _forgotten.Count == 0 ? null : HybridTime.FromUnixMilliseconds(_forgotten.Min.At);

    /// <summary>Groups, those without members included.</summary>
    public int Count => _groups.Count;

    /// <summary>Committed offsets over all groups.</summary>
    public long OffsetCount => _offsets;

    /// <summary>The groups in which somebody may be too late for something, by id.</summary>
    public IEnumerable<ConsumerGroup> Active => _active.Select(id => _groups[id]);

    /// <summary>A group; null when there is none.</summary>
    public ConsumerGroup? Find(string group) => _groups.GetValueOrDefault(group);

    /// <inheritdoc />
    public void FindExpired(HybridTime now, Action<byte[]?, StoreFault?> done)
    {
        var due = _forgotten.TakeWhile(entry => entry.At <= now.UnixMilliseconds).Take(GroupLimits.GroupsPerCommandMax)
            .Select(static entry => entry.Group).ToList();
        byte[]? command = null;
        if (due.Count > 0)
        {
            var writer = new WireWriter();
            GroupCommand.WriteForget(writer, due);
            command = writer.ToArray();
        }

        done(command, null);
    }

    /// <inheritdoc />
    public bool IsPrepared(ReadOnlyMemory<byte> command) => true;

    /// <inheritdoc />
    public void Prepare(IReadOnlyList<ReadOnlyMemory<byte>> commands, Action<StoreFault?> ready) =>
        Check.Unreachable("everything is in memory");

    /// <inheritdoc />
    public void Apply(in CommandContext context, ReadOnlyMemory<byte> command, WireWriter result)
    {
        var answer = GroupCommand.KindOf(command.Span) switch
        {
            GroupCommandKind.Expire => Expire(command, context.Now),
            GroupCommandKind.Forget => Forget(command, context.Now),
            _ => ApplyToOne(command, context.Now),
        };
        answer.Write(result);
    }

    /// <inheritdoc />
    public bool TryRead(ReadOnlyMemory<byte> query, HybridTime now, WireWriter result)
    {
        GroupReader.Answer(_groups, query, result);
        return true;
    }

    /// <inheritdoc />
    public void ReadLater(ReadOnlyMemory<byte> query, Func<HybridTime> now, Action<StateAnswer> done) =>
        Check.Unreachable("everything is in memory");

    /// <inheritdoc />
    public void Persist(HybridTime now) => Check.Unreachable("groups are made durable by snapshots");

    /// <inheritdoc />
    public void Recover(ReadOnlyMemory<byte> meta, HybridTime now, Action<string?> done) =>
        Check.Unreachable("groups are made durable by snapshots");

    /// <inheritdoc />
    public ISnapshotSource BeginSnapshot()
    {
        var groups = _groups;
        return new RecordSnapshotSource(GroupsSnapshot.FormatVersion, writer => GroupsSnapshot.Records(groups, writer));
    }

    /// <inheritdoc />
    public IMachineTarget BeginRestore(HybridTime now, IStateLoad? load) => new GroupsSnapshotTarget(now, restored =>
    {
        _groups = Sabotage.Has(Sabotage.ForgetsOffsets)
            ? restored.SetItems(restored.Select(static pair => KeyValuePair.Create(
                pair.Key, pair.Value with { Offsets = ImmutableSortedDictionary<TopicPartition, CommittedOffset>.Empty })))
            : restored;
        _active.Clear();
        _forgotten.Clear();
        _offsets = 0;
        foreach (var (_, group) in _groups)
        {
            Index(group, isThere: true);
        }
    });

    /// <inheritdoc />
    public ulong StateHash()
    {
        var hasher = default(StateHasher);
        var writer = new WireWriter();
        foreach (var (_, group) in _groups)
        {
            foreach (var kind in GroupsSnapshot.Records(group, writer))
            {
                hasher.Add(kind);
                hasher.Add(writer.Written);
                writer.Reset();
            }
        }

        return hasher.Value;
    }

    private GroupResult ApplyToOne(ReadOnlyMemory<byte> command, HybridTime now)
    {
        if (GroupCommandReader.TryRead(command) is not { } read)
        {
            return new GroupResult(GroupStatus.Invalid);
        }

        var group = Find(read.Group);
        var outcome = read.Body switch
        {
            JoinGroup join => GroupMembership.Join(group, join, now),
            SyncGroup sync => GroupMembership.Sync(group, sync),
            LeaveGroup leave => GroupMembership.Leave(group, leave),
            CommitOffsets commit => GroupCommits.Commit(group, commit, Sabotage),
            DeleteOffsets delete => GroupCommits.DeleteOffsets(group, delete),
            BeginGroupTransaction begin => GroupTransactions.Begin(group, begin, now.UnixMilliseconds),
            CommitInTransaction commit => GroupTransactions.Commit(group, commit, now.UnixMilliseconds),
            EndGroupTransaction end => GroupTransactions.End(group, end, now.UnixMilliseconds, Sabotage),
            _ => Delete(group),
        };
        if (outcome.Changed is { } changed)
        {
            if (group is null && _groups.Count >= GroupLimits.GroupsPerShardMax)
            {
                return new GroupResult(GroupStatus.TooMany);
            }

            Replace(group, changed, now);
        }

        return outcome.Result;
    }

    private GroupOutcome Delete(ConsumerGroup? group)
    {
        if (group is null)
        {
            return GroupOutcome.Refused(GroupStatus.UnknownGroup);
        }

        if (!group.Members.IsEmpty)
        {
            return GroupOutcome.Refused(GroupStatus.NotEmpty);
        }

        Remove(group);
        return new GroupOutcome(new GroupResult(GroupStatus.Ok), null);
    }

    private GroupResult Expire(ReadOnlyMemory<byte> command, HybridTime now)
    {
        if (GroupCommandReader.TryReadExpire(command) is not { } expiries)
        {
            return new GroupResult(GroupStatus.Invalid);
        }

        foreach (var expiry in expiries)
        {
            var group = Find(expiry.Group);
            if (GroupMembership.Expire(group, expiry).Changed is { } changed)
            {
                Replace(group, changed, now);
            }
        }

        return new GroupResult(GroupStatus.Ok);
    }

    private GroupResult Forget(ReadOnlyMemory<byte> command, HybridTime now)
    {
        if (GroupCommandReader.TryReadForget(command) is not { } groups)
        {
            return new GroupResult(GroupStatus.Invalid);
        }

        foreach (var id in groups)
        {
            if (Find(id) is { ForgottenAt: { } at } group && at <= now.UnixMilliseconds)
            {
                Forgotten.Hit();
                Remove(group);
            }
        }

        return new GroupResult(GroupStatus.Ok);
    }

    private void Replace(ConsumerGroup? before, ConsumerGroup after, HybridTime now)
    {
        after = after with { LastChange = now.UnixMilliseconds };
        if (!ReferenceEquals(before?.Members, after.Members))
        {
            after.CheckInvariants();
        }

        Check.That(before is null || after.Phase >= before.Phase);
        if (before is not null)
        {
            Index(before, isThere: false);
        }

        _groups = _groups.SetItem(after.Id, after);
        Index(after, isThere: true);
    }

    private void Remove(ConsumerGroup group)
    {
        Index(group, isThere: false);
        _groups = _groups.Remove(group.Id);
    }

    // Puts a group into what it is found by, or takes it out.
    private void Index(ConsumerGroup group, bool isThere)
    {
        _offsets += isThere ? group.Offsets.Count : -group.Offsets.Count;
        if (group.ForgottenAt is { } at)
        {
            Check.That(isThere ? _forgotten.Add((at, group.Id)) : _forgotten.Remove((at, group.Id)));
        }
        else
        {
            Check.That(isThere ? _active.Add(group.Id) : _active.Remove(group.Id));
        }
    }
}
