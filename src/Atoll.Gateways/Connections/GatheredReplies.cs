using System.IO.Pipelines;
using Atoll.Foundation.Bytes;
using Microsoft.AspNetCore.Connections;

namespace Atoll.Gateways.Connections;

/// <summary>
/// The way out of a connection, whatever its protocol: answers come from any thread, gather, and leave together. One flush is under way
/// at a time; what comes meanwhile goes with the next. What gathers, and how, is the protocol's.
/// </summary>
/// <param name="pipe">Where everything leaves.</param>
/// <param name="time">The clock.</param>
/// <param name="stuckAfter">How long a client may take nothing of what it was sent.</param>
/// <param name="outgoingBytesMax">Bytes that may wait to be sent before there is no room.</param>
internal abstract class GatheredReplies(PipeWriter pipe, TimeProvider time, TimeSpan stuckAfter, long outgoingBytesMax)
    : IThreadPoolWorkItem
{
    private const int KeptWriterBytesMax = 1024 * 1024;

    private WireWriter _spare = new(4096);
    private TaskCompletionSource? _room;
    private TaskCompletionSource? _answered;
    private long _flushingSince;
    private int _inFlight;
    private bool _flushing;
    private bool _aborted;

    /// <summary>Whether nothing can be sent any longer.</summary>
    public bool IsAborted => Volatile.Read(ref _aborted);

    /// <summary>Requests that are under way.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>Whether the client has taken nothing of what it was sent for too long.</summary>
    public bool IsStuck =>
        Volatile.Read(ref _flushingSince) is var since && since != 0 && time.GetElapsedTime(since) > stuckAfter;

    /// <summary>Held while anything gathers.</summary>
    protected Lock Gate { get; } = new();

    /// <summary>Bytes that have gathered. Under the gate.</summary>
    protected abstract int WaitingBytes { get; }

    /// <summary>An empty writer made of one whose bytes were sent; the memory of a long answer is not kept for ever.</summary>
    internal static WireWriter Recycle(WireWriter sent)
    {
        if (sent.Length > KeptWriterBytesMax)
        {
            return new WireWriter(4096);
        }

        sent.Reset();
        return sent;
    }

    /// <summary>Nothing can be sent any longer.</summary>
    public void Abort()
    {
        lock (Gate)
        {
            _aborted = true;
            _room?.TrySetResult();
            _answered?.TrySetResult();
        }

        pipe.CancelPendingFlush();
    }

    /// <summary>Until there is room: a client that does not read is not read from.</summary>
    public Task WhenRoomAsync()
    {
        lock (Gate)
        {
            if (_aborted || HasRoom())
            {
                return Task.CompletedTask;
            }

            _room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _room.Task;
        }
    }

    /// <summary>Until nothing is under way any longer.</summary>
    public Task WhenAnsweredAsync()
    {
        lock (Gate)
        {
            if (_aborted || _inFlight == 0)
            {
                return Task.CompletedTask;
            }

            _answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _answered.Task;
        }
    }

    /// <summary>Sends what has gathered, and ends the output.</summary>
    public async Task CompleteAsync()
    {
        while (true)
        {
            lock (Gate)
            {
                if (!_flushing)
                {
                    _aborted = true; // late answers find nobody
                    break;
                }

                _room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                if (_aborted)
                {
                    pipe.CancelPendingFlush();
                }
            }

            await _room.Task.ConfigureAwait(false);
        }

        await pipe.CompleteAsync().ConfigureAwait(false);
    }

    /// <inheritdoc />
    void IThreadPoolWorkItem.Execute() => _ = FlushAsync();

    /// <summary>Gives what has gathered away; an empty writer takes its place. Under the gate.</summary>
    protected abstract WireWriter Take(WireWriter empty);

    /// <summary>Whether more may be taken from the client. Under the gate.</summary>
    protected virtual bool HasRoom() => WaitingBytes < outgoingBytesMax;

    /// <summary>Sends something before anything can gather.</summary>
    protected async Task SendFirstAsync(ReadOnlyMemory<byte> bytes) => await pipe.WriteAsync(bytes).ConfigureAwait(false);

    /// <summary>A request is under way.</summary>
    protected void Began() => Interlocked.Increment(ref _inFlight);

    /// <summary>A request has ended, answered or not. Under the gate, after its answer was gathered.</summary>
    protected void Ended()
    {
        var left = Interlocked.Decrement(ref _inFlight);
        if (HasRoom())
        {
            _room?.TrySetResult();
        }

        if (left == 0)
        {
            _answered?.TrySetResult();
        }
    }

    /// <summary>Whether the caller must <see cref="Start"/> a flush for what it has gathered. Under the gate.</summary>
    protected bool MustStart()
    {
        var start = !_flushing && !_aborted;
        _flushing |= start;
        return start;
    }

    /// <summary>
    /// Starts a flush, on the pool: whoever completes a request has others to complete, and one system call for all of them is enough.
    /// Outside the gate.
    /// </summary>
    protected void Start(bool start)
    {
        if (start)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    private async Task FlushAsync()
    {
        try
        {
            while (true)
            {
                WireWriter sending;
                lock (Gate)
                {
                    if (WaitingBytes == 0 || _aborted)
                    {
                        Stopped();
                        return;
                    }

                    sending = Take(_spare);
                    if (HasRoom())
                    {
                        _room?.TrySetResult();
                    }
                }

                Volatile.Write(ref _flushingSince, time.GetTimestamp());
                var flush = await pipe.WriteAsync(sending.WrittenMemory).ConfigureAwait(false);
                Volatile.Write(ref _flushingSince, 0);
                if (flush.IsCompleted || flush.IsCanceled)
                {
                    lock (Gate)
                    {
                        _aborted = true;
                    }
                }

                _spare = Recycle(sending);
            }
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or InvalidOperationException
            or ConnectionAbortedException or ConnectionResetException)
        {
            lock (Gate)
            {
                _aborted = true;
                Stopped();
            }
        }
    }

    private void Stopped()
    {
        _flushing = false;
        _room?.TrySetResult();
    }
}
