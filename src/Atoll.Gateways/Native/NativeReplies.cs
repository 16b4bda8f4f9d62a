using System.Diagnostics;
using System.IO.Pipelines;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Gateways.Metrics;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Native;

namespace Atoll.Gateways.Native;

/// <summary>
/// The way out of a connection: answers come from any thread, gather in a buffer, and leave together. One flush is under way at a
/// time; what comes meanwhile goes with the next.
/// </summary>
internal sealed class NativeReplies : IThreadPoolWorkItem
{
    private const int KeptWriterBytesMax = 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly PipeWriter _output;
    private readonly NativeGatewayOptions _options;
    private readonly RequestMetrics _metrics;
    private readonly Stack<NativeCall> _idle = new();
    private WireWriter _gathering = new(4096);
    private WireWriter _sending = new(4096);
    private TaskCompletionSource? _room;
    private TaskCompletionSource? _answered;
    private long _flushingSince;
    private int _inFlight;
    private bool _flushing;
    private bool _aborted;

    public NativeReplies(PipeWriter output, NativeGatewayOptions options, RequestMetrics metrics)
    {
        _output = output;
        _options = options;
        _metrics = metrics;
    }

    /// <summary>Whether nothing can be sent any longer.</summary>
    public bool IsAborted => Volatile.Read(ref _aborted);

    /// <summary>Whether the client has taken nothing of what it was sent for too long.</summary>
    public bool IsStuck => Volatile.Read(ref _flushingSince) is var since && since != 0
        && _options.Time.GetElapsedTime(since) > _options.FrameTimeout;

    /// <summary>Writes the hello and waits until it has left.</summary>
    public async Task HelloAsync(ServerHello hello)
    {
        var writer = new WireWriter();
        hello.Write(writer);
        await _output.WriteAsync(writer.WrittenMemory).ConfigureAwait(false);
    }

    /// <summary>A sink for a request, and its trace's next parent in it; false when the connection has too many under way.</summary>
    public bool TryBegin(ref Request request, uint correlation, out NativeCall call)
    {
        lock (_lock)
        {
            if (_inFlight >= _options.InFlightMax)
            {
                call = null!;
                return false;
            }

            _inFlight++;
            if (!_idle.TryPop(out call!))
            {
                call = new NativeCall(this);
            }
        }

        _metrics.Began();
        call.Begin(ref request, correlation, _options.Time.GetTimestamp(), _options.Node);
        return true;
    }

    /// <summary>A request was answered; its sink may be used again.</summary>
    public void End(NativeCall call, uint correlation, RequestKind kind, long startedAt, in Response response)
    {
        _metrics.Ended(kind, response.Status, _options.Time.GetElapsedTime(startedAt));
        var start = false;
        lock (_lock)
        {
            _inFlight--;
            _idle.Push(call);
            if (_inFlight == 0)
            {
                _answered?.TrySetResult();
            }

            if (!_aborted)
            {
                WriteResponse(correlation, response);
                start = MustStart();
            }
        }

        Start(start);
    }

    /// <summary>An answer to a request that was never begun.</summary>
    public void Reply(uint correlation, in Response response)
    {
        bool start;
        lock (_lock)
        {
            WriteResponse(correlation, response);
            start = MustStart();
        }

        Start(start);
    }

    public void Pong(uint correlation)
    {
        bool start;
        lock (_lock)
        {
            var position = NativeFrame.Begin(_gathering, NativeFrameType.Pong, correlation);
            _gathering.WriteUInt64(_options.Now.Value);
            NativeFrame.End(_gathering, position);
            start = MustStart();
        }

        Start(start);
    }

    public void Error(NativeError error, string reason)
    {
        bool start;
        lock (_lock)
        {
            NativeFrame.WriteError(_gathering, error, reason);
            start = MustStart();
        }

        Start(start);
    }

    public void GoAway()
    {
        bool start;
        lock (_lock)
        {
            NativeFrame.End(_gathering, NativeFrame.Begin(_gathering, NativeFrameType.GoAway, 0));
            start = MustStart();
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

        _output.CancelPendingFlush();
    }

    /// <summary>Until less waits to be sent than may: a client that does not read is not read from.</summary>
    public Task WhenRoomAsync()
    {
        lock (_lock)
        {
            if (_aborted || _gathering.Length < _options.OutgoingBytesMax)
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
                    _output.CancelPendingFlush();
                }
            }

            await _room.Task.ConfigureAwait(false);
        }

        await _output.CompleteAsync().ConfigureAwait(false);
    }

    /// <inheritdoc />
    void IThreadPoolWorkItem.Execute() => _ = FlushAsync();

    private void WriteResponse(uint correlation, in Response response)
    {
        var position = NativeFrame.Begin(_gathering, NativeFrameType.Response, correlation);
        RequestCodec.Write(_gathering, response);
        NativeFrame.End(_gathering, position);
    }

    private bool MustStart()
    {
        var start = !_flushing && !_aborted;
        _flushing |= start;
        return start;
    }

    // On the pool, not here: whoever completes a request has others to complete, and a system call to make for all of them is enough.
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
                lock (_lock)
                {
                    if (_gathering.Length == 0 || _aborted)
                    {
                        Stopped();
                        return;
                    }

                    (_gathering, _sending) = (_sending, _gathering);
                    _room?.TrySetResult();
                }

                Volatile.Write(ref _flushingSince, _options.Time.GetTimestamp());
                var flush = await _output.WriteAsync(_sending.WrittenMemory).ConfigureAwait(false);
                Volatile.Write(ref _flushingSince, 0);
                if (flush.IsCompleted || flush.IsCanceled)
                {
                    lock (_lock)
                    {
                        _aborted = true;
                    }
                }

                if (_sending.Length > KeptWriterBytesMax)
                {
                    _sending = new WireWriter(4096);
                }

                _sending.Reset();
            }
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or InvalidOperationException
            or Microsoft.AspNetCore.Connections.ConnectionAbortedException or Microsoft.AspNetCore.Connections.ConnectionResetException)
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

/// <summary>Takes the answer to one request of a connection; used again.</summary>
internal sealed class NativeCall(NativeReplies replies) : IResponseSink
{
    private Activity? _activity;
    private long _startedAt;
    private uint _correlation;

    public void Begin(ref Request request, uint correlation, long startedAt, NodeId node)
    {
        _correlation = correlation;
        _startedAt = startedAt;
        if (!request.TraceContext.IsEmpty)
        {
            _activity = CallTracing.Start(null, ActivityKind.Server, request, request.TraceContext);
            CallTracing.SetNode(_activity, node);
            if (_activity is not null)
            {
                request = request with { TraceContext = CallTracing.Context(_activity, request.TraceContext) };
            }
        }
    }

    public void Complete(Request request, in Response response)
    {
        if (_activity is not null)
        {
            CallTracing.Answered(_activity, response);
            _activity = null;
        }

        replies.End(this, _correlation, request.Kind, _startedAt, response);
    }
}
