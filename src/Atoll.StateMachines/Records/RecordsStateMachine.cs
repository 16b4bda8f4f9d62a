using Atoll.StateMachines.Snapshots;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
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

    private RecordsState _state = new();

    /// <summary>A planted bug; only simulation sets it.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <inheritdoc />
    public HybridTime? NextExpiry => _state.NextExpiry;

    /// <summary>Records in the store, those that expired and were not yet removed included.</summary>
    public long RecordCount => _state.Store.Count;

    /// <summary>Approximate memory of the records: keys, values and what is kept with each.</summary>
    public long Bytes => _state.Bytes;

    /// <summary>The version of the last change of any record: tells whether a waiting watch is worth asking again.</summary>
    public HybridTime LastChange => _state.History.Latest;

    /// <inheritdoc />
    public void Apply(in CommandContext context, ReadOnlyMemory<byte> command, WireWriter result)
    {
        var reader = new RecordsCommandReader(command);
        if (!TryFindFailedCondition(ref reader, context.Now, out var failed, out var actual))
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

        var status = reader.Kind == RecordsCommandKind.Expire ? Expire(context.Now) : Write(command, context.Now);
        _state.History.Compact();
        RecordsResultCodec.WriteWrite(result, status, context.Now, status == RecordsStatus.Ok ? context.Now : HybridTime.Zero);
    }

    /// <inheritdoc />
    public void Read(ReadOnlyMemory<byte> query, HybridTime now, WireWriter result) =>
        RecordsReader.Read(_state, query, now, result, Sabotage);

    /// <inheritdoc />
    public ISnapshotSource BeginSnapshot() => new RecordsSnapshotSource(_state);

    /// <inheritdoc />
    public ISnapshotTarget BeginRestore(HybridTime now) => new RecordsSnapshotTarget(now, restored => _state = restored);

    /// <inheritdoc />
    public ulong StateHash() => _state.Hash();

    /// <summary>Reads the whole command without changing anything: is it one, and does every condition hold?</summary>
    private bool TryFindFailedCondition(ref RecordsCommandReader reader, HybridTime now, out int failed, out HybridTime actual)
    {
        failed = -1;
        actual = HybridTime.Zero;
        for (var position = 0; reader.TryNext(out var operation); position++)
        {
            if (operation.Expected is { } expected && failed < 0 && !Sabotage.Has(Sabotage.IgnoresExpectedVersions))
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

    private RecordsStatus Write(ReadOnlyMemory<byte> command, HybridTime now)
    {
        var reader = new RecordsCommandReader(command);
        var status = RecordsStatus.Ok;
        while (reader.TryNext(out var operation))
        {
            if (operation.Kind == RecordOperationKind.Put)
            {
                Put(operation, now);
            }
            else if (operation.Kind == RecordOperationKind.Delete && !TryDelete(operation, now) && reader.Kind == RecordsCommandKind.Single)
            {
                status = RecordsStatus.NotFound;
            }
        }

        return status;
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

    private RecordsStatus Expire(HybridTime now)
    {
        var bytes = 0;
        for (var removed = 0; _state.TryGetDue(now, out var key); removed++)
        {
            if (removed == Limits.ExpiredPerCommandMax || (removed > 0 && bytes + key.Length > Limits.ExpiredKeyBytesPerCommandMax))
            {
                ExpiryCutShort.Hit();
                break;
            }

            _state.Remove(key, now);
            _state.History.Add(new RecordChange(now, ChangeKind.Expire, key, default));
            bytes += key.Length;
        }

        return RecordsStatus.Ok;
    }
}
