using Atoll.StateMachines.Snapshots;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>
/// Ordered keys with versioned values: the machine behind tables, documents and names. A record's version is the state's time of the
/// command that wrote it. A record whose time to live has passed in the state's time is invisible to everything; an expiry command removes
/// it.
/// </summary>
public sealed class RecordsStateMachine : IStateMachine
{
    private static readonly Probe Conflict = Probe.Define("records: a condition does not hold");
    private static readonly Probe ExpiryCutShort = Probe.Define("records: more is due than one expiry command removes");
    private static readonly Probe Rewritten = Probe.Define("records: a record was written anew before its expiry came");

    private readonly IStateTree _tree;
    private readonly RecordsState _state;
    private readonly RecordsPersistence _persistence;

    /// <summary>A machine whose records are all in memory.</summary>
    public RecordsStateMachine()
        : this(new InMemoryStateTree())
    {
    }

    /// <summary>A machine over a tree.</summary>
    /// <param name="tree">Where the records are; a tree that is not empty is taken over by <see cref="Recover"/> before all else.</param>
    public RecordsStateMachine(IStateTree tree)
    {
        _tree = tree;
        _state = new RecordsState(tree);
        _persistence = new RecordsPersistence(tree);
    }

    /// <inheritdoc />
    public IStateTree? Tree => _tree;

    /// <summary>A planted bug; only simulation sets it.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <inheritdoc />
    public HybridTime? NextExpiry => _state.NextExpiry;

    /// <summary>Records in the store, those that expired and were not yet removed included.</summary>
    public long RecordCount => _state.Accounts.Count;

    /// <summary>Bytes of keys and values.</summary>
    public long Bytes => _state.Accounts.Bytes;

    /// <summary>The version of the last change of any record: tells whether a waiting watch is worth asking again.</summary>
    public HybridTime LastChange => _state.History.Latest;

    /// <inheritdoc />
    public void FindExpired(HybridTime now, Action<byte[]?, StoreFault?> done)
    {
        var found = new List<RecordOperation>();
        var bytes = 0;
        _state.FindExpired(
            now,
            (key, version) =>
            {
                bytes += key.Length;
                if (found.Count == Limits.ExpiredPerCommandMax || (found.Count > 0 && bytes > Limits.ExpiredKeyBytesPerCommandMax))
                {
                    ExpiryCutShort.Hit();
                    return false;
                }

                found.Add(RecordOperation.Delete(key, version));
                return true;
            },
            fault =>
            {
                byte[]? command = null;
                if (fault is null && found.Count > 0)
                {
                    var writer = new WireWriter(bytes + (found.Count * 16));
                    RecordsCommand.WriteExpire(writer, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(found));
                    command = writer.ToArray();
                }

                done(command, fault);
            });
    }

    /// <inheritdoc />
    public bool IsPrepared(ReadOnlyMemory<byte> command)
    {
        var reader = new RecordsCommandReader(command);
        while (reader.TryNext(out var operation))
        {
            if (_state.Records.FindHead(operation.Key, out _) == LookupStatus.Missing)
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
            var reader = new RecordsCommandReader(command);
            while (reader.TryNext(out var operation))
            {
                keys.Add(operation.Key);
            }
        }

        if (_state.Records.PrepareHeads(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(keys), ready))
        {
            ready(null);
        }
    }

    /// <inheritdoc />
    public void Apply(in CommandContext context, ReadOnlyMemory<byte> command, WireWriter result)
    {
        var reader = new RecordsCommandReader(command);
        if (!TryFindFailedCondition(ref reader, context.Now, out var failed, out var actual, out var single))
        {
            RecordsResultCodec.WriteWrite(
                result, RecordsStatus.Invalid, context.Now, HybridTime.Zero, 0, "the bytes are not a records command");
            return;
        }

        if (failed >= 0)
        {
            Conflict.Hit();
            RecordsResultCodec.WriteWrite(result, RecordsStatus.Conflict, context.Now, actual, failed);
            return;
        }

        var status = reader.Kind switch
        {
            RecordsCommandKind.Single => WriteSingle(single, context.Now),
            RecordsCommandKind.Expire => Expire(command, context.Now),
            _ => Write(command, context.Now),
        };
        _state.History.Compact();
        RecordsResultCodec.WriteWrite(result, status, context.Now, status == RecordsStatus.Ok ? context.Now : HybridTime.Zero);
    }

