using System.Runtime.InteropServices;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Rows;
using Atoll.StateMachines.Snapshots;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// The rows of a replica of an eventual shard: what it was told, merged. Replicas that were told the same, in any order and any number of
/// times, hold the same records once what deletions cover is swept and what the horizon allows is dropped. Each replica has a log of its
/// own, so everything that differs between replicas, horizon and notes, comes by commands, too.
/// </summary>
public sealed class EventualRowsStateMachine : IStateMachine
{
    private static readonly Probe Swept = Probe.Define("eventual: nothing deleted is left in a partition");
    private static readonly Probe Dropped = Probe.Define("eventual: the horizon lets a deletion go");
    private static readonly Probe Retried = Probe.Define("eventual: a replica knows the update that it is to lead");

    private static readonly Duration SabotagedGrace = Duration.FromSeconds(5);

    private readonly IStateTree _tree;
    private readonly EventualRowsState _state;
    private readonly EventualPersistence _persistence;
    private readonly RowsExpiry _expiry;
    private ParsedEventual? _last;

    /// <summary>A machine over a tree.</summary>
    /// <param name="tree">Where the rows are; a tree that is not empty is taken over by <see cref="Recover"/> before all else.</param>
    /// <param name="hashLow">The lowest routing hash of the shard.</param>
    /// <param name="hashHigh">The highest routing hash of the shard, included.</param>
    /// <param name="treeDepth">Levels of <see cref="Hashes"/> below the root.</param>
    public EventualRowsStateMachine(IStateTree tree, ulong hashLow, ulong hashHigh, int treeDepth)
    {
        _tree = tree;
        _state = new EventualRowsState(tree, new MerkleTree(hashLow, hashHigh, treeDepth));
        _persistence = new EventualPersistence(tree);
        _expiry = new RowsExpiry(_state, EventualRecords.Stored);
    }

    /// <inheritdoc />
    public IStateTree? Tree => _tree;

    /// <summary>A planted bug; only simulation sets it.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <summary>Commands that were taken apart when they were checked; null when nobody keeps them.</summary>
    public CheckedCommands? Checked { get; init; }

    /// <summary>
    /// The hashes of all records, of key and value each; the same object for the machine's life. Only to be read. The kernel calls
    /// "partition" what is a record here.
    /// </summary>
    public MerkleTree Hashes => _state.Hashes;

    /// <summary>Deletions with stamp and timestamp of at most this may be dropped.</summary>
    public HybridTime Horizon => _state.Horizon;

    /// <summary>Records in the store: rows, static rows, and what is known of partitions as a whole.</summary>
    public long RecordCount => _state.Accounts.Count;

    /// <summary>Bytes of keys and rows.</summary>
    public long Bytes => _state.Accounts.Bytes;

    /// <summary>
    /// Where there is something to sweep, or the horizon has passed something: a time long ago. Null while everything waits for the
    /// horizon, whatever the clock says.
    /// </summary>
    /// <remarks>
    /// The horizon says what is due: it may be ahead of this node's clock, which must not keep what the others have dropped.
    /// </remarks>
    public HybridTime? NextExpiry => _state.NextDue is null ? null : EventualRowsState.SweepAt;

    /// <inheritdoc />
    public void FindExpired(HybridTime now, Action<byte[]?, StoreFault?> done) =>
        _expiry.Find(_state.DueThrough, !Sabotage.Has(Sabotage.ForgetsDeletions), done);

    /// <inheritdoc />
    public bool IsPrepared(ReadOnlyMemory<byte> command)
    {
        var parsed = Parse(command);
        foreach (var key in parsed.Keys)
        {
            if (!IsInMemory(key))
            {
                return false;
            }
        }

        return !_state.HasDeletions || parsed.PartitionsAround.All(IsInMemory);
    }

