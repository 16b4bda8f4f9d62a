using System.Buffers;
using System.IO.Pipelines;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Gateways.Metrics;
using Atoll.Node.Requests;
using Atoll.Services.Native;

namespace Atoll.Gateways.Native;

/// <summary>
/// One client: handshake, then frames. All frames that have come are submitted before the next read; answers are gathered, and
/// whatever has gathered leaves in one write.
/// </summary>
internal sealed class NativeConnection
{
    private readonly PipeReader _input;
    private readonly IRequestPort _port;
    private readonly NativeGatewayOptions _options;
    private readonly RequestMetrics _metrics;
    private readonly NativeReplies _replies;
    private long _waitingSince;
    private bool _leaving;
    private bool _tooSlow;
    private bool _tookNothing;

    public NativeConnection(IDuplexPipe transport, IRequestPort port, NativeGatewayOptions options, RequestMetrics metrics)
    {
        _input = transport.Input;
        _port = port;
        _options = options;
        _metrics = metrics;
        _replies = new NativeReplies(transport.Output, options, metrics);
        _waitingSince = options.Time.GetTimestamp();
        FrameTimeout = options.HandshakeTimeout;
    }

    /// <summary>What the client calls itself.</summary>
    public string ClientName { get; private set; } = "before its handshake";

    private TimeSpan FrameTimeout { get; set; }

    /// <summary>Serves the client until either side ends it.</summary>
    /// <returns>Why it ended; empty when the client just left.</returns>
    public async Task<string> RunAsync(bool isFull)
    {
        var reason = "";
        try
        {
            reason = await ShakeHandsAsync(isFull).ConfigureAwait(false);
            if (reason.Length == 0)
            {
                _metrics.Connected();
                try
                {
                    reason = await ServeAsync().ConfigureAwait(false);
                }
                finally
                {
                    _metrics.Disconnected();
                }
            }
            else
            {
                _metrics.Refused();
            }
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException
            or Microsoft.AspNetCore.Connections.ConnectionAbortedException or Microsoft.AspNetCore.Connections.ConnectionResetException)
        {
            // The connection broke: the client knows as much as this side does.
            _replies.Abort();
        }

        await _replies.CompleteAsync().ConfigureAwait(false);
        await _input.CompleteAsync().ConfigureAwait(false);
        return reason;
    }

    /// <summary>The transport is gone.</summary>
    public void Abort()
    {
        _replies.Abort();
        _input.CancelPendingRead();
    }

    /// <summary>The node shuts down: what is under way is answered, nothing new is taken.</summary>
    public void GoAway()
    {
        Volatile.Write(ref _leaving, true);
        _replies.GoAway();
        _input.CancelPendingRead();
    }

    /// <summary>Called about once a second: ends the connection of a client that is too slow.</summary>
    public void CheckPace()
    {
        var since = Volatile.Read(ref _waitingSince);
        if (_replies.IsStuck)
        {
            Volatile.Write(ref _tookNothing, true);
            Abort();
        }
        else if (since != 0 && _options.Time.GetElapsedTime(since) > FrameTimeout)
        {
            Volatile.Write(ref _tooSlow, true);
            _input.CancelPendingRead();
        }
    }

    private async Task<string> ShakeHandsAsync(bool isFull)
    {
        var (header, body, problem) = await ReadHelloAsync().ConfigureAwait(false);
        if (problem.Length > 0)
        {
            var refusal = Volatile.Read(ref _tooSlow) ? NativeError.TooSlow
                : Volatile.Read(ref _leaving) ? NativeError.ShuttingDown : NativeError.Malformed;
            await _replies.HelloAsync(new ServerHello(0, refusal, problem)).ConfigureAwait(false);
            return problem;
        }

        var error = HelloFrame.ReadHeader(header, out var versionMin, out var versionMax, out _);
        var reason = "";
        var hello = default(ClientHello);
        if (error != NativeError.None)
        {
            reason = error == NativeError.NotThisProtocol
                ? "these are not the first bytes of Atoll's native protocol (is this meant for the HTTP port?)"
                : "the hello is too long";
        }
        else if (!HelloFrame.IsIntact(header, body))
        {
            (error, reason) = (NativeError.ChecksumMismatch, "the hello was altered on its way");
        }
        else if (!ClientHello.TryRead(versionMin, versionMax, body, out hello))
        {
            (error, reason) = (NativeError.Malformed, "the hello cannot be decoded");
        }
        else if (versionMin > NativeProtocol.VersionMax || versionMax < NativeProtocol.VersionMin)
        {
            (error, reason) = (NativeError.VersionUnsupported,
                $"this node speaks protocol versions {NativeProtocol.VersionMin} to {NativeProtocol.VersionMax}, "
                + $"the client {versionMin} to {versionMax}");
        }
        else if (!_options.Tokens.Allow(hello.Token.Span))
        {
            (error, reason) = (NativeError.Unauthenticated,
                hello.Token.IsEmpty ? "an access token is needed" : "the access token is not valid here");
        }
        else if (isFull)
        {
            (error, reason) = (NativeError.TooManyConnections, $"this node has {_options.ConnectionsMax} connections already");
        }

        ClientName = hello.ClientName ?? "";
        await _replies.HelloAsync(new ServerHello(
            error == NativeError.None ? Math.Min(versionMax, NativeProtocol.VersionMax) : (ushort)0,
            error, reason, _options.ClusterId, _options.Node, _options.Now, _options.FrameBytesMax, _options.InFlightMax))
                .ConfigureAwait(false);
        return reason;
    }

