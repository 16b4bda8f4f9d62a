using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Snapshots;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Streams;

/// <summary>
/// The layout of a snapshot's slices. Each begins with its kind (byte). Head: format (2 bytes), the entry that it is as of, the length of
/// the state (8 bytes each). Parts: the state as a checkpoint has it, cut into pieces.
/// </summary>
internal static class PartitionSnapshotFormat
{
    internal const ushort Version = 1;
    internal const byte Head = 1;
    internal const byte Part = 2;

    /// <summary>The longest state that is believed: all producers, and more epochs than there can be.</summary>
    internal const int StateBytesMax = 64 * 1024 * 1024;
}

/// <summary>A checkpoint, as slices; that of entry zero is the state in which a partition begins.</summary>
internal sealed class PartitionSnapshotSource : ISnapshotSource
{
    private readonly LogIndex _index;
    private readonly ISortedSnapshot _checkpoints;
    private readonly ISortedCursor _cursor;
    private readonly CursorLoad _load;
    private ReadOnlyMemory<byte>? _state;
    private bool _isHeadWritten;
    private int _written;

    internal PartitionSnapshotSource(PartitionIndex index, LogIndex at)
    {
        _index = at;
        _checkpoints = index.Checkpoints.Snapshot();
        _cursor = _checkpoints.OpenCursor();
        _load = new CursorLoad(Release);
        if (at == LogIndex.Zero)
        {
            var writer = new WireWriter();
            new PartitionState().WriteCheckpoint(writer);
            _state = writer.ToArray();
        }
        else
        {
            _cursor.SeekAtOrAfter(PartitionIndex.KeyOf((long)at.Value));
        }
    }

    public bool IsWaiting => _cursor.IsWaiting;

    public string? Error => _cursor.Fault is { } fault ? $"the store cannot be read: {fault}"
        : _state is null && !IsWaiting && !IsFound ? "the store does not have the checkpoint" : null;

    private bool IsFound => _cursor.IsValid && _cursor.KeySpan.SequenceEqual(PartitionIndex.KeyOf((long)_index.Value));

    public bool TryNext(WireWriter slice)
    {
        if (IsWaiting || Error is not null)
        {
            return false;
        }

        if (!_isHeadWritten)
        {
            _isHeadWritten = true;
            _state ??= _cursor.Record.Value;
            slice.WriteByte(PartitionSnapshotFormat.Head);
            slice.WriteUInt16(PartitionSnapshotFormat.Version);
            slice.WriteUInt64(_index.Value);
            slice.WriteUInt64((ulong)_state.Value.Length);
            return true;
        }

        var left = _state!.Value[_written..];
        if (left.IsEmpty)
        {
            return false;
        }

        var part = left[..Math.Min(left.Length, Limits.SnapshotChunkBytes)];
        slice.WriteByte(PartitionSnapshotFormat.Part);
        slice.WriteRaw(part.Span);
        _written += part.Length;
        return true;
    }

    public void Load(Action ready) => _load.Load(_cursor, ready);

    public void Dispose() => _load.Dispose();

    private void Release()
    {
        _cursor.Dispose();
        _checkpoints.Dispose();
    }
}

/// <summary>Takes a checkpoint from slices, in a load beside the state in use.</summary>
internal sealed class PartitionSnapshotTarget(HybridTime now, IStateLoad load, Action<PartitionState> install) : IMachineTarget
{
    private readonly WireWriter _bytes = new();
    private bool _isHeadRead;
    private LogIndex _index;
    private ulong _length;
    private PartitionState? _state;

    public string? Error { get; private set; }

    public ReadOnlyMemory<byte> Meta { get; private set; }

    public bool Accept(ReadOnlyMemory<byte> slice)
    {
        if (Error is null && !(_isHeadRead ? TryReadPart(slice) : TryReadHead(slice)))
        {
            Error = "the partition's part of the snapshot is garbled";
        }

        return Error is null;
    }

    public bool Complete()
    {
        if (Error is not null || !_isHeadRead || (ulong)_bytes.Length != _length
            || PartitionState.TryReadCheckpoint(_bytes.WrittenMemory, _index, now) is not { } state)
        {
            Error ??= "the partition's part of the snapshot is not a whole state";
            return false;
        }

        _state = state;
        if (_index != LogIndex.Zero)
        {
            load.Put(
                PartitionIndex.CheckpointsSection, PartitionIndex.KeyOf((long)_index.Value),
                new StoredRecord(now, HybridTime.Zero, _bytes.WrittenMemory));
        }

        var meta = new WireWriter();
        state.Write(meta);
        Meta = meta.ToArray();
        return true;
    }

    public void Install()
    {
        Check.That(_state is not null);
        install(_state);
    }

    private bool TryReadHead(ReadOnlyMemory<byte> slice)
    {
        var reader = new WireReader(slice);
        _isHeadRead = reader.ReadByte() == PartitionSnapshotFormat.Head && reader.ReadUInt16() == PartitionSnapshotFormat.Version;
        _index = new LogIndex(reader.ReadUInt64());
        _length = reader.ReadUInt64();
        return _isHeadRead && reader.OkAtEnd && _length <= PartitionSnapshotFormat.StateBytesMax && _index.Value <= long.MaxValue;
    }

    private bool TryReadPart(ReadOnlyMemory<byte> slice)
    {
        if (slice.Length < 2 || slice.Span[0] != PartitionSnapshotFormat.Part
            || (ulong)_bytes.Length + (ulong)slice.Length - 1 > _length)
        {
            return false;
        }

        _bytes.WriteRaw(slice.Span[1..]);
        return true;
    }
}
