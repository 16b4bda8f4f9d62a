using System.Buffers.Binary;
using Atoll.StateMachines.Snapshots;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>
/// The layout of a snapshot's slices, version 2. Each begins with its kind (byte). Head: format (2 bytes), number of records, of changes
/// (8 bytes each), what was compacted (8 bytes), bytes, expiring records, sum of hashes (8 bytes each). Records, in key order, to the
/// slice's end: key, version, expiry, value. Expiries, in their order: expiry and key as one, version. Changes, oldest first: kind,
/// version, key, value.
/// </summary>
internal static class RecordsSnapshotFormat
{
    internal const ushort Version = 2;
    internal const byte Head = 1;
    internal const byte Records = 2;
    internal const byte Changes = 3;
    internal const byte Expiries = 4;
}

/// <summary>A records machine at one moment, as slices.</summary>
internal sealed class RecordsSnapshotSource : ISnapshotSource
{
    private readonly ISortedSnapshot _records;
    private readonly ISortedSnapshot _expiries;
    private readonly RecordsAccounts _accounts;
    private readonly RecordChange[] _changes;
    private readonly HybridTime _compactedThrough;
    private readonly CursorLoad _load;
    private ISortedCursor? _cursor;
    private byte _part = RecordsSnapshotFormat.Head;
    private int _nextChange;

    /// <summary>The store as it is now, and the changes of it that are remembered.</summary>
    internal RecordsSnapshotSource(ExpiringStore store, ChangeHistory history)
    {
        _records = store.Records.Snapshot();
        _expiries = store.Expiries.Snapshot();
        _accounts = store.Accounts;
        _changes = history.ToArray();
        _compactedThrough = history.CompactedThrough;
        _load = new CursorLoad(Release);
    }

    public bool IsWaiting => _cursor?.IsWaiting ?? false;

    public string? Error => _cursor?.Fault is { } fault ? $"the store cannot be read: {fault}" : null;

    public bool TryNext(WireWriter slice)
    {
        var start = slice.Length;
        switch (_part)
        {
            case RecordsSnapshotFormat.Head:
                WriteHead(slice);
                Enter(RecordsSnapshotFormat.Records, _records);
                return true;
            case RecordsSnapshotFormat.Records:
                return TryWrite(slice, start, WriteRecord)
                    || (IsOver && Enter(RecordsSnapshotFormat.Expiries, _expiries) && TryNext(slice));
            case RecordsSnapshotFormat.Expiries:
                return TryWrite(slice, start, WriteExpiry)
                    || (IsOver && Enter(RecordsSnapshotFormat.Changes, null) && TryNext(slice));
            default:
                return TryWriteChanges(slice, start);
        }
    }

    public void Load(Action ready) => _load.Load(_cursor, ready);

    public void Dispose() => _load.Dispose();

    private void Release()
    {
        _cursor?.Dispose();
        _records.Dispose();
        _expiries.Dispose();
    }

    // Nothing was written, and nothing keeps the cursor: the part is over.
    private bool IsOver => !IsWaiting && Error is null;

    private bool Enter(byte part, ISortedSnapshot? section)
    {
        _part = part;
        _cursor?.Dispose();
        _cursor = section?.OpenCursor();
        _cursor?.SeekFirst();
        return true;
    }

    private void WriteHead(WireWriter slice)
    {
        slice.WriteByte(RecordsSnapshotFormat.Head);
        slice.WriteUInt16(RecordsSnapshotFormat.Version);
        slice.WriteUInt64((ulong)_accounts.Count);
        slice.WriteUInt64((ulong)_changes.Length);
        slice.WriteUInt64(_compactedThrough.Value);
        slice.WriteUInt64((ulong)_accounts.Bytes);
        slice.WriteUInt64((ulong)_accounts.Expiring);
        slice.WriteUInt64(_accounts.HashSum);
    }

