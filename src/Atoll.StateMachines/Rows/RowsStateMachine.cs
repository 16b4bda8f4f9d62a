using System.Runtime.InteropServices;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Snapshots;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// The rows of a shard of a table: partitions by token, rows by clustering key, cells with timestamps; see <see cref="RowData"/>. A
/// mutation is applied in one step, its conditions evaluated in the same. A write that comes without a timestamp never loses to one that
/// was acknowledged before it, also when an earlier client wrote with a clock that is an hour ahead: it gets a timestamp above every one
/// that the cells which it touches have (see <see cref="RowsChange"/>). One that brings its own competes by it, and may lose.
/// </summary>
public sealed class RowsStateMachine : IStateMachine
{
    private static readonly Probe NotApplied = Probe.Define("rows: a condition does not hold");
    private static readonly Probe Swept = Probe.Define("rows: nothing deleted is left in a partition");

    private readonly IStateTree _tree;
    private readonly RowsState _state;
    private readonly RowsPersistence _persistence;
    private readonly RowsExpiry _expiry;
    private ParsedCommand? _last;

    /// <summary>A machine whose rows are all in memory.</summary>
    public RowsStateMachine()
        : this(new InMemoryStateTree())
    {
    }

    /// <summary>A machine over a tree.</summary>
    /// <param name="tree">Where the rows are; a tree that is not empty is taken over by <see cref="Recover"/> before all else.</param>
    public RowsStateMachine(IStateTree tree)
    {
        _tree = tree;
        _state = new RowsState(tree);
        _persistence = new RowsPersistence(tree);
        _expiry = new RowsExpiry(_state, StoredRecords.Instance);
    }

    /// <inheritdoc />
    public IStateTree? Tree => _tree;

    /// <summary>A planted bug; only simulation sets it.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <inheritdoc />
    public HybridTime? NextExpiry => _state.NextExpiry;

    /// <summary>Records in the store: rows, static rows, and notes about partitions.</summary>
    public long RecordCount => _state.Accounts.Count;

    /// <summary>Bytes of keys and rows.</summary>
    public long Bytes => _state.Accounts.Bytes;

    /// <inheritdoc />
    public void FindExpired(HybridTime now, Action<byte[]?, StoreFault?> done) =>
        _expiry.Find(now, !Sabotage.Has(Sabotage.ForgetsDeletions), done);

