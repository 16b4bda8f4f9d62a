using System.Threading.Channels;
using Atoll.Services.Errors;

namespace Atoll.Services.Streams;

/// <summary>
/// Appends records to a topic as they come, each once, those of a partition in the order in which they were taken. Records go to the
/// partition that they name, or to that of their key; those with neither stay together as long as there is room in a batch. Each partition
/// has one batch under way, which is numbered, so that it can be sent again until it is known what became of it, also when leaders change;
/// what comes meanwhile is gathered for the next. Thread-safe. Disposing of it sends what was taken, and waits for that.
/// </summary>
public sealed class TopicProducer : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Topic _topic;
    private readonly TopicProducerOptions _options;
    private readonly ProducerLane[] _lanes;
    private TaskCompletionSource? _room;
    private Exception? _fault;
    private bool _isClosed;
    private long _takenBytes;
    private long _appended;
    private int _turn;

    internal TopicProducer(IStreams streams, Topic topic, TopicProducerOptions options)
    {
        _topic = topic;
        _options = options.Validated();
        _lanes = [.. topic.Partitions.Select((_, partition) => new ProducerLane(this, streams, topic, partition, _options))];
        Writer = new RecordWriter(this);
    }

    /// <summary>
    /// Takes records as a channel does: at once while there is room, and else whoever writes waits. Completing it is for who knows that
    /// there are no more; what was taken is sent all the same. It is closed with the error of a record that was not appended, unless <see
    /// cref="TopicProducerOptions.Failed"/> is told of such.
    /// </summary>
    public ChannelWriter<RecordToAppend> Writer { get; }

    /// <summary>Records that were appended.</summary>
    public long Appended => Interlocked.Read(ref _appended);

    /// <summary>Appends a record. Keys, values and headers must not change until then.</summary>
    /// <param name="record">The record.</param>
    /// <param name="cancellationToken">Ends the wait: for room, and then nothing is appended; behind it, and then it may be.</param>
    /// <returns>Where it is.</returns>
    /// <exception cref="AtollException">It was not appended, or it is not known whether it was: then it is either before all that are
    /// taken later, or never will be.</exception>
    /// <exception cref="ChannelClosedException">The producer has ended.</exception>
    public async ValueTask<AppendedRecord> SendAsync(RecordToAppend record, CancellationToken cancellationToken = default)
    {
        var appended = new TaskCompletionSource<AppendedRecord>(TaskCreationOptions.RunContinuationsAsynchronously);
        while (!TryTake(record, appended))
        {
            if (!await WaitForRoomAsync(cancellationToken).ConfigureAwait(false))
            {
                throw new ChannelClosedException();
            }
        }

        return await appended.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits until all that was taken so far is appended, or has failed; nothing lingers meanwhile.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="AtollException">The error that has ended the producer.</exception>
    public async ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        await Task.WhenAll(_lanes.Select(static lane => lane.FlushAsync())).WaitAsync(cancellationToken).ConfigureAwait(false);
        if (Fault is { } fault)
        {
            throw fault;
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        _ = TryClose(null);
        await Task.WhenAll(_lanes.Select(static lane => lane.FlushAsync())).ConfigureAwait(false);
    }

    /// <summary>What has ended the producer; then nothing more is sent.</summary>
    internal AtollException? Fault
    {
        get
        {
            lock (_lock)
            {
                return _fault as AtollException;
            }
        }
    }

    /// <summary>A record of the writer failed, and nobody else is told.</summary>
    internal void End(AtollException fault) => _ = TryClose(fault);

    /// <summary>Records are done with: there is room for others.</summary>
    internal void Release(long bytes, int appended)
    {
        Interlocked.Add(ref _appended, appended);
        TaskCompletionSource? room = null;
        lock (_lock)
        {
            _takenBytes -= bytes;
            if (_takenBytes < _options.BufferBytes)
            {
                (room, _room) = (_room, null);
            }
        }

        room?.SetResult();
    }

    private bool TryClose(Exception? error)
    {
        TaskCompletionSource? room;
        lock (_lock)
        {
            // An error that comes behind a quiet end is still one that somebody has to hear of.
            _fault ??= error;
            if (_isClosed)
            {
                return false;
            }

            _isClosed = true;
            (room, _room) = (_room, null);
        }

        room?.SetResult();
        return true;
    }

    private bool TryTake(RecordToAppend record, TaskCompletionSource<AppendedRecord>? appended)
    {
        lock (_lock)
        {
            if (_isClosed || _takenBytes >= _options.BufferBytes)
            {
                return false;
            }

            var lane = LaneOf(record);
            var taken = new TakenRecord(
                record.Timestamp == RecordToAppend.Now
                    ? record with { Timestamp = _options.Time.GetUtcNow().ToUnixTimeMilliseconds() } : record,
                _options.Time.GetTimestamp(), appended);
            _takenBytes += taken.Bytes;
            lane.Add(taken);
            return true;
        }
    }

    private ProducerLane LaneOf(RecordToAppend record)
    {
        _topic.CheckKey(record.Key);
        if (record.Partition is not null || record.Key is not null)
        {
            return _lanes[TopicAppend.PartitionOf(_topic, record, turn: 0)];
        }

        // Batches are better for being large: the next partition's turn comes when this one's batch is full or was sent.
        if (!_lanes[_turn].HasRoomInBatch)
        {
            _turn = (_turn + 1) % _lanes.Length;
        }

        return _lanes[_turn];
    }

    private async ValueTask<bool> WaitForRoomAsync(CancellationToken cancellation)
    {
        Task room;
        lock (_lock)
        {
            if (_isClosed)
            {
                return _fault is null ? false : throw _fault;
            }

            if (_takenBytes < _options.BufferBytes)
            {
                return true;
            }

            room = (_room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }

        await room.WaitAsync(cancellation).ConfigureAwait(false);
        return true;
    }

    private sealed class RecordWriter(TopicProducer producer) : ChannelWriter<RecordToAppend>
    {
        public override bool TryWrite(RecordToAppend item) => producer.TryTake(item, null);

        public override ValueTask<bool> WaitToWriteAsync(CancellationToken cancellationToken = default) =>
            producer.WaitForRoomAsync(cancellationToken);

        public override bool TryComplete(Exception? error = null) => producer.TryClose(error);
    }
}
