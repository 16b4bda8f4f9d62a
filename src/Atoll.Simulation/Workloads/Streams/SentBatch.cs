using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Streams;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>A batch that a producer sent, once or several times, and what became of it as far as anybody was told.</summary>
internal sealed class SentBatch
{
    // What the leader sets when it places a batch: base offset and epoch. The length between them is the producer's.
    private const int LengthAt = 8;
    private const int EpochAt = 12;
    private const int ProducedFrom = 16;

    /// <summary>A batch that has not been sent.</summary>
    public SentBatch(int number, byte[] bytes, ObservedTransaction? transaction)
    {
        Number = number;
        Bytes = bytes;
        Transaction = transaction;
        Header = RecordBatchHeader.Read(bytes);
    }

    /// <summary>Its place in the order of all batches of the partition, as they were made.</summary>
    public int Number { get; }

    /// <summary>All of it.</summary>
    public byte[] Bytes { get; }

    /// <summary>Its head.</summary>
    public RecordBatchHeader Header { get; }

    /// <summary>The transaction that it belongs to, or ends; null for none.</summary>
    public ObservedTransaction? Transaction { get; }

    /// <summary>The offset behind everything that had been acknowledged when it was first sent: it cannot be before that.</summary>
    public long NotBefore { get; set; } = -1;

    /// <summary>The offset that it was acknowledged at; -1 while it was not.</summary>
    public long AcknowledgedAt { get; set; } = -1;

    /// <summary>Where it was seen, or acknowledged: more than one place only when it may be there twice.</summary>
    public SortedSet<long> Places { get; } = [];

    /// <summary>How many of the times that it was sent may have appended it, without anybody being told.</summary>
    public int UncertainTimes { get; set; }

    /// <summary>Whether somebody was told that it was not appended, and it was not sent again.</summary>
    public bool IsRefused { get; set; }

    /// <summary>Finds it by its bytes, whoever placed it.</summary>
    public static ulong KeyOf(ReadOnlySpan<byte> batch) => StableHash.Compute(batch[ProducedFrom..]);

    /// <summary>Whether the bytes are this batch, at whatever place.</summary>
    public bool IsAs(ReadOnlySpan<byte> batch) =>
        batch.Length == Bytes.Length && batch[LengthAt..EpochAt].SequenceEqual(Bytes.AsSpan(LengthAt..EpochAt))
        && batch[ProducedFrom..].SequenceEqual(Bytes.AsSpan(ProducedFrom));

    /// <inheritdoc />
    public override string ToString() => Header.IsControl ? $"the marker (producer {Header.ProducerId}, epoch {Header.ProducerEpoch})"
        : Header.HasProducer
        ? $"batch {Number} (producer {Header.ProducerId}, epoch {Header.ProducerEpoch}, sequence {Header.BaseSequence} to "
            + $"{Header.LastSequence})"
        : $"batch {Number} ({Header.RecordCount} records without numbers)";
}
