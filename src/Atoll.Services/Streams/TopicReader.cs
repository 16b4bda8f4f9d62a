using System.Runtime.CompilerServices;
using Atoll.Foundation.Compression;
using Atoll.Node.Requests;
using Atoll.Services.Errors;
using Atoll.StateMachines.Streams;

namespace Atoll.Services.Streams;

/// <summary>A record of a topic.</summary>
/// <param name="Partition">Its partition.</param>
/// <param name="Offset">Its offset there.</param>
/// <param name="Timestamp">Milliseconds since 1970.</param>
/// <param name="Key">Its key; null when it has none.</param>
/// <param name="Value">Its value; null for a tombstone.</param>
/// <param name="Headers">Its headers.</param>
public sealed record TopicRecord(
    int Partition, long Offset, long Timestamp, ReadOnlyMemory<byte>? Key, ReadOnlyMemory<byte>? Value,
    IReadOnlyList<RecordHeaderField> Headers);

/// <summary>
/// Reads the records of a partition, whatever compressed them: only those that are committed, also where they belong to a transaction.
/// Not thread-safe.
/// </summary>
/// <param name="streams">The topics.</param>
/// <param name="topic">The topic.</param>
/// <param name="partition">One of its partitions.</param>
public sealed class TopicReader(IStreams streams, Topic topic, int partition)
{
    private const int FetchBytes = 1024 * 1024;

    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(1);

    private readonly RecordCodec _codec = new();

    /// <summary>Where an offset is that was said in words, or by a timestamp.</summary>
    /// <param name="timestamp">A timestamp in milliseconds since 1970, or one of the values of <see cref="PartitionFind"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<long> FindAsync(long timestamp, CancellationToken cancellationToken = default)
    {
        var found = await streams.FindAsync(topic, partition, new PartitionFind(timestamp, true), cancellationToken).ConfigureAwait(false);
        return found.Offset;
    }

    /// <summary>Reads records, in the order of their offsets.</summary>
    /// <param name="from">The first offset; what is not there any more is passed over.</param>
    /// <param name="end">The offset to end before; <see cref="long.MaxValue"/>: to wait for more, for ever.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="AtollException">A batch cannot be read, or the partition not be reached.</exception>
    public async IAsyncEnumerable<TopicRecord> ReadAsync(
        long from, long end, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (from < end)
        {
            var linger = end == long.MaxValue ? Linger : TimeSpan.Zero;
            var fetched = await streams.FetchAsync(
                topic, partition, new PartitionFetch(from, FetchBytes, IsCommitted: true), linger, ReadLevel.Linearizable,
                cancellationToken).ConfigureAwait(false);
            if (fetched.Places.Status == PartitionStatus.OffsetOutOfRange && from < fetched.Places.Positions.LogStart)
            {
                from = fetched.Places.Positions.LogStart;
                continue;
            }

            if (fetched.Places.Status != PartitionStatus.Ok)
            {
                throw new AtollException(ErrorCode.Invalid, $"partition {partition} has no offset {from}: {fetched.Places.Status}");
            }

            var records = new List<TopicRecord>();
            var next = Decode(fetched, from, records);
            foreach (var record in records)
            {
                if (record.Offset < end)
                {
                    yield return record;
                }
            }

            if (next == from && end != long.MaxValue)
            {
                yield break; // what is behind belongs to a transaction that is still open
            }

            from = next;
        }
    }

    private long Decode(FetchedBatches fetched, long from, List<TopicRecord> records)
    {
        for (var rest = fetched.Records; !rest.IsEmpty;)
        {
            if (RecordBatch.Read(rest, out var batch) is not RecordBatchFault.None and var fault)
            {
                throw new AtollException(ErrorCode.Protocol, $"a batch of partition {partition} is damaged: {fault}");
            }

            if (!batch.Header.IsControl && !IsAborted(fetched.Places, batch.Header))
            {
                Decode(batch, from, records);
            }

            from = Math.Max(from, batch.Header.BaseOffset + batch.Header.LastOffsetDelta + 1);
            rest = rest[batch.Memory.Length..];
        }

        return from;
    }

    private void Decode(in RecordBatch batch, long from, List<TopicRecord> records)
    {
        var fault = _codec.Decompress(batch, out var bytes);
        if (fault != CompressionFault.None)
        {
            throw new AtollException(
                ErrorCode.Protocol,
                $"the batch at offset {batch.Header.BaseOffset} of partition {partition} cannot be decompressed: {fault}");
        }

        // Decompressed, they are in a buffer of the codec, which the next batch needs.
        var own = batch.Header.Compression == RecordCompression.None ? bytes : bytes.ToArray();
        var reader = new RecordReader(own, batch.Header.RecordCount);
        while (reader.TryNext(out var record))
        {
            var offset = batch.Header.BaseOffset + record.OffsetDelta;
            if (offset >= from)
            {
                records.Add(new TopicRecord(
                    partition, offset, unchecked(batch.Header.BaseTimestamp + record.TimestampDelta), record.Key, record.Value,
                    record.Headers));
            }
        }

        if (!reader.IsComplete)
        {
            throw new AtollException(
                ErrorCode.Protocol, $"the batch at offset {batch.Header.BaseOffset} of partition {partition} is not made of records");
        }
    }

    private static bool IsAborted(FetchPlaces places, RecordBatchHeader header) => header.IsTransactional
        && places.Aborted.Any(aborted => aborted.ProducerId == header.ProducerId
            && aborted.FirstOffset <= header.BaseOffset && header.BaseOffset < aborted.MarkerOffset);
}
