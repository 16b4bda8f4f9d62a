using Atoll.Foundation.Checks;
using Atoll.Services.Errors;
using Atoll.StateMachines.Streams;

namespace Atoll.Services.Streams;

/// <summary>A record that a producer has taken.</summary>
/// <param name="Record">The record, with its timestamp.</param>
/// <param name="TakenAt">When, by the producer's clock.</param>
/// <param name="Appended">Who waits for it; null for one of the writer.</param>
internal readonly record struct TakenRecord(RecordToAppend Record, long TakenAt, TaskCompletionSource<AppendedRecord>? Appended)
{
    // What a record takes beside its bytes, in a batch and here.
    private const int OverheadBytes = 32;

    /// <summary>Its bytes, about.</summary>
    public int Bytes { get; } = OverheadBytes + (Record.Key?.Length ?? 0) + (Record.Value?.Length ?? 0)
        + Record.Headers.Sum(static header => header.Name.Length + (header.Value?.Length ?? 0));
}

/// <summary>
/// What a producer has for one partition: records that wait, and one batch under way. A batch that failed is followed by ones of the
/// next epoch: so that it does not come after them, should it still be under way somewhere.
/// </summary>
internal sealed class ProducerLane(TopicProducer producer, IStreams streams, Topic topic, int partition, TopicProducerOptions options)
{
    private readonly Lock _lock = new();
    private readonly Queue<TakenRecord> _waiting = new();
    private readonly List<(long UpTo, TaskCompletionSource Done)> _flushes = [];
    private readonly RecordBatchBuilder _builder = new() { Compression = options.Compression };

    // Compressed or not, and whatever else is in it, it is not larger than the topic takes.
    private readonly int _batchBytes = Math.Max(1, Math.Min(options.BatchBytes, topic.Settings.BatchBytesMax / 2));

    private TaskCompletionSource? _lingering;
    private bool _isRunning;
    private long _waitingBytes;
    private long _taken;
    private long _done;
    private long _hurriedUpTo;
    private long _producerId = -1;
    private short _epoch;
    private int _sequence;

