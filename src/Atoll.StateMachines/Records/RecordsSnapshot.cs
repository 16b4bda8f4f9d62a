using Atoll.StateMachines.Snapshots;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>
/// The layout of a snapshot's slices. Each begins with its kind (byte). Head: format (2 bytes), number of records and of changes (8 bytes
/// each), what was compacted (8 bytes). Records, in key order, to the slice's end: key, version, expiry, value. Changes, oldest first, to
/// the slice's end: kind, version, key, and the value unless it is the record's own.
/// </summary>
internal static class RecordsSnapshotFormat
{
    internal const ushort Version = 1;
    internal const byte Head = 1;
    internal const byte Records = 2;
    internal const byte Changes = 3;
    internal const byte ValueInline = 0;
    internal const byte ValueOfRecord = 1;
}

/// <summary>A records machine at one moment, as slices.</summary>
internal sealed class RecordsSnapshotSource : ISnapshotSource
{
    private readonly ISortedSnapshot _records;
    private readonly ISortedCursor _cursor;
    private readonly RecordChange[] _changes;
    private readonly HybridTime _compactedThrough;
    private bool _headWritten;
    private bool _moreRecords;
    private int _nextChange;

    internal RecordsSnapshotSource(RecordsState state)
    {
        _records = state.Store.Snapshot();
        _changes = state.History.ToArray();
        _compactedThrough = state.History.CompactedThrough;
        _cursor = _records.OpenCursor();
        _moreRecords = _cursor.SeekFirst();
    }

    public bool TryNext(WireWriter slice)
    {
        var end = slice.Length + Limits.SnapshotChunkBytes;
        if (!_headWritten)
        {
            WriteHead(slice);
            return true;
        }

        if (_moreRecords)
        {
            slice.WriteByte(RecordsSnapshotFormat.Records);
            while (_moreRecords && slice.Length < end)
            {
                WriteRecord(slice);
                _moreRecords = _cursor.Next();
            }

            return true;
        }

        if (_nextChange < _changes.Length)
        {
            slice.WriteByte(RecordsSnapshotFormat.Changes);
            while (_nextChange < _changes.Length && slice.Length < end)
            {
                WriteChange(slice, _changes[_nextChange]);
                _nextChange++;
            }

            return true;
        }

        _cursor.Dispose();
        _records.Dispose();
        return false;
    }

    private void WriteHead(WireWriter slice)
    {
        slice.WriteByte(RecordsSnapshotFormat.Head);
        slice.WriteUInt16(RecordsSnapshotFormat.Version);
        slice.WriteUInt64((ulong)_records.Count);
        slice.WriteUInt64((ulong)_changes.Length);
        slice.WriteUInt64(_compactedThrough.Value);
        _headWritten = true;
    }

    private void WriteRecord(WireWriter slice)
    {
        var record = _cursor.Record;
        slice.WriteBytes(_cursor.Key.Span);
        slice.WriteUInt64(record.Version.Value);
        slice.WriteUInt64(record.ExpiresAt.Value);
        slice.WriteBytes(record.Value.Span);
    }

    private void WriteChange(WireWriter slice, in RecordChange change)
    {
        slice.WriteByte((byte)change.Kind);
        slice.WriteUInt64(change.Version.Value);
        slice.WriteBytes(change.Key.Span);

        // A batch may write a key twice in one version: only the very same bytes are the record's own.
        if (_records.TryGet(change.Key, out var record) && record.Value.Equals(change.Value) && change.Kind == ChangeKind.Put)
        {
            slice.WriteByte(RecordsSnapshotFormat.ValueOfRecord);
        }
        else
        {
            slice.WriteByte(RecordsSnapshotFormat.ValueInline);
            slice.WriteBytes(change.Value.Span);
        }
    }
}