    private async Task<(byte[] Header, byte[] Body, string Problem)> ReadHelloAsync()
    {
        byte[] header = [];
        while (true)
        {
            var result = await _input.ReadAsync().ConfigureAwait(false);
            var buffer = result.Buffer;
            if (result.IsCanceled)
            {
                return (header, [], Volatile.Read(ref _tooSlow) ? "the handshake took too long" : "the node shuts down");
            }

            if (buffer.Length >= HelloFrame.HeaderBytes)
            {
                header = buffer.Slice(0, HelloFrame.HeaderBytes).ToArray();
                var error = HelloFrame.ReadHeader(header, out _, out _, out var bodyBytes);
                var needed = error == NativeError.None ? HelloFrame.HeaderBytes + bodyBytes : HelloFrame.HeaderBytes;
                if (buffer.Length >= needed)
                {
                    var body = buffer.Slice(HelloFrame.HeaderBytes, needed - HelloFrame.HeaderBytes).ToArray();
                    _input.AdvanceTo(buffer.GetPosition(needed));
                    return (header, body, "");
                }
            }

            if (result.IsCompleted)
            {
                return (header, [], buffer.IsEmpty ? "it was closed before the handshake" : "it was closed during the handshake");
            }

            _input.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    private async Task<string> ServeAsync()
    {
        Volatile.Write(ref _waitingSince, 0);
        FrameTimeout = _options.FrameTimeout;
        while (!Volatile.Read(ref _leaving))
        {
            await _replies.WhenRoomAsync().ConfigureAwait(false);
            var result = await _input.ReadAsync().ConfigureAwait(false);
            var buffer = result.Buffer;
            var error = Take(ref buffer, out var reason);
            if (error != NativeError.None)
            {
                _metrics.BadFrame();
                _replies.Error(error, reason);
                return reason;
            }

            // A frame that has begun must not take for ever; between frames a client may be silent as long as it likes.
            var isPartial = !buffer.IsEmpty;
            if (!isPartial)
            {
                Volatile.Write(ref _waitingSince, 0);
            }
            else if (_waitingSince == 0)
            {
                Volatile.Write(ref _waitingSince, _options.Time.GetTimestamp());
            }

            _input.AdvanceTo(buffer.Start, buffer.End);
            if (_replies.IsAborted)
            {
                return Volatile.Read(ref _tookNothing) ? "it took nothing of what it was sent" : ""; // else: it has gone
            }

            if (Volatile.Read(ref _tooSlow))
            {
                _metrics.BadFrame();
                reason = $"the rest of a frame did not come within {FrameTimeout.TotalSeconds:0} s";
                _replies.Error(NativeError.TooSlow, reason);
                return reason;
            }

            if (result.IsCompleted)
            {
                return isPartial ? "it was closed in the middle of a frame" : "";
            }
        }

        await _replies.WhenAnsweredAsync().ConfigureAwait(false);
        return "";
    }

    /// <summary>Takes all whole frames from the buffer, which then begins with what is left.</summary>
    private NativeError Take(ref ReadOnlySequence<byte> buffer, out string reason)
    {
        Span<byte> prefix = stackalloc byte[NativeFrame.PrefixBytes];
        reason = "";
        while (buffer.Length >= NativeFrame.PrefixBytes)
        {
            buffer.Slice(0, NativeFrame.PrefixBytes).CopyTo(prefix);
            var error = NativeFrame.ReadPrefix(prefix, _options.FrameBytesMax, out var contentBytes);
            if (error != NativeError.None)
            {
                reason = error == NativeError.TooLarge
                    ? $"a frame of {contentBytes} bytes is over the limit of {_options.FrameBytesMax}"
                    : "a frame has an impossible length";
                return error;
            }

            if (buffer.Length < NativeFrame.PrefixBytes + contentBytes)
            {
                return NativeError.None;
            }

            // The payload may live on in the log's cache: it gets memory of its own, not a piece of the transport's.
            var content = GC.AllocateUninitializedArray<byte>(contentBytes);
            buffer.Slice(NativeFrame.PrefixBytes, contentBytes).CopyTo(content);
            buffer = buffer.Slice(NativeFrame.PrefixBytes + contentBytes);
            error = NativeFrame.Open(prefix, content, out var type, out var correlation, out var body);
            if (error != NativeError.None)
            {
                reason = "a frame's checksum does not match: its bytes were altered on their way";
                return error;
            }

            error = Dispatch(type, correlation, body, out reason);
            if (error != NativeError.None)
            {
                return error;
            }
        }

        return NativeError.None;
    }

    private NativeError Dispatch(NativeFrameType type, uint correlation, ReadOnlyMemory<byte> body, out string reason)
    {
        reason = "";
        switch (type)
        {
            case NativeFrameType.Request:
                var reader = new WireReader(body);
                if (!RequestCodec.TryRead(ref reader, out Request request) || !reader.OkAtEnd)
                {
                    reason = "a request cannot be decoded";
                    return NativeError.Malformed;
                }

                Submit(correlation, request);
                return NativeError.None;
            case NativeFrameType.Ping:
                _replies.Pong(correlation);
                return NativeError.None;
            case NativeFrameType.Error:
                reason = NativeFrame.TryReadError(body, out _, out var said) ? $"the client says: {said}" : "the client reports an error";
                return NativeError.UnexpectedFrame;
            default:
                reason = $"a frame of type {(byte)type} may not come from a client";
                return NativeError.UnexpectedFrame;
        }
    }

    private void Submit(uint correlation, Request request)
    {
        if (_replies.TryBegin(ref request, correlation, out var call))
        {
            _port.Submit(request, call);
        }
        else
        {
            _replies.Reply(correlation, new Response(
                ResponseStatus.Overloaded, RetryAfter: Duration.FromMilliseconds(10),
                Detail: $"this connection has {_options.InFlightMax} requests under way already"));
        }
    }
}