    private bool TryWrite(WireWriter slice, int start, Action<WireWriter, ISortedCursor> write)
    {
        while (_cursor!.IsValid && slice.Length < start + Limits.SnapshotChunkBytes)
        {
            if (slice.Length == start)
            {
                slice.WriteByte(_part);
            }

            write(slice, _cursor);
            _cursor.Next();
        }

        return slice.Length > start;
    }

    private static void WriteRecord(WireWriter slice, ISortedCursor cursor)
    {
        var head = cursor.Head;
        slice.WriteBytes(cursor.KeySpan);
        slice.WriteUInt64(head.Version.Value);
        slice.WriteUInt64(head.ExpiresAt.Value);
        slice.WriteBytes(cursor.ValueSpan);
    }

    private static void WriteExpiry(WireWriter slice, ISortedCursor cursor)
    {
        slice.WriteBytes(cursor.KeySpan);
        slice.WriteUInt64(cursor.Head.Version.Value);
    }

    private bool TryWriteChanges(WireWriter slice, int start)
    {
        while (_nextChange < _changes.Length && slice.Length < start + Limits.SnapshotChunkBytes)
        {
            if (slice.Length == start)
            {
                slice.WriteByte(RecordsSnapshotFormat.Changes);
            }

            ref readonly var change = ref _changes[_nextChange++];
            slice.WriteByte((byte)change.Kind);
            slice.WriteUInt64(change.Version.Value);
            slice.WriteBytes(change.Key.Span);
            slice.WriteBytes(change.Value.Span);
        }

        return slice.Length > start;
    }
}

