using System.Buffers.Binary;
using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Snapshots;

/// <summary>Reads the records of a <see cref="RecordSnapshotSource"/> from slices as they come.</summary>
/// <param name="formatVersion">The format that is known.</param>
/// <param name="recordBytesMax">The longest record, its kind included.</param>
/// <param name="what">What the records are, in words.</param>
internal abstract class RecordSnapshotTarget(byte formatVersion, int recordBytesMax, string what) : IMachineTarget
{
    private readonly WireWriter _left = new();
    private bool _hasFormat;

    public ReadOnlyMemory<byte> Meta => default;

    public string? Error { get; private set; }

    /// <summary>Whether the last record has been taken; none may follow.</summary>
    protected abstract bool IsComplete { get; }

    public bool Accept(ReadOnlyMemory<byte> slice)
    {
        if (Error is not null)
        {
            return false;
        }

        _left.WriteRaw(slice.Span);
        var taken = 0;
        if (!_hasFormat && _left.Length > 0)
        {
            _hasFormat = true;
            taken = 1;
            Error = _left.Written[0] == formatVersion ? null : $"the format of the {what} is unknown";
        }

        while (Error is null && _left.Length - taken >= 4)
        {
            var bytes = BinaryPrimitives.ReadUInt32LittleEndian(_left.Written[taken..]);
            if (bytes == 0 || bytes > recordBytesMax)
            {
                Error = $"a record of the {what} is larger than one can be";
            }
            else if (_left.Length - taken - 4 < bytes)
            {
                break;
            }
            else
            {
                var record = _left.WrittenMemory.Slice(taken + 4, (int)bytes);
                taken += 4 + (int)bytes;
                Error = !IsComplete && TryTake(record.Span[0], record[1..]) ? null : $"the {what} are garbled";
            }
        }

        var rest = _left.Written[taken..].ToArray();
        _left.Reset();
        _left.WriteRaw(rest);
        return Error is null;
    }

    public bool Complete()
    {
        if (Error is null && (!IsComplete || _left.Length > 0))
        {
            Error = $"the {what} end in the middle";
        }

        return Error is null;
    }

    /// <inheritdoc />
    public abstract void Install();

    /// <summary>Takes a record; false when it is none that may come here. Its bytes are the caller's.</summary>
    protected abstract bool TryTake(byte kind, ReadOnlyMemory<byte> record);
}
