using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;
using Atoll.StateMachines.Snapshots;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// An eventual rows machine at one moment, as slices: one with its kind (byte, <see cref="Head"/>), format (2 bytes), horizon and hash of
/// the notes (8 bytes each); the notes, each slice with its kind (byte, <see cref="Notes"/>), then key and value (bytes) of each; then
/// those of a records machine without changes; then, of a shard of records, their places, each slice with its kind (byte, <see
/// cref="Places"/>), then place and hash (bytes) of each.
/// </summary>
internal sealed class EventualSnapshotSource : ISnapshotSource
{
    internal const byte Head = 0x45;
    internal const byte Notes = 0x4E;
    internal const byte Places = 0x50;
    internal const ushort FormatVersion = 1;

    private readonly RecordsSnapshotSource _records;
    private readonly ISortedSnapshot _notesSnapshot;
    private readonly ISortedCursor _notes;
    private readonly ISortedSnapshot _placesSnapshot;
    private readonly ISortedCursor _places;
    private readonly HybridTime _horizon;
    private readonly ulong _notesHash;
    private readonly CursorLoad _load;
    private Part _part = Part.Head;

    internal EventualSnapshotSource(EventualRowsState state)
    {
        _records = new RecordsSnapshotSource(state, new ChangeHistory());
        _notesSnapshot = state.Notes.Snapshot();
        _notes = _notesSnapshot.OpenCursor();
        _placesSnapshot = state.Places.Snapshot();
        _places = _placesSnapshot.OpenCursor();
        _horizon = state.Horizon;
        _notesHash = state.NotesHash;
        _load = new CursorLoad(Release);
    }

    private enum Part
    {
        Head,
        Notes,
        Records,
        Places,
    }

    public bool IsWaiting => _part == Part.Records ? _records.IsWaiting : Cursor?.IsWaiting == true;

    public string? Error => _records.Error ?? (Cursor?.Fault is { } fault ? $"the store cannot be read: {fault}" : null);

    private ISortedCursor? Cursor => _part switch { Part.Notes => _notes, Part.Places => _places, _ => null };

    public bool TryNext(WireWriter slice)
    {
        switch (_part)
        {
            case Part.Head:
                slice.WriteByte(Head);
                slice.WriteUInt16(FormatVersion);
                slice.WriteUInt64(_horizon.Value);
                slice.WriteUInt64(_notesHash);
                _part = Part.Notes;
                _notes.SeekFirst();
                return true;
            case Part.Notes or Part.Places when TryWrite(slice):
                return true;
            case Part.Notes when !IsWaiting && Error is null:
                _part = Part.Records;
                return TryNext(slice);
            case Part.Records when _records.TryNext(slice):
                return true;
            case Part.Records when !IsWaiting && Error is null:
                _part = Part.Places;
                _places.SeekFirst();
                return TryWrite(slice);
            default:
                return false;
        }
    }

    public void Load(Action ready)
    {
        if (_part == Part.Records)
        {
            _records.Load(ready);
        }
        else
        {
            _load.Load(Cursor, ready);
        }
    }

    public void Dispose()
    {
        _records.Dispose();
        _load.Dispose();
    }

    private void Release()
    {
        _notes.Dispose();
        _notesSnapshot.Dispose();
        _places.Dispose();
        _placesSnapshot.Dispose();
    }

    private bool TryWrite(WireWriter slice)
    {
        var start = slice.Length;
        var cursor = _part == Part.Notes ? _notes : _places;
        while (cursor.IsValid && slice.Length < start + Limits.SnapshotChunkBytes)
        {
            if (slice.Length == start)
            {
                slice.WriteByte(_part == Part.Notes ? Notes : Places);
            }

            slice.WriteBytes(cursor.KeySpan);
            slice.WriteBytes(cursor.Record.Value.Span);
            cursor.Next();
        }

        return slice.Length > start;
    }
}

/// <summary>Builds the state of an eventual rows machine from slices, in a load beside the one in use.</summary>
internal sealed class EventualSnapshotTarget : IMachineTarget
{
    private readonly RecordsSnapshotTarget _records;
    private readonly MerkleTree _hashes;
    private readonly IStateLoad _load;
    private readonly CheckedLoad _checked;
    private readonly HybridTime _now;
    private HybridTime _horizon;
    private ulong _notesHash;
    private bool _isHeadRead;
    private bool _hasRecords;
    private bool _hasPlaces;
    private UInt128 _placesSum;
    private byte[] _lastNote = [];
    private byte[] _lastPlace = [];
    private string? _error;

    internal EventualSnapshotTarget(EventualRowsState state, HybridTime now, IStateLoad load)
    {
        _hashes = new MerkleTree(state.Hashes.FirstToken, state.Hashes.LastToken, state.Hashes.Depth);
        _load = load;
        _now = now;
        _checked = new CheckedLoad(load, _hashes);
        _records = new RecordsSnapshotTarget(now, _checked, (accounts, _) =>
        {
            state.Restore(accounts);
            state.ForgetChanges(_now);
            state.Horizon = _horizon;
            state.NotesHash = _notesHash;
            state.DeletionCount = _checked.DeletionCount;
            state.ClearHashes();
            for (var leaf = _hashes.Leaves; leaf < 2 * _hashes.Leaves; leaf++)
            {
                if (_hashes.HashOf(leaf) is var hash && hash != 0)
                {
                    state.Hashes.Update(_hashes.TokensOf(leaf).First, 0, hash);
                }
            }
        });
    }