    /// <inheritdoc />
    public void Prepare(IReadOnlyList<ReadOnlyMemory<byte>> commands, Action<StoreFault?> ready)
    {
        // What one of them deletes, those behind it must see.
        var keys = new List<ReadOnlyMemory<byte>>();
        var parsed = commands.Select(Parse).ToList();
        var needsPartitions = _state.HasDeletions || parsed.Exists(static command => command.HasPartitions);
        foreach (var command in parsed)
        {
            keys.AddRange(command.Keys);
            if (needsPartitions)
            {
                keys.AddRange(command.PartitionsAround);
            }
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
        if (parsed.Change is { } change)
        {
            Take(change, parsed.Version, context.Now, result);
        }
        else if (parsed.Increment is { } increment)
        {
            Increment(increment, context.Now, result);
        }
        else if (parsed.Sibling is { } sibling)
        {
            var update = new EventualUpdate(_state, _state.Horizon, truncates: false);
            Finish(update, SiblingUpdate.Work(sibling, update, out var version, out var detail), version, detail, context.Now, result);
        }
        else if (parsed.Addition is { } addition)
        {
            var update = new EventualUpdate(_state, _state.Horizon, truncates: false);
            var status = CounterUpdate.Work(_state, addition, update, out var version, out var detail);
            Finish(update, status, version, detail, context.Now, result);
        }
        else if (parsed.Expired is { } expired)
        {
            Expire(expired, context.Now);
            EventualResult.Write(result, EventualStatus.Ok, context.Now);
        }
        else
        {
            EventualResult.Write(
                result, EventualStatus.Invalid, context.Now, detail: "the bytes are not a command of this eventual shard of rows");
        }
    }

    /// <inheritdoc />
    public bool TryRead(ReadOnlyMemory<byte> query, HybridTime now, WireWriter result) =>
        EventualReader.TryRead(_state, query, now, result);

    /// <inheritdoc />
    public void ReadLater(ReadOnlyMemory<byte> query, Func<HybridTime> now, Action<StateAnswer> done) =>
        EventualReader.ReadLater(_state, query, now, done);

    /// <inheritdoc />
    public void Persist(HybridTime now) => _persistence.Write(_state, now);

    /// <inheritdoc />
    public void Recover(ReadOnlyMemory<byte> meta, HybridTime now, Action<string?> done)
    {
        _state.ForgetChanges(now);
        EventualPersistence.Read(_state, meta, done);
    }

    /// <inheritdoc />
    public ISnapshotSource BeginSnapshot() => new EventualSnapshotSource(_state);

    /// <inheritdoc />
    public IMachineTarget BeginRestore(HybridTime now, IStateLoad? load)
    {
        Check.That(load is not null);
        return new EventualSnapshotTarget(_state, now, load);
    }

    /// <inheritdoc />
    public ulong StateHash()
    {
        var hasher = default(StateHasher);
        hasher.Add(_state.Hash);
        hasher.Add(_state.Horizon.Value);
        hasher.Add(_state.NotesHash);
        hasher.Add((ulong)(Hashes.Root >> 64));
        hasher.Add((ulong)Hashes.Root);
        return hasher.Value;
    }

    private bool IsInMemory(ReadOnlyMemory<byte> key) => _state.Records.Find(key, out _) != LookupStatus.Missing;

    // A command is looked at when it is prepared, and again when it is applied, mostly right afterwards.
    private ParsedEventual Parse(ReadOnlyMemory<byte> command)
    {
        if (_last?.IsOf(command) != true)
        {
            _last = ParsedEventual.Of(command, Hashes.FirstToken, Hashes.LastToken, Checked?.Take(command));
        }

        return _last;
    }

    private void Take(in EventualChange change, VersionContents version, HybridTime now, WireWriter result)
    {
        var horizon = change.Horizon > _state.Horizon ? change.Horizon : _state.Horizon;
        if (Sabotage.Has(Sabotage.DropsDeletionsByAge))
        {
            var grace = now.Add(Duration.Zero - SabotagedGrace);
            horizon = grace > horizon ? grace : horizon;
        }

        var update = new EventualUpdate(_state, horizon, change.Truncates) { LastArrivalWins = Sabotage.Has(Sabotage.LastArrivalWins) };
        update.Merge(version);
        if (update.Finish() is { } fault)
        {
            EventualResult.Write(result, EventualStatus.TooLarge, now, detail: fault);
            return;
        }

        _state.Horizon = horizon;
        update.Write(now);
        _state.History.Compact();
        foreach (var note in change.Notes)
        {
            _state.PutNote(note, now);
        }

        EventualResult.Write(result, EventualStatus.Ok, now);
    }

    private void Increment(CounterIncrement increment, HybridTime now, WireWriter result)
    {
        var update = new EventualUpdate(_state, _state.Horizon, truncates: false);
        var status = CounterUpdate.Work(_state, increment, update, out var version, out var detail);
        Finish(update, status, version, detail, now, result);
    }

    private static void Finish(
        EventualUpdate update, EventualStatus status, ReadOnlyMemory<byte> version, string detail, HybridTime now, WireWriter result)
    {
        if (status != EventualStatus.Ok)
        {
            EventualResult.Write(result, status, now, detail: detail);
            return;
        }

        if (!update.Write(now))
        {
            Retried.Hit();
        }

        EventualResult.Write(result, EventualStatus.Ok, now, version.Span);
    }

    // Whatever was written since it was looked for: what is dead now is dead.
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
                var stored = _state.GetRow(row.Key);
                var covering = RowKey.CoveringOf(row.Key.Span, _state.GetDeletionsAround(row.Key));
                _state.PutRow(row.Key.ToArray(), DropRules.Drop(stored.Without(covering), _state.Horizon, forgets: true), now);
            }
        }
    }

    private void ExpirePartition(in ExpiredRow row, in StoredRecord record, HybridTime now)
    {
        var deletions = _state.GetDeletions(row.Key, out var wasSwept);
        var isSwept = (row.IsSwept && row.Version == record.Version) || Sabotage.Has(Sabotage.ForgetsDeletions);
        if (!isSwept && !wasSwept)
        {
            return;
        }

        // What a deletion covers goes before it, never after.
        var left = DropRules.Drop(deletions, _state.Horizon);
        if (isSwept)
        {
            Swept.Hit();
        }

        if (!ReferenceEquals(left, deletions))
        {
            Dropped.Hit();
        }

        _state.PutDeletions(row.Key.ToArray(), left, isSwept: true, now);
    }
}
