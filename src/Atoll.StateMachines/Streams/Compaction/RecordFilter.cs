using Atoll.Foundation.Bytes;
using Atoll.Foundation.Compression;

namespace Atoll.StateMachines.Streams.Compaction;

/// <summary>Says which records of batches stay.</summary>
/// <param name="last">Where each key's last record is.</param>
/// <param name="tombstonesBefore">Tombstones before this offset go.</param>
internal sealed class RecordFilter(KeyOffsets last, long tombstonesBefore)
{
    private readonly RecordCodec _codec = new();

    /// <summary>Notes the keys of a batch whose transaction, if it has one, took effect.</summary>
    /// <param name="batch">A batch with its offset.</param>
    /// <returns>False when there is no room for a key.</returns>
    internal bool TryNote(in RecordBatch batch)
    {
        if (!TryOpen(batch, out var reader))
        {
            return true; // what cannot be looked into stays as it is
        }

        while (reader.TryNext(out var record))
        {
            if (record.Key is { } key && !last.TryNote(key.Span, batch.Header.BaseOffset + record.OffsetDelta))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The records of a batch that stay.</summary>
    /// <param name="batch">A batch with its offset.</param>
    /// <param name="from">What is before this offset goes.</param>
    /// <param name="kept">Receives them; valid until the next call.</param>
    /// <returns>False when it cannot be looked into, and stays as it is.</returns>
    internal bool TryFilter(in RecordBatch batch, long from, List<StreamRecord> kept)
    {
        kept.Clear();
        if (!TryOpen(batch, out var reader))
        {
            return false;
        }

        while (reader.TryNext(out var record))
        {
            var offset = batch.Header.BaseOffset + record.OffsetDelta;
            if (offset >= from && Stays(record, offset))
            {
                kept.Add(record);
            }
        }

        return true;
    }

    private bool Stays(in StreamRecord record, long offset) => record.Key is not { } key
        || (!last.HasLater(key.Span, offset) && (record.Value is not null || offset >= tombstonesBefore));

    // Only when all of its records can be read: a part of a batch is not judged.
    private bool TryOpen(in RecordBatch batch, out RecordReader reader)
    {
        reader = default;
        if (_codec.Decompress(batch, out var records) != CompressionFault.None)
        {
            return false;
        }

        reader = new RecordReader(records, batch.Header.RecordCount, batch.Header.LastOffsetDelta);
        var all = reader;
        while (all.TryNext(out _))
        {
        }

        return all.IsComplete;
    }
}
