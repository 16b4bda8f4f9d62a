using System.IO.Pipelines;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Cql.Compression;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Wire;
using Microsoft.AspNetCore.Connections;

namespace Atoll.Gateways.Cql.Connections;

/// <summary>
/// The way out of a connection: answers and events come from any thread, gather, and leave together. One flush is under way at a time;
/// what comes meanwhile goes with the next. Thread-safe.
/// </summary>
internal sealed class CqlReplies : IThreadPoolWorkItem
{
    private readonly Lock _lock = new();
    private readonly PipeWriter _pipe;
    private readonly CqlGatewayOptions _options;
    private readonly CqlOutput _output = new();
    private WireWriter _spare = new(4096);
    private TaskCompletionSource? _room;
    private TaskCompletionSource? _answered;
    private CqlVersion _version = CqlProtocol.VersionMax;
    private CqlEventTypes _eventTypes;
    private long _flushingSince;
    private int _inFlight;
    private bool _flushing;
    private bool _aborted;

    public CqlReplies(PipeWriter pipe, CqlGatewayOptions options)
    {
        _pipe = pipe;
        _options = options;
    }

    /// <summary>Whether nothing can be sent any longer.</summary>
    public bool IsAborted => Volatile.Read(ref _aborted);

    /// <summary>Statements that are under way.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>Whether the client waits for events.</summary>
    public bool HasRegistered => _eventTypes != CqlEventTypes.None;

    /// <summary>Whether the client has taken nothing of what it was sent for too long.</summary>
    public bool IsStuck => Volatile.Read(ref _flushingSince) is var since && since != 0
        && _options.Time.GetElapsedTime(since) > _options.FrameTimeout;

    /// <summary>An answer that nothing was begun for.</summary>
    public void Answer(CqlVersion version, short stream, CqlResponse response)
    {
        bool start;
        lock (_lock)
        {
            _output.Write(version, stream, response);
            start = MustStart();
        }

        Start(start);
    }

    /// <summary>The answer to STARTUP: what comes after it is as it agreed.</summary>
    public void Answer(StartAction action)
    {
        bool start;
        lock (_lock)
        {
            _output.Write(action.Version, action.Stream, action.Response);
            _output.Start(action.Version, action.Compression);
            _version = action.Version;
            start = MustStart();
        }

        Start(start);
    }

    /// <summary>The answer to REGISTER: what happens from now on is pushed.</summary>
    public void Answer(RegisterAction action)
    {
        bool start;
        lock (_lock)
        {
            _output.Write(_version, action.Stream, new ReadyResponse());
            _eventTypes = action.EventTypes;
            start = MustStart();
        }

        Start(start);
    }

    /// <summary>Tells a client that has registered for such events.</summary>
    /// <returns>False when it takes nothing of what it is sent: its connection should be closed.</returns>
    public bool Push(CqlEvent happened)
    {
        var start = false;
        lock (_lock)
        {
            if ((_eventTypes & happened.Type) == 0 || _aborted)
            {
                return true;
            }

            if (_output.WaitingBytes >= _options.OutgoingBytesMax)
            {
                return false; // events come without being asked for: only this bounds them
            }

            _output.Write(_version, CqlProtocol.EventStream, new EventResponse(happened));
            start = MustStart();
        }

        Start(start);
        return true;
    }

    /// <summary>A statement is under way.</summary>
    public void Begin() => Interlocked.Increment(ref _inFlight);

    /// <summary>It was answered; with nothing when the client has gone.</summary>
    public void End(short stream, CqlResponse? response)
    {
        var start = false;
        lock (_lock)
        {
            var left = Interlocked.Decrement(ref _inFlight);
            if (response is not null && !_aborted)
            {
                _output.Write(_version, stream, response);
                start = MustStart();
            }

            if (HasRoom())
            {
                _room?.TrySetResult();
            }

            if (left == 0)
            {
                _answered?.TrySetResult();
            }
        }

        Start(start);
    }

    /// <summary>Nothing can be sent any longer.</summary>
    public void Abort()
    {
        lock (_lock)
        {
            _aborted = true;
            _room?.TrySetResult();
            _answered?.TrySetResult();
        }

        _pipe.CancelPendingFlush();
    }

    /// <summary>
    /// Until fewer statements are under way than may be, and less waits to be sent: a client that does not read is not read from.
    /// </summary>
    public Task WhenRoomAsync()
    {
        lock (_lock)
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
        lock (_lock)
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
            lock (_lock)
            {
                if (!_flushing)
                {
                    _aborted = true; // late answers find nobody
                    break;
                }

                _room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                if (_aborted)
                {
                    _pipe.CancelPendingFlush();
                }
            }

            await _room.Task.ConfigureAwait(false);
        }

        await _pipe.CompleteAsync().ConfigureAwait(false);
    }

    /// <inheritdoc />
    void IThreadPoolWorkItem.Execute() => _ = FlushAsync();

    private bool HasRoom() => _inFlight < _options.InFlightMax && _output.WaitingBytes < _options.OutgoingBytesMax;

    private bool MustStart()
    {
        var start = !_flushing && !_aborted;
        _flushing |= start;
        return start;
    }

    // On the pool, not here: whoever completes a statement has others to complete, and a system call for all of them is enough.
    private void Start(bool start)
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
                lock (_lock)
                {
                    if (_output.WaitingBytes == 0 || _aborted)
                    {
                        Stopped();
                        return;
                    }

                    sending = _output.Take(_spare);
                    if (HasRoom())
                    {
                        _room?.TrySetResult();
                    }
                }

                Volatile.Write(ref _flushingSince, _options.Time.GetTimestamp());
                var flush = await _pipe.WriteAsync(sending.WrittenMemory).ConfigureAwait(false);
                Volatile.Write(ref _flushingSince, 0);
                if (flush.IsCompleted || flush.IsCanceled)
                {
                    lock (_lock)
                    {
                        _aborted = true;
                    }
                }

                _spare = CqlOutput.Recycle(sending);
            }
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or InvalidOperationException
            or ConnectionAbortedException or ConnectionResetException)
        {
            lock (_lock)
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
