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
/// In memory is what one fetch brought, and of it one batch decompressed. Not thread-safe.
/// </summary>
/// <param name="streams">The topics.</param>
/// <param name="topic">The topic.</param>
/// <param name="partition">One of its partitions.</param>
/// <param name="fetchBytes">How many bytes are fetched at once, unless a single batch has more.</param>
public sealed class TopicReader(IStreams streams, Topic topic, int partition, int fetchBytes = TopicReader.FetchBytesDefault)
{
    /// <summary>How many bytes are fetched at once by who reads one partition.</summary>
    public const int FetchBytesDefault = 1024 * 1024;

    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(1);

    private readonly RecordCodec _codec = new();

    /// <summary>The offset of an end of the partition, or of the first record that has a timestamp or a later one.</summary>
    /// <param name="timestamp">A timestamp in milliseconds since 1970, or one of the values of <see cref="PartitionFind"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The offset; -1 when no record has such a timestamp.</returns>
    public async ValueTask<long> FindAsync(long timestamp, CancellationToken cancellationToken = default)
    {
        var found = await streams.FindAsync(topic, partition, new PartitionFind(timestamp, true), cancellationToken).ConfigureAwait(false);
        if (found.Batch is null || timestamp < 0)
        {
            return found.Offset;
        }

        // The batch is known; which record of it has the timestamp is to be seen there.
        var end = await FindAsync(PartitionFind.Latest, cancellationToken).ConfigureAwait(false);
        await foreach (var record in ReadAsync(found.Offset, end, cancellationToken).ConfigureAwait(false))
        {
            if (record.Timestamp >= timestamp)
            {
                return record.Offset;
            }
        }

        return end;
    }

    /// <summary>Reads records, in the order of their offsets.</summary>
    /// <param name="from">The first offset; what is not there any more is passed over.</param>
    /// <param name="end">The offset to end before; <see cref="long.MaxValue"/>: to wait for more, for ever.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="AtollException">A batch cannot be read, or the partition not be reached.</exception>
    public async IAsyncEnumerable<TopicRecord> ReadAsync(
        long from, long end, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var batch in ReadBatchesAsync(from, end, cancellationToken).ConfigureAwait(false))
        {
            foreach (var record in batch)
            {
                yield return record;
            }
        }
    }

    /// <summary>Reads records as their producers gathered them: never none at a time.</summary>
    /// <param name="from">The first offset; what is not there any more is passed over.</param>
    /// <param name="end">The offset to end before; <see cref="long.MaxValue"/>: to wait for more, for ever.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="AtollException">A batch cannot be read, or the partition not be reached.</exception>
    public async IAsyncEnumerable<IReadOnlyList<TopicRecord>> ReadBatchesAsync(
        long from, long end, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (from < end)
        {
            var linger = end == long.MaxValue ? Linger : TimeSpan.Zero;
            var fetched = await streams.FetchAsync(
                topic, partition, new PartitionFetch(from, fetchBytes, IsCommitted: true), linger, ReadLevel.Linearizable,
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

            var isAtEnd = fetched.Records.IsEmpty;
            for (var rest = fetched.Records; !rest.IsEmpty;)
            {
                var (bytes, next, records) = Decode(fetched.Places, rest, from, end);
                if (records.Count > 0)
                {
                    yield return records;
                }

                from = Math.Max(from, next);
                rest = rest[bytes..];
            }

            if (isAtEnd && end != long.MaxValue)
            {
                yield break; // what is behind belongs to a transaction that is still open
            }
        }
    }

    // The first of the batches: its length, the offset behind it, and those of its records that are wanted.
    private (int Bytes, long Next, List<TopicRecord> Records) Decode(FetchPlaces places, ReadOnlyMemory<byte> batches, long from, long end)
    {
        if (RecordBatch.Read(batches, out var batch) is not RecordBatchFault.None and var fault)
        {
            throw new AtollException(ErrorCode.Protocol, $"a batch of partition {partition} is damaged: {fault}");
        }

        var records = new List<TopicRecord>();
        if (!batch.Header.IsControl && !IsAborted(places, batch.Header))
        {
            Decode(batch, from, end, records);
        }

        return (batch.Memory.Length, batch.Header.BaseOffset + batch.Header.LastOffsetDelta + 1, records);
    }

    private void Decode(in RecordBatch batch, long from, long end, List<TopicRecord> records)
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
        var reader = new RecordReader(own, batch.Header.RecordCount, batch.Header.LastOffsetDelta);
        while (reader.TryNext(out var record))
        {
            var offset = batch.Header.BaseOffset + record.OffsetDelta;
            if (offset >= from && offset < end)
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
