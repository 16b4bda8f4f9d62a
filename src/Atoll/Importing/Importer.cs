using Atoll.Services.Errors;
using Atoll.Services.Records;

namespace Atoll.Importing;

/// <summary>
/// Puts rows into a space, many at a time, in any order. Putting a row again is harmless, so that after a crash everything behind the last
/// checkpoint is simply put again. Two rows with one key are put one after the other: the later one stays, as in the file.
/// </summary>
public sealed class Importer
{
    private static readonly TimeSpan DiskFullPatience = TimeSpan.FromSeconds(5);

    private readonly IRecords _records;
    private readonly int _concurrency;
    private readonly TimeSpan _patience;
    private readonly Lock _lock = new();
    private readonly Queue<Pending> _order = new();
    private readonly Dictionary<string, Task> _byKey = new(StringComparer.Ordinal);
    private long _offset;
    private long _rows;
    private long _bytes;

    /// <summary>An importer into a space.</summary>
    /// <param name="records">The space's records.</param>
    /// <param name="concurrency">Rows under way at once.</param>
    /// <param name="patience">For how long a row is tried while the cluster is not available.</param>
    public Importer(IRecords records, int concurrency, TimeSpan patience)
    {
        _records = records;
        _concurrency = concurrency;
        _patience = patience;
    }

    /// <summary>Everything before this offset of the file is in the cluster, and how many rows that is.</summary>
    public (long Offset, long Rows) Done
    {
        get
        {
            lock (_lock)
            {
                return (_offset, _rows);
            }
        }
    }

    /// <summary>Bytes of the rows that were put.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Puts all rows of the reader.</summary>
    /// <exception cref="AtollException">A row could not be put.</exception>
    /// <exception cref="RowFormatException">The file does not hold what it should.</exception>
    public async Task RunAsync(RowReader reader, long offset, long rows, CancellationToken cancellation)
    {
        (_offset, _rows) = (offset, rows);
        using var slots = new SemaphoreSlim(_concurrency);
        using var failing = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var failed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            while (await reader.ReadAsync(failing.Token).ConfigureAwait(false) is { } row)
            {
                await slots.WaitAsync(failing.Token).ConfigureAwait(false);
                Start(row, slots, failed, failing);
            }

            for (var i = 0; i < _concurrency; i++)
            {
                await slots.WaitAsync(failing.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            await failed.Task.ConfigureAwait(false);
        }
    }

    private void Start(Row row, SemaphoreSlim slots, TaskCompletionSource failed, CancellationTokenSource failing)
    {
        var pending = new Pending(row.EndOffset, row.Number);
        var key = Convert.ToBase64String(row.Key);
        lock (_lock)
        {
            _order.Enqueue(pending);
            var before = _byKey.GetValueOrDefault(key, Task.CompletedTask);
            _byKey[key] = RunOneAsync(before);
        }

        async Task RunOneAsync(Task before)
        {
            await Task.Yield(); // the dictionary must know this task before it may end
            try
            {
                await before.ConfigureAwait(false);
                await PutAsync(row, failing.Token).ConfigureAwait(false);
                Interlocked.Add(ref _bytes, row.Value.Length);
                Finished(pending);
                slots.Release();
            }
            catch (Exception error)
            {
                failed.TrySetException(error);
                await failing.CancelAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task PutAsync(Row row, CancellationToken cancellation)
    {
        var startedAt = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                await _records.PutAsync(row.Key, row.Value, default, cancellation).ConfigureAwait(false);
                return;
            }
            catch (AtollException error) when ((error.IsRetryable || error.Code == ErrorCode.OutcomeUnknown)
                && TimeProvider.System.GetElapsedTime(startedAt) < PatienceWith(error))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200), cancellation).ConfigureAwait(false);
            }
        }
    }

    // A full disk seldom gets room while one waits: whoever runs the import is told soon.
    private TimeSpan PatienceWith(AtollException error) =>
        error.Code == ErrorCode.DiskFull && _patience > DiskFullPatience ? DiskFullPatience : _patience;

    private void Finished(Pending pending)
    {
        lock (_lock)
        {
            pending.IsDone = true;
            while (_order.TryPeek(out var first) && first.IsDone)
            {
                _order.Dequeue();
                (_offset, _rows) = (first.EndOffset, first.Number);
            }

            // Only what is under way needs to be known; a later row with this key may have taken the place.
            if (_byKey.Count > _concurrency * 4)
            {
                foreach (var done in _byKey.Where(pair => pair.Value.IsCompleted).Select(pair => pair.Key).ToArray())
                {
                    _byKey.Remove(done);
                }
            }
        }
    }

    private sealed class Pending(long endOffset, long number)
    {
        public long EndOffset { get; } = endOffset;

        public long Number { get; } = number;

        public bool IsDone { get; set; }
    }
}
