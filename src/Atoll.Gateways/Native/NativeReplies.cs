using System.Diagnostics;
using System.IO.Pipelines;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Gateways.Connections;
using Atoll.Gateways.Metrics;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Native;

namespace Atoll.Gateways.Native;

/// <summary>The way out of a connection: frames of the native protocol gather in a buffer, and leave together.</summary>
internal sealed class NativeReplies(PipeWriter output, NativeGatewayOptions options, RequestMetrics metrics)
    : GatheredReplies(output, options.Time, options.FrameTimeout, options.OutgoingBytesMax)
{
    private readonly Stack<NativeCall> _idle = new();
    private WireWriter _gathering = new(4096);

    /// <inheritdoc />
    protected override int WaitingBytes => _gathering.Length;

    /// <summary>Writes the hello and waits until it has left.</summary>
    public Task HelloAsync(ServerHello hello)
    {
        var writer = new WireWriter();
        hello.Write(writer);
        return SendFirstAsync(writer.WrittenMemory);
    }

    /// <summary>A sink for a request, and its trace's next parent in it; false when the connection has too many under way.</summary>
    public bool TryBegin(ref Request request, uint correlation, out NativeCall call)
    {
        lock (Gate)
        {
            if (InFlight >= options.InFlightMax)
            {
                call = null!;
                return false;
            }

            Began();
            if (!_idle.TryPop(out call!))
            {
                call = new NativeCall(this);
            }
        }

        metrics.Began();
        call.Begin(ref request, correlation, options.Time.GetTimestamp(), options.Node);
        return true;
    }

    /// <summary>A request was answered; its sink may be used again.</summary>
    public void End(NativeCall call, uint correlation, RequestKind kind, long startedAt, in Response response)
    {
        metrics.Ended(kind, response.Status, options.Time.GetElapsedTime(startedAt));
        var start = false;
        lock (Gate)
        {
            _idle.Push(call);
            if (!IsAborted)
            {
                WriteResponse(correlation, response);
                start = MustStart();
            }

            Ended();
        }

        Start(start);
    }

    /// <summary>An answer to a request that was never begun.</summary>
    public void Reply(uint correlation, in Response response)
    {
        bool start;
        lock (Gate)
        {
            WriteResponse(correlation, response);
            start = MustStart();
        }

        Start(start);
    }

    public void Pong(uint correlation)
    {
        bool start;
        lock (Gate)
        {
            var position = NativeFrame.Begin(_gathering, NativeFrameType.Pong, correlation);
            _gathering.WriteUInt64(options.Now.Value);
            NativeFrame.End(_gathering, position);
            start = MustStart();
        }

        Start(start);
    }

    public void Error(NativeError error, string reason)
    {
        bool start;
        lock (Gate)
        {
            NativeFrame.WriteError(_gathering, error, reason);
            start = MustStart();
        }

        Start(start);
    }

    public void GoAway()
    {
        bool start;
        lock (Gate)
        {
            NativeFrame.End(_gathering, NativeFrame.Begin(_gathering, NativeFrameType.GoAway, 0));
            start = MustStart();
        }

        Start(start);
    }

    /// <inheritdoc />
    protected override WireWriter Take(WireWriter empty)
    {
        var gathered = _gathering;
        _gathering = empty;
        return gathered;
    }

    private void WriteResponse(uint correlation, in Response response)
    {
        var position = NativeFrame.Begin(_gathering, NativeFrameType.Response, correlation);
        RequestCodec.Write(_gathering, response);
        NativeFrame.End(_gathering, position);
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
