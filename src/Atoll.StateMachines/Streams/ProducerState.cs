using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Streams;

/// <summary>A batch that a producer appended: what tells that it is there already when it comes again.</summary>
/// <param name="BaseSequence">The producer's number of its first record.</param>
/// <param name="LastSequence">That of its last one.</param>
/// <param name="BaseOffset">The offset that the first record got.</param>
internal readonly record struct AppendedBatch(int BaseSequence, int LastSequence, long BaseOffset);

/// <summary>What a partition knows of one producer.</summary>
internal sealed class ProducerState
{
    // A client sends at most five batches of a partition before the first of them is answered.
    private const int BatchesMax = 5;

    private readonly AppendedBatch[] _batches = new AppendedBatch[BatchesMax];
    private int _count;

    /// <summary>Its epoch: older ones are fenced off.</summary>
    internal short Epoch { get; private set; }

    /// <summary>The transaction that it may write in; -1 when there is none.</summary>
    internal int OpenTransaction { get; set; } = -1;

    /// <summary>The transaction that ended here last; -1 before any did.</summary>
    internal int EndedTransaction { get; set; } = -1;

    /// <summary>Whether it may have appended batches that were forgotten since, so that the next one need not be its first.</summary>
    internal bool MayBeForgotten { get; set; }

    /// <summary>Whether it is in a transaction, or may be.</summary>
    internal bool IsInTransaction => OpenTransaction >= 0 || TransactionStart >= 0;

    /// <summary>The first offset of its open transaction; -1 when none is open.</summary>
    internal long TransactionStart { get; set; } = -1;

    /// <summary>When it appended last, in milliseconds of the state's time.</summary>
    internal long LastActive { get; set; }

    /// <summary>Batches of this epoch that are remembered, the oldest first.</summary>
    internal ReadOnlySpan<AppendedBatch> Batches => _batches.AsSpan(0, _count);

    /// <summary>The number of the last record of this epoch; -1 when there is none, or it was forgotten.</summary>
    internal int LastSequence => _count == 0 ? -1 : _batches[_count - 1].LastSequence;

    /// <summary>Goes to an epoch: numbers begin anew.</summary>
    internal void Begin(short epoch)
    {
        Epoch = epoch;
        _count = 0;
        MayBeForgotten = false;
    }

    /// <summary>Remembers a batch; of more than five the oldest goes.</summary>
    internal void Add(in AppendedBatch batch)
    {
        if (_count == BatchesMax)
        {
            _batches.AsSpan(1).CopyTo(_batches);
            _count--;
        }

        _batches[_count++] = batch;
        MayBeForgotten = false;
    }

    /// <summary>Whether a batch may be appended next.</summary>
    /// <param name="header">Its head.</param>
    /// <param name="baseOffset">The offset that it has already, when it is there; else -1.</param>
    internal PartitionStatus Judge(in RecordBatchHeader header, out long baseOffset)
    {
        baseOffset = -1;
        if (header.ProducerEpoch < Epoch)
        {
            return PartitionStatus.ProducerFenced;
        }

        if (header.ProducerEpoch > Epoch)
        {
            return TransactionStart >= 0 || header.IsTransactional ? PartitionStatus.InvalidTransactionState
                : header.BaseSequence == 0 ? PartitionStatus.Ok
                : PartitionStatus.OutOfOrderSequence;
        }

        foreach (var batch in Batches)
        {
            if (batch.BaseSequence == header.BaseSequence && batch.LastSequence == header.LastSequence)
            {
                baseOffset = batch.BaseOffset;
                return PartitionStatus.Ok;
            }
        }

        var expected = _count == 0 ? 0 : ProducerSequence.Next(LastSequence);
        return header.IsTransactional && OpenTransaction < 0 ? PartitionStatus.InvalidTransactionState
            : header.BaseSequence != expected
                ? MayBeForgotten ? PartitionStatus.UnknownProducer
                    : _count > 0 && ProducerSequence.IsBefore(header.LastSequence, _batches[0].BaseSequence)
                    ? PartitionStatus.DuplicateSequence : PartitionStatus.OutOfOrderSequence
            : TransactionStart >= 0 && !header.IsTransactional ? PartitionStatus.InvalidTransactionState
            : PartitionStatus.Ok;
    }

    /// <summary>Whether a transaction comes before another one, as far as their numbers tell, which begin anew some time.</summary>
    internal static bool IsBefore(int transaction, int other) => other >= 0 && ProducerSequence.IsBefore(transaction, other);

    internal void Write(WireWriter writer)
    {
        writer.WriteUInt16((ushort)Epoch);
        writer.WriteVarint(ZigZag.Encode(OpenTransaction));
        writer.WriteVarint(ZigZag.Encode(EndedTransaction));
        writer.WriteBool(MayBeForgotten);
        writer.WriteVarint(ZigZag.Encode(TransactionStart));
        writer.WriteVarint(ZigZag.Encode(LastActive));
        writer.WriteByte((byte)_count);
        foreach (var batch in Batches)
        {
            writer.WriteUInt32((uint)batch.BaseSequence);
            writer.WriteUInt32((uint)batch.LastSequence);
            writer.WriteVarint((ulong)batch.BaseOffset);
        }
    }

    /// <summary>Reads it; the reader fails when the bytes are none.</summary>
    internal static ProducerState Read(ref WireReader reader)
    {
        var state = new ProducerState();
        state.Begin((short)reader.ReadUInt16());
        state.OpenTransaction = ReadNumber(ref reader);
        state.EndedTransaction = ReadNumber(ref reader);
        state.MayBeForgotten = reader.ReadBool();
        state.TransactionStart = ZigZag.Decode(reader.ReadVarint());
        state.LastActive = ZigZag.Decode(reader.ReadVarint());
        var count = reader.ReadByte();
        if (count > BatchesMax || state.Epoch < 0 || state.TransactionStart < -1
            || (state.TransactionStart >= 0 && state.OpenTransaction < 0))
        {
            reader.Fail();
        }

        for (var i = 0; i < count && reader.Ok; i++)
        {
            state.Add(new AppendedBatch((int)reader.ReadUInt32(), (int)reader.ReadUInt32(), (long)reader.ReadVarint()));
        }

        return state;
    }

    internal void AddTo(ref StateHasher hasher)
    {
        hasher.Add((ulong)Epoch);
        hasher.Add((ulong)OpenTransaction);
        hasher.Add((ulong)EndedTransaction);
        hasher.Add(MayBeForgotten ? 1UL : 0);
        hasher.Add((ulong)TransactionStart);
        hasher.Add((ulong)LastActive);
        Check.That(_count <= BatchesMax);
        foreach (var batch in Batches)
        {
            hasher.Add(((ulong)(uint)batch.BaseSequence << 32) | (uint)batch.LastSequence);
            hasher.Add((ulong)batch.BaseOffset);
        }
    }

    private static int ReadNumber(ref WireReader reader)
    {
        var number = ZigZag.Decode(reader.ReadVarint());
        if (number is < -1 or > int.MaxValue)
        {
            reader.Fail();
        }

        return (int)number;
    }
}
