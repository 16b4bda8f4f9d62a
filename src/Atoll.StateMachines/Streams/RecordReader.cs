using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Streams;

/// <summary>A record of a batch; its bytes are slices of the batch's.</summary>
/// <param name="OffsetDelta">Its offset less the batch's.</param>
/// <param name="TimestampDelta">Its timestamp less the batch's base timestamp, in milliseconds.</param>
/// <param name="Key">Its key; null when it has none.</param>
/// <param name="Value">Its value; null for a tombstone.</param>
/// <param name="Headers">Its headers.</param>
public readonly record struct StreamRecord(
    int OffsetDelta, long TimestampDelta, ReadOnlyMemory<byte>? Key, ReadOnlyMemory<byte>? Value, IReadOnlyList<RecordHeaderField> Headers);

/// <summary>A header of a record.</summary>
/// <param name="Name">Its name: UTF-8 by convention.</param>
/// <param name="Value">Its value; null when it has none.</param>
public readonly record struct RecordHeaderField(ReadOnlyMemory<byte> Name, ReadOnlyMemory<byte>? Value);

/// <summary>
/// Reads the records of a batch one by one, from bytes that may be anything and are not compressed any more. It never throws: the first
/// record that does not fit ends it, with <see cref="IsComplete"/> false.
/// </summary>
public ref struct RecordReader
{
    private readonly int _count;
    private readonly int _lastDelta;
    private WireReader _reader;
    private int _read;
    private int _delta;
    private bool _isGood;

    /// <summary>A reader before the first record of a batch as its producer made it.</summary>
    /// <param name="records">The records, decompressed.</param>
    /// <param name="count">How many the head of the batch says that there are.</param>
    public RecordReader(ReadOnlyMemory<byte> records, int count)
        : this(records, count, count - 1)
    {
    }

    /// <summary>A reader before the first record of a batch that may have been compacted: some may be missing.</summary>
    /// <param name="records">The records, decompressed.</param>
    /// <param name="count">How many the head of the batch says that there are.</param>
    /// <param name="lastOffsetDelta">What the head says of the last one's offset.</param>
    public RecordReader(ReadOnlyMemory<byte> records, int count, int lastOffsetDelta)
    {
        _reader = new WireReader(records);
        _count = count;
        _lastDelta = lastOffsetDelta;
        _delta = -1;
        _isGood = true;
    }

    /// <summary>Whether all records were read, none had a fault, and nothing is behind them.</summary>
    public readonly bool IsComplete => _isGood && _read == _count && _reader.OkAtEnd;

    /// <summary>Reads the next record.</summary>
    /// <returns>False at the end, or when it does not fit.</returns>
    public bool TryNext(out StreamRecord record)
    {
        record = default;
        if (!_isGood || _read == _count)
        {
            return false;
        }

        _isGood = TryReadRecord(out record);
        _read += _isGood ? 1 : 0;
        return _isGood;
    }

    private bool TryReadRecord(out StreamRecord record)
    {
        record = default;
        var length = ReadInt();
        if (!_reader.Ok || length < 0 || length > _reader.Remaining)
        {
            return false;
        }

        var end = _reader.Position + length;
        _ = _reader.ReadByte(); // attributes: none are defined
        var timestampDelta = ZigZag.Decode(_reader.ReadVarint());
        var offsetDelta = ReadInt();
        var key = ReadNullable();
        var value = ReadNullable();
        var headers = ReadHeaders();
        if (!_reader.Ok || headers is null || offsetDelta <= _delta || offsetDelta > _lastDelta || _reader.Position != end)
        {
            return false;
        }

        _delta = offsetDelta;
        record = new StreamRecord(offsetDelta, timestampDelta, key, value, headers);
        return true;
    }

    private RecordHeaderField[]? ReadHeaders()
    {
        const int headerBytesMin = 2;
        var count = ReadInt();
        if (!_reader.Ok || count < 0 || count > _reader.Remaining / headerBytesMin)
        {
            return null;
        }

        var headers = count == 0 ? [] : new RecordHeaderField[count];
        for (var i = 0; i < count; i++)
        {
            if (ReadNullable() is not { } name)
            {
                return null;
            }

            headers[i] = new RecordHeaderField(name, ReadNullable());
        }

        return headers;
    }

    private ReadOnlyMemory<byte>? ReadNullable()
    {
        var length = ReadInt();
        if (length < -1)
        {
            _reader.Fail();
        }

        if (length < 0 || !_reader.Ok)
        {
            return null;
        }

        return _reader.ReadRaw(length);
    }

    private int ReadInt()
    {
        var value = ZigZag.Decode(_reader.ReadVarint());
        if (value is < int.MinValue or > int.MaxValue)
        {
            _reader.Fail();
            return 0;
        }

        return (int)value;
    }
}
