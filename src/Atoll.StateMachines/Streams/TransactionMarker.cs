using System.Buffers.Binary;

namespace Atoll.StateMachines.Streams;

/// <summary>
/// The end of a transaction in a partition: a control batch of one record, whose key is version (2 bytes) and what it is (2 bytes: 0
/// aborted, 1 committed), and whose value is version (2 bytes) and the transaction's number (4 bytes), all big-endian. Kafka's brokers have
/// the epoch of the coordinator in place of that number; no client looks at it.
/// </summary>
/// <param name="ProducerId">Whose transaction.</param>
/// <param name="ProducerEpoch">In which epoch.</param>
/// <param name="IsCommit">Whether it took effect.</param>
/// <param name="Number">Which transaction of the producer: each ends once in a partition, whoever says so, and how often.</param>
public readonly record struct TransactionMarker(long ProducerId, short ProducerEpoch, bool IsCommit, int Number)
{
    private const short Attributes = RecordBatchHeader.TransactionalFlag | RecordBatchHeader.ControlFlag;
    private const int KeyBytes = 4;
    private const int ValueBytes = 6;

    /// <summary>The control batch.</summary>
    /// <param name="timestamp">Milliseconds since 1970.</param>
    public byte[] ToBatch(long timestamp)
    {
        var key = new byte[KeyBytes];
        key[KeyBytes - 1] = IsCommit ? (byte)1 : (byte)0;
        var value = new byte[ValueBytes];
        BinaryPrimitives.WriteInt32BigEndian(value.AsSpan(2), Number);
        var builder = new RecordBatchBuilder();
        builder.Add(timestamp, key, value);
        return builder.Build(ProducerId, ProducerEpoch, -1, Attributes);
    }

    /// <summary>Reads a control batch; false when it is none, or says something that is not known.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out TransactionMarker marker)
    {
        marker = default;
        if (RecordBatch.Read(bytes, out var batch) != RecordBatchFault.None || batch.Memory.Length != bytes.Length
            || batch.Header.Attributes != Attributes || batch.Header is not { RecordCount: 1, LastOffsetDelta: 0, HasProducer: true }
            || batch.Header.ProducerEpoch < 0)
        {
            return false;
        }

        var reader = new RecordReader(batch.Records, 1);
        if (!reader.TryNext(out var record) || !reader.IsComplete
            || record.Key is not { Length: >= KeyBytes } key || record.Value is not { Length: >= ValueBytes } value)
        {
            return false;
        }

        var kind = BinaryPrimitives.ReadInt16BigEndian(key.Span[2..]);
        marker = new TransactionMarker(
            batch.Header.ProducerId, batch.Header.ProducerEpoch, kind == 1, BinaryPrimitives.ReadInt32BigEndian(value.Span[2..]));
        return kind is 0 or 1 && marker.Number >= 0;
    }
}
