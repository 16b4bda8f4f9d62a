using Atoll.Foundation.Checks;

namespace Atoll.StateMachines.Streams.Compaction;

/// <summary>A stretch of offsets, and the batch that is to stand for all that was there.</summary>
/// <param name="From">The first offset.</param>
/// <param name="To">The offset behind the last.</param>
/// <param name="LeaderEpoch">The epoch of its records.</param>
/// <param name="Batch">The batch; empty when nothing stays.</param>
internal readonly record struct RewrittenBatch(long From, long To, int LeaderEpoch, ReadOnlyMemory<byte> Batch);

/// <summary>
/// Makes batches of what stays of others. Records keep their offsets, timestamps and headers; those of one epoch and compression come
/// together. What becomes of transactions is settled before: so the batches are nobody's, and belong to none.
/// </summary>
/// <param name="filter">Says what stays.</param>
/// <param name="from">The offset to begin with.</param>
/// <param name="batchBytes">Bytes of records that are gathered in one batch at least, where they are to be had.</param>
internal sealed class BatchRewriter(RecordFilter filter, long from, int batchBytes)
{
    // Deltas of offsets have 32 bits.
    private const long SpanMax = int.MaxValue / 2;

    private readonly List<StreamRecord> _kept = [];
    private readonly Queue<RewrittenBatch> _ready = new();
    private readonly Dictionary<RecordCompression, RecordBatchBuilder> _builders = [];
    private RecordBatchBuilder? _open;
    private long _from = from;
    private long _baseOffset;
    private int _epoch;

    /// <summary>What is before it was taken.</summary>
    internal long Taken { get; private set; } = from;

    /// <summary>Takes what is finished; false when nothing is.</summary>
    internal bool TryTake(out RewrittenBatch batch) => _ready.TryDequeue(out batch);

    /// <summary>Takes the next batch.</summary>
    /// <param name="batch">The batch, with offset and epoch.</param>
    /// <param name="goes">Whether nothing of it stays: a marker, or a transaction that was aborted.</param>
    internal void Take(in RecordBatch batch, bool goes)
    {
        var header = batch.Header;
        var end = header.BaseOffset + header.LastOffsetDelta + 1;
        Check.That(end > Taken);
        if (goes)
        {
            Taken = end;
            return;
        }

        var isRead = filter.TryFilter(batch, Taken, _kept);
        if (!isRead || (_kept.Count == header.RecordCount && header.SizeBytes >= batchBytes / 4))
        {
            // As it is: nothing has to be compressed again.
            Flush();
            Add(end, header.LeaderEpoch, Bare(batch));
            return;
        }

        if (_kept.Count > 0 && _open is not null && (_epoch != header.LeaderEpoch || _open.Compression != header.Compression
            || end - _baseOffset > SpanMax))
        {
            Flush();
        }

        foreach (var record in _kept)
        {
            var offset = header.BaseOffset + record.OffsetDelta;
            if (_open is null)
            {
                (_open, _baseOffset, _epoch) = (BuilderOf(header.Compression), offset, header.LeaderEpoch);
            }

            _open.AddAt(
                (int)(offset - _baseOffset), unchecked(header.BaseTimestamp + record.TimestampDelta), record.Key, record.Value,
                record.Headers);
        }

        Taken = end;
        if (_open is not null && _open.Bytes >= batchBytes)
        {
            Flush();
        }
    }

    /// <summary>Finishes what was gathered; what is before an offset is done with it.</summary>
    internal void Finish(long end)
    {
        Check.That(end >= Taken);
        Taken = end;
        Flush();
        if (_from < end)
        {
            Add(end, 0, default);
        }
    }

    private void Flush()
    {
        if (_open is not null)
        {
            var batch = _open.Build();
            RecordBatchHeader.Place(batch, _baseOffset, _epoch);
            _open = null;
            Add(Taken, _epoch, batch);
        }
    }

    private void Add(long to, int epoch, ReadOnlyMemory<byte> batch)
    {
        _ready.Enqueue(new RewrittenBatch(_from, to, epoch, batch));
        (_from, Taken) = (to, to);
    }

    private RecordBatchBuilder BuilderOf(RecordCompression compression)
    {
        if (!_builders.TryGetValue(compression, out var builder))
        {
            _builders[compression] = builder = new RecordBatchBuilder { Compression = compression };
        }

        return builder;
    }

    private static byte[] Bare(in RecordBatch batch)
    {
        var bytes = batch.Memory.ToArray();
        (batch.Header with
        {
            Attributes = (short)(batch.Header.Attributes & ~RecordBatchHeader.TransactionalFlag),
            ProducerId = -1, ProducerEpoch = -1, BaseSequence = -1,
        }).Write(bytes);
        RecordBatchHeader.Seal(bytes);
        return bytes;
    }
}