/// <summary>Builds the state of a records machine from slices, in a load beside the one in use.</summary>
internal sealed class RecordsSnapshotTarget(HybridTime now, IStateLoad load, Action<RecordsAccounts, ChangeHistory> install)
    : IMachineTarget
{
    private readonly ChangeHistory _history = new();
    private bool _headRead;
    private byte _part;
    private RecordsAccounts _announced;
    private RecordsAccounts _found;
    private ulong _changesLeft;
    private long _expiries;
    private ulong _expirySum;
    private byte[] _lastKey = [];

    public string? Error { get; private set; }

    public ReadOnlyMemory<byte> Meta { get; private set; }

    /// <summary>The accounts of the records, once complete.</summary>
    internal RecordsAccounts Accounts => _announced;

    /// <summary>The changes that are remembered, once complete.</summary>
    internal ChangeHistory History => _history;

    public bool Accept(ReadOnlyMemory<byte> slice)
    {
        if (Error is not null)
        {
            return false;
        }

        var reader = new WireReader(slice);
        var kind = reader.ReadByte();
        var isFirst = kind != _part;
        var good = kind switch
        {
            RecordsSnapshotFormat.Head => !_headRead && TryReadHead(ref reader),
            RecordsSnapshotFormat.Records => _headRead && _part is RecordsSnapshotFormat.Head or RecordsSnapshotFormat.Records
                && TryReadRecords(ref reader, isFirst),
            RecordsSnapshotFormat.Expiries => _headRead && _part != RecordsSnapshotFormat.Changes && TryReadExpiries(ref reader, isFirst),
            RecordsSnapshotFormat.Changes => _headRead && TryReadChanges(ref reader),
            _ => false,
        };
        _part = kind;
        if (!good || !reader.OkAtEnd)
        {
            Error = "a slice of the records is garbled";
        }
        else if (load.Error is { } why)
        {
            Error = why;
        }

        return Error is null;
    }

    public bool Complete()
    {
        if (Error is null && (!_headRead || _found != _announced || _changesLeft > 0))
        {
            Error = "records or changes are missing";
        }

        // Each record that expires has its place in the order of expiry, and nothing else has.
        if (Error is null && (_expiries != _announced.Expiring || _expirySum != 0))
        {
            Error = "the order of expiry does not fit the records";
        }

        if (Error is null)
        {
            Meta = RecordsPersistence.PutInto(load, _announced, _history, now);
        }

        return Error is null;
    }

    public void Install() => install(_announced, _history);

    private static ulong HashOf(ReadOnlySpan<byte> expiryKey, HybridTime version)
    {
        var hasher = default(StateHasher);
        hasher.Add(expiryKey);
        hasher.Add(version.Value);
        return hasher.Value;
    }

    private bool TryReadHead(ref WireReader reader)
    {
        _headRead = true;
        var version = reader.ReadUInt16();
        var records = reader.ReadUInt64();
        _changesLeft = reader.ReadUInt64();
        var compactedThrough = new HybridTime(reader.ReadUInt64());
        var bytes = reader.ReadUInt64();
        var expiring = reader.ReadUInt64();
        _announced = new RecordsAccounts((long)records, (long)bytes, (long)expiring, reader.ReadUInt64());
        _history.Restore(compactedThrough);
        return version == RecordsSnapshotFormat.Version
            && compactedThrough <= now
            && _changesLeft <= (ulong)Math.Max(Limits.ChangesKeptMax, Limits.BatchOperationsMax);
    }

    private bool TryReadRecords(ref WireReader reader, bool isFirst)
    {
        do
        {
            var key = reader.ReadBytes();
            var version = new HybridTime(reader.ReadUInt64());
            var expiresAt = new HybridTime(reader.ReadUInt64());
            var value = reader.ReadBytes();
            if (!reader.Ok
                || _found.Count >= _announced.Count
                || version > now
                || key.Length is 0 or > Limits.KeyBytesMax
                || value.Length > Limits.ValueBytesMax
                || !IsBehindLast(key.Span, ref isFirst))
            {
                return false;
            }

            var record = new StoredRecord(version, expiresAt, value);
            load.Put(StateSections.Records, key.Span, record);
            _found = _found.With(key.Span, record);
            if (expiresAt != HybridTime.Zero)
            {
                _expirySum = unchecked(_expirySum + HashOf(ExpiringStore.ExpiryKey(expiresAt, key.Span), version));
            }
        }
        while (reader.Remaining > 0);

        return true;
    }

    private bool TryReadExpiries(ref WireReader reader, bool isFirst)
    {
        do
        {
            var key = reader.ReadBytes();
            var version = new HybridTime(reader.ReadUInt64());
            if (!reader.Ok
                || _expiries >= _announced.Expiring
                || version > now
                || key.Length is <= 8 or > Limits.KeyBytesMax + 8
                || BinaryPrimitives.ReadUInt64BigEndian(key.Span) == 0
                || !IsBehindLast(key.Span, ref isFirst))
            {
                return false;
            }

            load.Put(StateSections.Expiries, key.Span, new StoredRecord(version, HybridTime.Zero, default));
            _expirySum = unchecked(_expirySum - HashOf(key.Span, version));
            _expiries++;
        }
        while (reader.Remaining > 0);

        return true;
    }

    private bool IsBehindLast(ReadOnlySpan<byte> key, ref bool isFirst)
    {
        var isBehind = isFirst || key.SequenceCompareTo(_lastKey) > 0;
        isFirst = false;
        _lastKey = key.ToArray();
        return isBehind;
    }

    private bool TryReadChanges(ref WireReader reader)
    {
        do
        {
            var kind = (ChangeKind)reader.ReadByte();
            var version = new HybridTime(reader.ReadUInt64());
            var key = reader.ReadBytes();
            var value = reader.ReadBytes();
            if (!reader.Ok
                || _changesLeft == 0
                || kind is < ChangeKind.Put or > ChangeKind.Truncate
                || version < _history.Latest
                || version > now
                || version == _history.CompactedThrough
                || key.IsEmpty != (kind == ChangeKind.Truncate)
                || key.Length > Limits.KeyBytesMax
                || value.Length > Limits.ValueBytesMax)
            {
                return false;
            }

            // Copies: the slice belongs to the sender of the snapshot, and a kept part of it would keep all of it.
            _history.Add(new RecordChange(version, kind, KeptBytes.Copy(key.Span), KeptBytes.Copy(value.Span)));
            _changesLeft--;
        }
        while (reader.Remaining > 0);

        return true;
    }
}
