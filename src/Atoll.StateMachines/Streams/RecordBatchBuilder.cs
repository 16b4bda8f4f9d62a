using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Streams;

/// <summary>Builds batches. Reusable: each batch that is built begins anew.</summary>
public sealed class RecordBatchBuilder
{
    private readonly WireWriter _records = new();
    private readonly WireWriter _record = new();
    private readonly WireWriter _compressed = new(16);
    private RecordCodec? _codec;
    private int _count;
    private int _lastDelta = -1;
    private long _baseTimestamp;
    private long _maxTimestamp;

    /// <summary>How records are compressed; those that would not become fewer bytes are not.</summary>
    public RecordCompression Compression { get; init; }

    /// <summary>Records added since the last batch.</summary>
    public int Count => _count;

    /// <summary>Bytes of these records, before compression.</summary>
    public int Bytes => _records.Length;

    /// <summary>Adds a record.</summary>
    /// <param name="timestamp">Milliseconds since 1970.</param>
    /// <param name="key">Its key, or null.</param>
    /// <param name="value">Its value, or null.</param>
    /// <param name="headers">Its headers.</param>
    public void Add(
        long timestamp, ReadOnlyMemory<byte>? key, ReadOnlyMemory<byte>? value, IReadOnlyList<RecordHeaderField>? headers = null) =>
        AddAt(_lastDelta + 1, timestamp, key, value, headers);

    /// <summary>Adds a record with an offset of its own, behind those of the others.</summary>
    internal void AddAt(
        int offsetDelta, long timestamp, ReadOnlyMemory<byte>? key, ReadOnlyMemory<byte>? value, IReadOnlyList<RecordHeaderField>? headers)
    {
        Check.That(offsetDelta > _lastDelta);
        if (_count == 0)
        {
            _baseTimestamp = timestamp;
            _maxTimestamp = timestamp;
        }

        _maxTimestamp = Math.Max(_maxTimestamp, timestamp);
        _record.Reset();
        _record.WriteByte(0);
        WriteInt(_record, timestamp - _baseTimestamp);
        WriteInt(_record, offsetDelta);
        WriteNullable(key);
        WriteNullable(value);
        WriteInt(_record, headers?.Count ?? 0);
        foreach (var header in headers ?? [])
        {
            WriteNullable(header.Name);
            WriteNullable(header.Value);
        }

        WriteInt(_records, _record.Length);
        _records.WriteRaw(_record.Written);
        _lastDelta = offsetDelta;
        _count++;
    }

    /// <summary>The batch of what was added, at least one record.</summary>
    /// <param name="producerId">The producer; -1 for one that does not number its batches.</param>
    /// <param name="producerEpoch">Its epoch, or -1.</param>
    /// <param name="baseSequence">Its number of the first record, or -1.</param>
    /// <param name="isTransactional">Whether the batch belongs to a transaction.</param>
    public byte[] Build(long producerId = -1, short producerEpoch = -1, int baseSequence = -1, bool isTransactional = false) =>
        Build(producerId, producerEpoch, baseSequence, isTransactional ? RecordBatchHeader.TransactionalFlag : (short)0);

    internal byte[] Build(long producerId, short producerEpoch, int baseSequence, short attributes)
    {
        Check.That(_count > 0);
        var records = _records;
        if (Compression != RecordCompression.None)
        {
            _compressed.Reset();
            (_codec ??= new RecordCodec()).Compress(Compression, _records.Written, _compressed);
            if (_compressed.Length < _records.Length)
            {
                records = _compressed;
                attributes |= (short)Compression;
            }
        }

        var batch = new byte[RecordBatchHeader.Bytes + records.Length];
        records.Written.CopyTo(batch.AsSpan(RecordBatchHeader.Bytes));
        new RecordBatchHeader(
            0, batch.Length, -1, 0, attributes, _lastDelta, _baseTimestamp, _maxTimestamp, producerId, producerEpoch, baseSequence, _count)
            .Write(batch);
        RecordBatchHeader.Seal(batch);
        _records.Reset();
        (_count, _lastDelta) = (0, -1);
        return batch;
    }

    private void WriteNullable(ReadOnlyMemory<byte>? bytes)
    {
        WriteInt(_record, bytes?.Length ?? -1);
        if (bytes is { } present)
        {
            _record.WriteRaw(present.Span);
        }
    }

    private static void WriteInt(WireWriter writer, long value) => writer.WriteVarint(ZigZag.Encode(value));
}
