using Atoll.Foundation;
using Atoll.Foundation.Compression;
using Atoll.StateMachines.Streams;

namespace Atoll.Services.Streams;

/// <summary>Looks for the records of a batch that have no key, which a topic that is compacted by key does not take.</summary>
public static class RecordKeys
{
    /// <summary>As many are named as somebody would read.</summary>
    public const int NamedMax = 20;

    /// <summary>
    /// Bytes of records that are decompressed at most, as many as a batch may have that is not compressed: threads that take batches do so
    /// side by side.
    /// </summary>
    public const int DecompressedBytesMax = Limits.ValueBytesMax;

    // One batch after the other is looked into on a thread: a buffer for each thread, and not one for each batch.
    [ThreadStatic]
    private static RecordCodec? _codec;

    /// <summary>Looks through a batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="missing">Receives the numbers, from 0 on, of the first <see cref="NamedMax"/> records without keys.</param>
    /// <returns>False when it cannot be looked into: its records are not what its head says, or too many.</returns>
    public static bool TryFindMissing(in RecordBatch batch, List<int> missing)
    {
        if ((_codec ??= new RecordCodec()).Decompress(batch, out var records, DecompressedBytesMax) != CompressionFault.None)
        {
            return false;
        }

        var reader = new RecordReader(records, batch.Header.RecordCount, batch.Header.LastOffsetDelta);
        for (var number = 0; reader.TryNext(out var record); number++)
        {
            if (record.Key is null && missing.Count < NamedMax)
            {
                missing.Add(number);
            }
        }

        return reader.IsComplete;
    }
}
