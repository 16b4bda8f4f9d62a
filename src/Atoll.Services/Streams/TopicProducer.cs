using Atoll.Services.Errors;
using Atoll.StateMachines.Streams;

namespace Atoll.Services.Streams;

/// <summary>
/// Appends records to a topic, each once: batches are numbered, so that one whose outcome is unknown is sent again. One batch is under
/// way at a time. Not thread-safe.
/// </summary>
public sealed class TopicProducer
{
    private const int BatchBytes = 256 * 1024;
    private const int RecordOverheadBytes = 32;

    private readonly IStreams _streams;
    private readonly Topic _topic;
    private readonly long _producerId;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;
    private readonly PartitionBatch[] _batches;
    private int _turn;

    private TopicProducer(
        IStreams streams, Topic topic, RecordCompression compression, long producerId, TimeSpan timeout, TimeProvider time)
    {
        _streams = streams;
        _topic = topic;
        _producerId = producerId;
        _timeout = timeout;
        _time = time;
        _batches = [.. topic.Partitions.Select(_ => new PartitionBatch(compression))];
    }

    /// <summary>Records that were appended.</summary>
    public long Appended { get; private set; }

    /// <summary>A producer with a number of its own.</summary>
    /// <param name="streams">The topics.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="compression">How batches are compressed.</param>
    /// <param name="timeout">How long a batch may take, retries included.</param>
    /// <param name="time">The clock of timestamps and retries.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async ValueTask<TopicProducer> CreateAsync(
        IStreams streams, Topic topic, RecordCompression compression, TimeSpan timeout, TimeProvider time,
        CancellationToken cancellationToken = default)
    {
        var producerId = await streams.NewProducerIdAsync(cancellationToken).ConfigureAwait(false);
        return new TopicProducer(streams, topic, compression, producerId, timeout, time);
    }

    /// <summary>Adds a record; sends its partition's batch when that is full.</summary>
    /// <param name="partition">The partition; null: that of the key, or without one each in turn.</param>
    /// <param name="key">Its key, or null.</param>
    /// <param name="value">Its value, or null.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="AtollException">A batch was not appended, or it is not known whether it was.</exception>
    public async ValueTask AddAsync(
        int? partition, ReadOnlyMemory<byte>? key, ReadOnlyMemory<byte>? value, CancellationToken cancellationToken = default)
    {
        var number = partition ?? (key is { } present
            ? KeyPartitioner.PartitionOf(present.Span, _batches.Length) : (_turn = (_turn + 1) % _batches.Length));
        var batch = _batches[number];
        var bytes = (key?.Length ?? 0) + (value?.Length ?? 0) + RecordOverheadBytes;
        if (batch.Builder.Count > 0 && batch.Bytes + bytes > Math.Min(BatchBytes, _topic.Settings.BatchBytesMax / 2))
        {
            await SendAsync(number, cancellationToken).ConfigureAwait(false);
        }

        batch.Builder.Add(_time.GetUtcNow().ToUnixTimeMilliseconds(), key, value);
        batch.Bytes += bytes;
    }

    /// <summary>Sends what was added; done when all of it is appended.</summary>
    /// <exception cref="AtollException">A batch was not appended, or it is not known whether it was.</exception>
    public async ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        for (var partition = 0; partition < _batches.Length; partition++)
        {
            if (_batches[partition].Builder.Count > 0)
            {
                await SendAsync(partition, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask SendAsync(int partition, CancellationToken cancellation)
    {
        var batch = _batches[partition];
        var records = batch.Builder.Count;
        var bytes = batch.Builder.Build(_producerId, 0, batch.Sequence);
        batch.Bytes = 0;
        await PartitionAppend.SendAsync(_streams, _topic, partition, bytes, isNumbered: true, _timeout, _time, cancellation)
            .ConfigureAwait(false);
        batch.Sequence = ProducerSequence.Add(batch.Sequence, records);
        Appended += records;
    }

    private sealed class PartitionBatch(RecordCompression compression)
    {
        public RecordBatchBuilder Builder { get; } = new() { Compression = compression };

        public int Bytes { get; set; }

        public int Sequence { get; set; }
    }
}