    /// <summary>Whether a batch waits that is not full.</summary>
    public bool HasRoomInBatch
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Count > 0 && _waitingBytes < _batchBytes;
            }
        }
    }

    public void Add(in TakenRecord record)
    {
        lock (_lock)
        {
            _waiting.Enqueue(record);
            _waitingBytes += record.Bytes;
            _taken++;
            WakeIfDue();
            if (!_isRunning)
            {
                _isRunning = true;
                _ = Task.Run(RunAsync);
            }
        }
    }

    /// <summary>Done when all that was added before is; never fails.</summary>
    public Task FlushAsync()
    {
        lock (_lock)
        {
            if (_done == _taken)
            {
                return Task.CompletedTask;
            }

            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _flushes.Add((_taken, done));
            _hurriedUpTo = _taken;
            WakeIfDue();
            return done.Task;
        }
    }

    private bool IsDue => _waitingBytes >= _batchBytes || _hurriedUpTo > _done;

    private void WakeIfDue()
    {
        if (IsDue)
        {
            _lingering?.TrySetResult();
        }
    }

    private async Task RunAsync()
    {
        while (true)
        {
            if (options.Linger > TimeSpan.Zero)
            {
                await LingerAsync().ConfigureAwait(false);
            }

            var batch = Take();
            if (batch.Length == 0)
            {
                return;
            }

            await SendAsync(batch).ConfigureAwait(false);
            End(batch);
        }
    }

    private async Task LingerAsync()
    {
        Task due;
        TimeSpan left;
        lock (_lock)
        {
            if (_waiting.Count == 0 || IsDue)
            {
                return;
            }

            left = options.Linger - options.Time.GetElapsedTime(_waiting.Peek().TakenAt);
            due = (_lingering = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }

        if (left > TimeSpan.Zero)
        {
            using var ending = new CancellationTokenSource();
            await Task.WhenAny(due, Task.Delay(left, options.Time, ending.Token)).ConfigureAwait(false);
            await ending.CancelAsync().ConfigureAwait(false);
        }

        lock (_lock)
        {
            _lingering = null;
        }
    }

    // None: then nobody runs any more.
    private TakenRecord[] Take()
    {
        lock (_lock)
        {
            var batch = new List<TakenRecord>();
            for (var bytes = 0L; _waiting.TryPeek(out var next) && (batch.Count == 0 || bytes + next.Bytes <= _batchBytes);)
            {
                bytes += next.Bytes;
                batch.Add(_waiting.Dequeue());
            }

            _waitingBytes -= batch.Sum(static record => (long)record.Bytes);
            Check.That(_waitingBytes >= 0 && (_waiting.Count > 0 || _waitingBytes == 0));
            _isRunning = batch.Count > 0;
            return [.. batch];
        }
    }

    private async Task SendAsync(TakenRecord[] batch)
    {
        try
        {
            if (producer.Fault is { } fault)
            {
                Fail(batch, fault);
                return;
            }

            var result = await AppendAsync(batch).ConfigureAwait(false);
            for (var i = 0; i < batch.Length; i++)
            {
                batch[i].Appended?.TrySetResult(new AppendedRecord(partition, result.BaseOffset < 0 ? -1 : result.BaseOffset + i));
            }

            producer.Release(batch.Sum(static record => (long)record.Bytes), batch.Length);
        }
        catch (Exception error)
        {
            BeginEpoch();
            Fail(batch, error as AtollException ?? new AtollException(ErrorCode.OutcomeUnknown, error.Message, error));
        }
    }

    private async ValueTask<PartitionResult> AppendAsync(TakenRecord[] batch)
    {
        while (true)
        {
            if (_producerId < 0)
            {
                _producerId = await streams.NewProducerIdAsync().ConfigureAwait(false);
            }

            foreach (var (record, _, _) in batch)
            {
                _builder.Add(record.Timestamp, record.Key, record.Value, record.Headers);
            }

            try
            {
                var bytes = _builder.Build(_producerId, _epoch, _sequence);
                var result = await PartitionAppend.SendAsync(
                    streams, topic, partition, bytes, isNumbered: true, options.Timeout, options.Time, default).ConfigureAwait(false);
                _sequence = ProducerSequence.Add(_sequence, batch.Length);
                return result;
            }
            catch (ProducerForgottenException)
            {
                BeginEpoch(); // it was silent for long: nothing of the batch is there
            }
        }
    }

    // From here on what has an older epoch is refused, if the partition has not got it yet.
    private void BeginEpoch()
    {
        _sequence = 0;
        if (_epoch++ == short.MaxValue)
        {
            (_producerId, _epoch) = (-1, 0);
        }
    }

    private void Fail(TakenRecord[] batch, AtollException error)
    {
        foreach (var (record, _, appended) in batch)
        {
            if (appended is not null)
            {
                appended.TrySetException(error);
                _ = appended.Task.Exception; // whoever waited may have left
            }
            else if (options.Failed is { } failed)
            {
                Tell(failed, record, error);
            }
            else
            {
                producer.End(error);
            }
        }

        producer.Release(batch.Sum(static record => (long)record.Bytes), 0);
    }

    private void Tell(Action<RecordToAppend, AtollException> failed, RecordToAppend record, AtollException error)
    {
        try
        {
            failed(record, error);
        }
        catch (Exception thrown)
        {
            producer.End(new AtollException(error.Code, "who is told of records that failed has failed itself", thrown));
        }
    }

    private void End(TakenRecord[] batch)
    {
        lock (_lock)
        {
            _done += batch.Length;
            Check.That(_done + _waiting.Count == _taken);
            foreach (var (_, done) in _flushes.Where(flush => flush.UpTo <= _done))
            {
                done.SetResult();
            }

            _flushes.RemoveAll(flush => flush.UpTo <= _done);
        }
    }
}