    /// <inheritdoc />
    public bool IsPrepared(ReadOnlyMemory<byte> command)
    {
        foreach (var key in Parse(command).Keys)
        {
            if (_state.Records.Find(key, out _) == LookupStatus.Missing)
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc />
    public void Prepare(IReadOnlyList<ReadOnlyMemory<byte>> commands, Action<StoreFault?> ready)
    {
        var keys = new List<ReadOnlyMemory<byte>>();
        foreach (var command in commands)
        {
            keys.AddRange(Parse(command).Keys);
        }

        if (_state.Records.Prepare(CollectionsMarshal.AsSpan(keys), ready))
        {
            ready(null);
        }
    }

    /// <inheritdoc />
    public void Apply(in CommandContext context, ReadOnlyMemory<byte> command, WireWriter result)
    {
        var parsed = Parse(command);
        _last = null;
        switch (parsed.Kind)
        {
            case RowsCommandKind.Mutate:
                Mutate(parsed.Mutation!, context.Now, result);
                break;
            case RowsCommandKind.Truncate:
                _state.Clear(context.Now);
                _state.History.Add(new RecordChange(context.Now, ChangeKind.Truncate, default, default));
                RowsResultCodec.WriteHead(result, RowsStatus.Ok, context.Now);
                break;
            case RowsCommandKind.Expire:
                Expire(parsed.Expired, context.Now);
                RowsResultCodec.WriteHead(result, RowsStatus.Ok, context.Now);
                break;
            default:
                RowsResultCodec.WriteHead(result, RowsStatus.Invalid, context.Now, "the bytes are not a rows command");
                break;
        }

        _state.History.Compact();
    }

    /// <inheritdoc />
    public bool TryRead(ReadOnlyMemory<byte> query, HybridTime now, WireWriter result) =>
        RowsReader.TryRead(_state, query, now, result, Sabotage);

    /// <inheritdoc />
    public void ReadLater(ReadOnlyMemory<byte> query, Func<HybridTime> now, Action<StateAnswer> done) =>
        RowsReader.ReadLater(_state, query, now, Sabotage, done);

    /// <inheritdoc />
    public void Persist(HybridTime now) => _persistence.Write(_state, now);

    /// <inheritdoc />
    public void Recover(ReadOnlyMemory<byte> meta, HybridTime now, Action<string?> done) => _persistence.Read(_state, meta, now, done);

    /// <inheritdoc />
    public ISnapshotSource BeginSnapshot() => new RowsSnapshotSource(_state);

    /// <inheritdoc />
    public IMachineTarget BeginRestore(HybridTime now, IStateLoad? load)
    {
        Check.That(load is not null);
        return new RowsSnapshotTarget(now, load, (accounts, lastTimestampMicros, history) =>
        {
            _state.Restore(accounts, history);
            _state.LastTimestampMicros = lastTimestampMicros;
            _persistence.Restored(history);
        });
    }

    /// <inheritdoc />
    public ulong StateHash()
    {
        var hasher = default(StateHasher);
        hasher.Add(_state.Hash);
        hasher.Add((ulong)_state.LastTimestampMicros);
        return hasher.Value;
    }

    // A command is looked at when it is prepared, and again when it is applied, mostly right afterwards.
    private ParsedCommand Parse(ReadOnlyMemory<byte> command)
    {
        if (_last?.IsOf(command) != true)
        {
            _last = ParsedCommand.Of(command);
        }

        return _last;
    }

    private void Mutate(RowsMutation mutation, HybridTime now, WireWriter result)
    {
        if (!Sabotage.Has(Sabotage.IgnoresExpectedVersions)
            && !RowConditions.Judge(mutation, (partition, isStatic, clustering) => Visible(partition, isStatic, clustering, now),
                now, result))
        {
            NotApplied.Hit();
            return;
        }

        var change = new RowsChange(_state, now, mutation.GraceSeconds, !Sabotage.Has(Sabotage.LosesToFastClocks));
        foreach (var partition in mutation.Partitions)
        {
            change.Add(partition);
        }

        var isGood = change.Fault is null && change.TryWrite();
        RowsResultCodec.WriteHead(result, isGood ? RowsStatus.Ok : RowsStatus.TooLarge, now, change.Fault ?? "");
    }

    private RowData Visible(PartitionMutation partition, bool isStatic, ReadOnlyMemory<byte> clustering, HybridTime now)
    {
        var deletions = _state.GetPartition(RowKey.OfPartition(partition.Token, partition.Key.Span)).Deletions;
        var key = ParsedCommand.KeyOf(partition, isStatic, clustering);
        return _state.GetRow(key).Row
            .Without(RowKey.CoveringOf(key, deletions))
            .VisibleAt(now.UnixMilliseconds);
    }

    // Whatever was written since the leader looked: what is dead now is dead.
    private void Expire(IReadOnlyList<ExpiredRow> expired, HybridTime now)
    {
        foreach (var row in expired)
        {
            if (!_state.Records.TryGet(row.Key, out var record))
            {
                continue;
            }

            if (RowKey.KindOf(row.Key.Span) == RowKeyKind.Partition)
            {
                ExpirePartition(row, record, now);
            }
            else
            {
                ExpireRow(row.Key, record, now);
            }
        }
    }

    private void ExpirePartition(in ExpiredRow row, in StoredRecord record, HybridTime now)
    {
        var partition = StoredPartition.Read(record.Value);
        var isSwept = (row.IsSwept && row.Version == record.Version) || Sabotage.Has(Sabotage.ForgetsDeletions);
        var after = (isSwept ? partition with { IsSwept = true } : partition).Purge(now.UnixMilliseconds);
        if (isSwept)
        {
            Swept.Hit();
        }

        if (isSwept || partition.IsSwept)
        {
            _state.Put(row.Key.ToArray(), after, now);
        }
    }

    private void ExpireRow(ReadOnlyMemory<byte> key, in StoredRecord record, HybridTime now)
    {
        var stored = StoredRow.Read(record.Value);
        var deletions = _state.GetPartition(RowKey.PartitionOf(key.Span)).Deletions;
        var nowMilliseconds = now.UnixMilliseconds;
        var uncovered = stored.Row.Without(RowKey.CoveringOf(key.Span, deletions));
        var after = uncovered.Purge(nowMilliseconds, nowMilliseconds - (stored.GraceSeconds * 1000L));
        if (after.IsEmpty)
        {
            Tell(key, stored.Row, record.Version, uncovered, default, now);
            _state.Remove(key, now);
        }
        else
        {
            var row = stored with { Row = after };
            var encoded = _state.Encode(row);
            Tell(key, stored.Row, record.Version, uncovered, encoded, now);
            _state.PutRow(key.ToArray(), row, encoded, now);
        }
    }

    // What readers see now against what they saw when the row was last written, as watchers were told of it then.
    private void Tell(
        ReadOnlyMemory<byte> key, RowData stored, HybridTime storedAt, RowData uncovered, ReadOnlyMemory<byte> encoded, HybridTime now)
    {
        var before = stored.VisibleAt(storedAt.UnixMilliseconds);
        var after = uncovered.VisibleAt(now.UnixMilliseconds);
        if (after.IsEmpty && !before.IsEmpty)
        {
            var isDeleted = uncovered.VisibleAt(storedAt.UnixMilliseconds).IsEmpty;
            _state.History.Add(
                new RecordChange(now, isDeleted ? ChangeKind.Delete : ChangeKind.Expire, KeptBytes.Copy(key.Span), default));
        }
        else if (after.Cells.Length != before.Cells.Length)
        {
            _state.History.Add(new RecordChange(now, ChangeKind.Put, KeptBytes.Copy(key.Span), encoded));
        }
    }
}