/// <summary>Builds the state of a records machine from slices, beside the one in use.</summary>
internal sealed class RecordsSnapshotTarget(HybridTime now, Action<RecordsState> install) : ISnapshotTarget
{
    private readonly RecordsState _state = new();
    private bool _headRead;
    private ulong _recordsLeft;
    private ulong _changesLeft;
    private ReadOnlyMemory<byte> _lastKey;

    public string? Error { get; private set; }

    public bool Accept(ReadOnlyMemory<byte> slice)
    {
        if (Error is not null)
        {
            return false;
        }

        var reader = new WireReader(slice);
        var kind = reader.ReadByte();
        var good = kind switch
        {
            RecordsSnapshotFormat.Head => !_headRead && TryReadHead(ref reader),
            RecordsSnapshotFormat.Records => _headRead && TryReadRecords(ref reader),
            RecordsSnapshotFormat.Changes => _headRead && _recordsLeft == 0 && TryReadChanges(ref reader),
            _ => false,
        };
        if (!good || !reader.OkAtEnd)
        {
            Error = "a slice of the records is garbled";
        }

        return Error is null;
    }

    public bool Finish()
    {
        if (Error is null && (!_headRead || _recordsLeft > 0 || _changesLeft > 0))
        {
            Error = "records or changes are missing";
        }

        if (Error is null)
        {
            install(_state);
        }

        return Error is null;
    }

    private bool TryReadHead(ref WireReader reader)
    {
        _headRead = true;
        var version = reader.ReadUInt16();
        _recordsLeft = reader.ReadUInt64();
        _changesLeft = reader.ReadUInt64();
        var compactedThrough = new HybridTime(reader.ReadUInt64());
        _state.History.Restore(compactedThrough);
        return version == RecordsSnapshotFormat.Version
            && compactedThrough <= now
            && _changesLeft <= (ulong)Math.Max(Limits.ChangesKeptMax, Limits.BatchOperationsMax);
    }

    private bool TryReadRecords(ref WireReader reader)
    {
        do
        {
            var key = reader.ReadBytes();
            var version = new HybridTime(reader.ReadUInt64());
            var expiresAt = new HybridTime(reader.ReadUInt64());
            var value = reader.ReadBytes();
            if (!reader.Ok
                || _recordsLeft == 0
                || version > now
                || key.Length is 0 or > Limits.KeyBytesMax
                || value.Length > Limits.ValueBytesMax
                || key.Span.SequenceCompareTo(_lastKey.Span) <= 0)
            {
                return false;
            }

            // Copies: the slice belongs to the sender of the snapshot, and a kept part of it would keep all of it.
            _lastKey = KeptBytes.Copy(key.Span);
            _state.Put(_lastKey, new StoredRecord(version, expiresAt, KeptBytes.Copy(value.Span)));
            _recordsLeft--;
        }
        while (reader.Remaining > 0);

        return true;
    }

    private bool TryReadChanges(ref WireReader reader)
    {
        do
        {
            var kind = (ChangeKind)reader.ReadByte();
            var version = new HybridTime(reader.ReadUInt64());
            var key = reader.ReadBytes();
            var ofRecord = reader.ReadByte() == RecordsSnapshotFormat.ValueOfRecord;
            var value = ofRecord ? default : reader.ReadBytes();
            if (!reader.Ok
                || _changesLeft == 0
                || kind is < ChangeKind.Put or > ChangeKind.Expire
                || version < _state.History.Latest
                || version > now
                || version == _state.History.CompactedThrough
                || key.Length is 0 or > Limits.KeyBytesMax
                || value.Length > Limits.ValueBytesMax)
            {
                return false;
            }

            if (ofRecord)
            {
                if (!_state.Store.TryGet(key, out var record))
                {
                    return false;
                }

                value = record.Value;
            }
            else
            {
                value = KeptBytes.Copy(value.Span);
            }

            _state.History.Add(new RecordChange(version, kind, KeptBytes.Copy(key.Span), value));
            _changesLeft--;
        }
        while (reader.Remaining > 0);

        return true;
    }
}
