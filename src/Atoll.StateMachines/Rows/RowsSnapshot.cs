using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Snapshots;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// A rows machine at one moment, as slices: one with its kind (byte, <see cref="Head"/>), format (2 bytes) and the last timestamp (8
/// bytes), then those of a records machine. Format 1 had no changes: none are remembered of it.
/// </summary>
internal sealed class RowsSnapshotSource : ISnapshotSource
{
    internal const byte Head = 0x52;
    internal const ushort FormatVersion = 2;
    internal const ushort WithoutChanges = 1;

    private readonly RecordsSnapshotSource _records;
    private readonly long _lastTimestampMicros;
    private bool _isHeadWritten;

    internal RowsSnapshotSource(RowsState state)
    {
        _records = new RecordsSnapshotSource(state, state.History);
        _lastTimestampMicros = state.LastTimestampMicros;
    }

    public bool IsWaiting => _records.IsWaiting;

    public string? Error => _records.Error;

    public bool TryNext(WireWriter slice)
    {
        if (_isHeadWritten)
        {
            return _records.TryNext(slice);
        }

        _isHeadWritten = true;
        slice.WriteByte(Head);
        slice.WriteUInt16(FormatVersion);
        slice.WriteUInt64((ulong)_lastTimestampMicros);
        return true;
    }

    public void Load(Action ready) => _records.Load(ready);

    public void Dispose() => _records.Dispose();
}

/// <summary>Builds the state of a rows machine from slices, in a load beside the one in use.</summary>
internal sealed class RowsSnapshotTarget : IMachineTarget
{
    private readonly RecordsSnapshotTarget _records;
    private readonly HybridTime _now;
    private readonly Action<RecordsAccounts, long, ChangeHistory> _install;
    private long _lastTimestampMicros;
    private ChangeHistory? _history;
    private bool _isHeadRead;
    private string? _error;

    /// <param name="now">The time of the state.</param>
    /// <param name="load">Receives what goes into the tree.</param>
    /// <param name="install">Takes over the accounts, the last timestamp and the changes.</param>
    internal RowsSnapshotTarget(HybridTime now, IStateLoad load, Action<RecordsAccounts, long, ChangeHistory> install)
    {
        _now = now;
        _install = install;
        _records = new RecordsSnapshotTarget(
            now, new CheckedLoad(load), (accounts, history) => _install(accounts, _lastTimestampMicros, _history ?? history));
    }

    public string? Error => _error ?? _records.Error;

    public ReadOnlyMemory<byte> Meta { get; private set; }

    public bool Accept(ReadOnlyMemory<byte> slice)
    {
        if (_error is not null || _isHeadRead)
        {
            return _error is null && _records.Accept(slice);
        }

        var reader = new WireReader(slice);
        var kind = reader.ReadByte();
        var version = reader.ReadUInt16();
        _lastTimestampMicros = (long)reader.ReadUInt64();
        _isHeadRead = true;
        if (!reader.OkAtEnd || kind != RowsSnapshotSource.Head
            || version is not (RowsSnapshotSource.FormatVersion or RowsSnapshotSource.WithoutChanges))
        {
            _error = "the snapshot is not of a shard of rows, or of another format";
        }
        else if (version == RowsSnapshotSource.WithoutChanges)
        {
            // Nothing is known of what changed before: whoever asks for that must not be told that it was nothing.
            _history = new ChangeHistory();
            _history.Restore(_now);
        }

        return _error is null;
    }

    public bool Complete()
    {
        if (_error is not null || !_records.Complete())
        {
            return false;
        }

        Meta = RowsPersistence.Encode(_records.Accounts, _lastTimestampMicros, (_history ?? _records.History).CompactedThrough);
        return true;
    }

    public void Install() => _records.Install();

    /// <summary>Lets only records through that are rows or partitions, so that whatever is in the tree can be read.</summary>
    private sealed class CheckedLoad(IStateLoad load) : IStateLoad
    {
        private string? _error;

        public string? Error => _error ?? load.Error;

        public void WhenDrained(Action ready) => load.WhenDrained(ready);

        public void Put(byte section, ReadOnlySpan<byte> key, in StoredRecord record)
        {
            if (section == StateSections.Records && !IsGood(key, record.Value))
            {
                _error ??= "a row of the snapshot is garbled";
            }

            load.Put(section, key, record);
        }

        public void Finish(LogIndex applied, HybridTime at, Action<DiskResult> done) => load.Finish(applied, at, done);

        public void Abandon() => load.Abandon();

        private static bool IsGood(ReadOnlySpan<byte> key, ReadOnlyMemory<byte> value) =>
            RowKey.IsKey(key)
            && (RowKey.KindOf(key) == RowKeyKind.Partition ? StoredPartition.TryRead(value, out _) : StoredRow.TryRead(value, out _));
    }
}
