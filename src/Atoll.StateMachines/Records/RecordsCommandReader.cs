using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Records;

/// <summary>The kinds of commands, as they stand in the first byte.</summary>
public enum RecordsCommandKind : byte
{
    /// <summary>One operation.</summary>
    Single = 1,

    /// <summary>Several operations that happen all or not at all.</summary>
    Batch = 2,

    /// <summary>Removes records whose time has come.</summary>
    Expire = 3,

    /// <summary>Writes nothing: all that happens is that the state's time goes on.</summary>
    Advance = 4,
}

/// <summary>
/// Reads a command operation by operation, without allocating. Keys and values are slices of the command. Never throws: after the last
/// <see cref="TryNext"/>, <see cref="IsComplete"/> tells whether all of it was a command.
/// </summary>
public ref struct RecordsCommandReader
{
    internal const byte HasExpected = 1;
    internal const byte HasTimeToLive = 2;

    private WireReader _reader;
    private int _remaining;

    /// <summary>A reader before the first operation.</summary>
    public RecordsCommandReader(ReadOnlyMemory<byte> command)
    {
        _reader = new WireReader(command);
        Kind = (RecordsCommandKind)_reader.ReadByte();
        switch (Kind)
        {
            case RecordsCommandKind.Single:
                Count = 1;
                break;
            case RecordsCommandKind.Batch:
                Count = _reader.ReadCount(Limits.BatchOperationsMax);
                if (Count == 0)
                {
                    _reader.Fail();
                }

                break;
            case RecordsCommandKind.Expire:
                // The first format had no operations: it does nothing now, and the leader proposes again.
                Count = _reader.Remaining > 0 ? _reader.ReadCount(Limits.ExpiredPerCommandMax) : 0;
                break;
            case RecordsCommandKind.Advance:
                break;
            default:
                _reader.Fail();
                break;
        }

        _remaining = Count;
    }

    /// <summary>What the command is.</summary>
    public RecordsCommandKind Kind { get; }

    /// <summary>Operations that the command announces.</summary>
    public int Count { get; }

    /// <summary>True when all operations were read, all were well-formed and nothing is left over.</summary>
    public readonly bool IsComplete => _remaining == 0 && _reader.OkAtEnd;

    /// <summary>Reads the next operation.</summary>
    /// <returns>False at the end, or when the bytes are not an operation.</returns>
    public bool TryNext(out RecordOperation operation)
    {
        operation = default;
        if (_remaining == 0 || !_reader.Ok)
        {
            return false;
        }

        var kind = (RecordOperationKind)_reader.ReadByte();
        var flags = _reader.ReadByte();
        var key = _reader.ReadBytes();
        HybridTime? expected = (flags & HasExpected) != 0 ? new HybridTime(_reader.ReadUInt64()) : null;
        var timeToLive = (flags & HasTimeToLive) != 0 ? _reader.ReadVarint() : 0;
        var value = kind == RecordOperationKind.Put ? _reader.ReadBytes() : default;
        var wellFormed = _reader.Ok
            && kind is (RecordOperationKind.Put or RecordOperationKind.Delete or RecordOperationKind.Check)
            && (flags & ~(HasExpected | HasTimeToLive)) == 0
            && key.Length is > 0 and <= Limits.KeyBytesMax
            && value.Length <= Limits.ValueBytesMax
            && timeToLive <= Limits.TimeToLiveMillisecondsMax
            && (timeToLive > 0) == ((flags & HasTimeToLive) != 0)
            && (timeToLive == 0 || kind == RecordOperationKind.Put)
            && (kind != RecordOperationKind.Check || expected is not null)
            && (Kind != RecordsCommandKind.Expire || (kind == RecordOperationKind.Delete && expected is not null));
        if (!wellFormed)
        {
            _reader.Fail();
            return false;
        }

        _remaining--;
        operation = new RecordOperation(kind, key, value, expected, (long)timeToLive);
        return true;
    }
}