    public string? Error => _error ?? _records.Error;

    public ReadOnlyMemory<byte> Meta { get; private set; }

    public bool Accept(ReadOnlyMemory<byte> slice)
    {
        if (_error is null && !_isHeadRead)
        {
            ReadHead(slice);
        }
        else if (_error is null && !slice.IsEmpty && slice.Span[0] == EventualSnapshotSource.Notes)
        {
            ReadNotes(slice);
        }
        else if (_error is null && !slice.IsEmpty && slice.Span[0] == EventualSnapshotSource.Places)
        {
            ReadPlaces(slice);
        }
        else
        {
            _hasRecords = true;
            return _error is null && !_hasPlaces && _records.Accept(slice);
        }

        return _error is null;
    }

    public bool Complete()
    {
        // Each record has its place, with its hash, and nothing else has.
        if (_error is null && _placesSum != _checked.RecordsSum)
        {
            _error = "the places of records do not fit the records";
        }

        if (_error is not null || !_records.Complete())
        {
            return false;
        }

        Meta = EventualPersistence.Encode(_records.Accounts, _checked.DeletionCount, _horizon, _notesHash, _hashes);
        return true;
    }

    public void Install() => _records.Install();

    private void ReadHead(ReadOnlyMemory<byte> slice)
    {
        var reader = new WireReader(slice);
        var kind = reader.ReadByte();
        var version = reader.ReadUInt16();
        _horizon = new HybridTime(reader.ReadUInt64());
        _notesHash = reader.ReadUInt64();
        _isHeadRead = true;
        if (!reader.OkAtEnd || kind != EventualSnapshotSource.Head || version != EventualSnapshotSource.FormatVersion)
        {
            _error = "the snapshot is not of an eventual shard of rows, or of another format";
        }
    }

    private void ReadNotes(ReadOnlyMemory<byte> slice)
    {
        var reader = new WireReader(slice[1..]);
        while (reader.Ok && reader.Remaining > 0)
        {
            var key = reader.ReadBytes();
            var value = reader.ReadBytes();
            if (!reader.Ok || value.IsEmpty || key.Length is 0 or > Limits.KeyBytesMax || key.Span.SequenceCompareTo(_lastNote) <= 0
                || _hasRecords)
            {
                _error = "a note of the snapshot is garbled";
                return;
            }

            _load.Put(StateSections.Notes, key.Span, new StoredRecord(_now, HybridTime.Zero, value));
            _lastNote = key.ToArray();
        }

        if (!reader.Ok)
        {
            _error = "a note of the snapshot is garbled";
        }
    }

    private void ReadPlaces(ReadOnlyMemory<byte> slice)
    {
        _hasPlaces = true;
        var reader = new WireReader(slice[1..]);
        while (reader.Ok && reader.Remaining > 0)
        {
            var place = reader.ReadBytes();
            var hash = reader.ReadBytes();
            if (!reader.Ok || !RecordPlace.IsPlace(place.Span, hash.Span) || place.Span.SequenceCompareTo(_lastPlace) <= 0)
            {
                _error = "a place of the snapshot is garbled";
                return;
            }

            _placesSum = unchecked(_placesSum + RecordPlace.HashOf(hash.Span));
            _load.Put(StateSections.Places, place.Span, new StoredRecord(_now, HybridTime.Zero, hash));
            _lastPlace = place.ToArray();
        }

        _error ??= reader.Ok ? null : "a place of the snapshot is garbled";
    }

    /// <summary>
    /// Lets only records through that are rows or partitions of the shard, so that whatever is in the tree can be read, and hashes them.
    /// </summary>
    private sealed class CheckedLoad(IStateLoad load, MerkleTree hashes) : IStateLoad
    {
        private string? _error;

        public string? Error => _error ?? load.Error;

        /// <summary>As of <see cref="EventualRowsState.DeletionCount"/>.</summary>
        public long DeletionCount { get; private set; }

        /// <summary>The sum of the hashes of what has a place.</summary>
        public UInt128 RecordsSum { get; private set; }

        public void WhenDrained(Action ready) => load.WhenDrained(ready);

        public void Put(byte section, ReadOnlySpan<byte> key, in StoredRecord record)
        {
            if (section == StateSections.Records)
            {
                Take(key, record.Value);
            }

            load.Put(section, key, record);
        }

        public void Finish(LogIndex applied, HybridTime at, Action<DiskResult> done) => load.Finish(applied, at, done);

        public void Abandon() => load.Abandon();

        private void Take(ReadOnlySpan<byte> key, ReadOnlyMemory<byte> value)
        {
            if (!RowKey.IsKey(key) || RowKey.HashOf(key) < hashes.FirstToken || RowKey.HashOf(key) > hashes.LastToken
                || !EventualRecords.IsStored(key, value))
            {
                _error ??= "a row of the snapshot is garbled";
                return;
            }

            var hash = EventualRecords.HashOf(key, EventualRecords.InVersion(key, value).Span);
            hashes.Update(RowKey.HashOf(key), 0, hash);
            DeletionCount += RowKey.KindOf(key) == RowKeyKind.Partition ? 1 : 0;
            RecordsSum = RowKey.IsOfRecord(key) ? unchecked(RecordsSum + hash) : RecordsSum;
        }
    }
}