    /// <inheritdoc />
    public bool TryRead(ReadOnlyMemory<byte> query, HybridTime now, WireWriter result) =>
        RecordsReader.TryRead(_state, query, now, result, Sabotage);

    /// <inheritdoc />
    public void ReadLater(ReadOnlyMemory<byte> query, Func<HybridTime> now, Action<StateAnswer> done) =>
        RecordsReader.ReadLater(_state, query, now, Sabotage, done);

    /// <inheritdoc />
    public void Persist(HybridTime now) => _persistence.Write(_state, now);

    /// <inheritdoc />
    public void Recover(ReadOnlyMemory<byte> meta, HybridTime now, Action<string?> done) => _persistence.Read(_state, meta, now, done);

    /// <inheritdoc />
    public ISnapshotSource BeginSnapshot() => new RecordsSnapshotSource(_state, _state.History);

    /// <inheritdoc />
    public IMachineTarget BeginRestore(HybridTime now, IStateLoad? load)
    {
        Check.That(load is not null);
        return new RecordsSnapshotTarget(now, load, (accounts, history) =>
        {
            _state.Restore(accounts, history);
            _persistence.Restored(history);
        });
    }

    /// <inheritdoc />
    public ulong StateHash() => _state.Hash;

    /// <summary>
    /// Reads the whole command without changing anything: is it one, and does every condition hold? Gives its last operation, too.
    /// </summary>
    private bool TryFindFailedCondition(
        ref RecordsCommandReader reader, HybridTime now, out int failed, out HybridTime actual, out RecordOperation last)
    {
        failed = -1;
        actual = HybridTime.Zero;
        last = default;
        for (var position = 0; reader.TryNext(out var operation); position++)
        {
            last = operation;
            if (operation.Expected is { } expected && failed < 0 && reader.Kind != RecordsCommandKind.Expire
                && !Sabotage.Has(Sabotage.IgnoresExpectedVersions))
            {
                var version = _state.TryGetVisible(operation.Key, now, out var record) ? record.Version : HybridTime.Zero;
                if (version != expected)
                {
                    failed = position;
                    actual = version;
                }
            }
        }

        return reader.IsComplete;
    }

    // Most commands are one operation, which was read when its condition was looked at.
    private RecordsStatus WriteSingle(in RecordOperation operation, HybridTime now)
    {
        if (operation.Kind == RecordOperationKind.Put)
        {
            Put(operation, now);
        }

        return operation.Kind == RecordOperationKind.Delete && !TryDelete(operation, now) ? RecordsStatus.NotFound : RecordsStatus.Ok;
    }

    private RecordsStatus Write(ReadOnlyMemory<byte> command, HybridTime now)
    {
        var reader = new RecordsCommandReader(command);
        while (reader.TryNext(out var operation))
        {
            WriteSingle(operation, now);
        }

        return RecordsStatus.Ok;
    }

    private void Put(in RecordOperation operation, HybridTime now)
    {
        var expiresAt = operation.TimeToLiveMilliseconds == 0
            ? HybridTime.Zero
            : HybridTime.FromUnixMilliseconds(now.UnixMilliseconds + operation.TimeToLiveMilliseconds);
        var key = KeptBytes.Copy(operation.Key.Span);
        var value = KeptBytes.Of(operation.Value);
        _state.Put(key, new StoredRecord(now, expiresAt, value));
        _state.History.Add(new RecordChange(now, ChangeKind.Put, key, value));
    }

    private bool TryDelete(in RecordOperation operation, HybridTime now)
    {
        if (!_state.TryGetVisible(operation.Key, now, out _))
        {
            return false;
        }

        _state.Remove(operation.Key, now);
        _state.History.Add(new RecordChange(now, ChangeKind.Delete, KeptBytes.Copy(operation.Key.Span), default));
        return true;
    }

    // A record that was written anew since the leader looked lives on: its version is another.
    private RecordsStatus Expire(ReadOnlyMemory<byte> command, HybridTime now)
    {
        var reader = new RecordsCommandReader(command);
        while (reader.TryNext(out var operation))
        {
            if (!_state.Records.TryGet(operation.Key, out var record) || record.Version != operation.Expected || !record.IsExpired(now))
            {
                Rewritten.Hit();
                continue;
            }

            _state.Remove(operation.Key, now);
            _state.History.Add(new RecordChange(now, ChangeKind.Expire, KeptBytes.Copy(operation.Key.Span), default));
        }

        return RecordsStatus.Ok;
    }
}
