using System.Security.Authentication;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Services.Native;

namespace Atoll.Client.Remote;

/// <summary>Where a link stands.</summary>
internal enum LinkState
{
    /// <summary>No connection, and none being made: it may be tried once the wait is over.</summary>
    Down,

    /// <summary>Connecting or shaking hands.</summary>
    Connecting,

    /// <summary>Takes requests.</summary>
    Up,

    /// <summary>
    /// Connected, but the other end has not answered a ping: paused, or cut off without a word. Requests go elsewhere until it is heard.
    /// </summary>
    Silent,

    /// <summary>The node says it goes away, or the port is being closed: answers still come, requests go elsewhere.</summary>
    Draining,
}

/// <summary>What a link tells its port.</summary>
internal interface ILinkOwner
{
    /// <summary>The link now takes requests.</summary>
    void LinkUp(NodeLink link);

    /// <summary>The link was silent, was heard, and takes requests again.</summary>
    void LinkResumed(NodeLink link);

    /// <summary>The link is gone, or could not be made; its requests were completed.</summary>
    void LinkDown(NodeLink link, NativeError error, string reason);

    /// <summary>An answer has come; called before the request's own sink.</summary>
    void Answered(NodeLink link, Request request, in Response response);
}

/// <summary>
/// One connection to one node, made anew when it is lost. Requests are pipelined; what is submitted while a write is under way, or
/// while a burst of answers is worked through, leaves with the next write.
/// </summary>
internal sealed class NodeLink
{
    /// <summary>The most requests that a correlation number can tell apart.</summary>
    public const int SlotsMax = 1 << 16;

    private const int ReceiveBytes = 64 * 1024;
    private const int KeptWriterBytesMax = 1024 * 1024;

    private readonly RemoteOptions _options;
    private readonly ILinkOwner _owner;
    private readonly Lock _lock = new();
    private readonly LinkSlots _slots;
    private WireWriter _gathering = new(16 * 1024);
    private WireWriter _sending = new(16 * 1024);
    private Stream? _stream;
    private CancellationTokenSource? _closing;
    private bool _sendUnderWay;
    private int _failures;
    private long _heardAt;
    private long _pingedAt;

    public NodeLink(string address, RemoteOptions options, ILinkOwner owner)
    {
        Address = address;
        _options = options;
        _owner = owner;
        _slots = new LinkSlots(options.InFlightMax);
    }

    /// <summary>Where it leads, "host:port".</summary>
    public string Address { get; }

    /// <summary>The node at the other end; None before the first handshake.</summary>
    public NodeId Node { get; private set; }

    /// <summary>The cluster of the node at the other end; 0 before the first handshake.</summary>
    public ulong ClusterId { get; private set; }

    /// <summary>The node's time at the handshake.</summary>
    public HybridTime ServerTime { get; private set; }

    /// <summary>How long the handshake's round trip took: nearness.</summary>
    public TimeSpan RoundTrip { get; private set; } = TimeSpan.MaxValue;

    /// <summary>Where it stands.</summary>
    public LinkState State { get; private set; }

    /// <summary>When it may be tried again (timestamp), while down.</summary>
    public long RetryAt { get; private set; }

    /// <summary>Why it is down, or was last.</summary>
    public string LastReason { get; private set; } = "not tried yet";

    /// <summary>As what it ended last: None, or why this side or that did not accept the other.</summary>
    public NativeError LastError { get; private set; }

    /// <summary>Requests under way.</summary>
    public int InFlight => _slots.Count;

    /// <summary>Starts to connect, unless it is up, on its way, or still has to wait.</summary>
    /// <returns>True when it is now connecting.</returns>
    public bool Connect(long now)
    {
        CancellationTokenSource closing;
        lock (_lock)
        {
            if (State != LinkState.Down || now < RetryAt)
            {
                return State == LinkState.Connecting;
            }

            State = LinkState.Connecting;
            _closing = closing = new CancellationTokenSource();
        }

        // Off the caller's thread: resolving a name may block.
        _ = Task.Run(() => RunAsync(closing));
        return true;
    }

    /// <summary>Takes a request; false when the link is not up, or already has as many as it may have.</summary>
    public bool TrySubmit(Request request, IResponseSink sink, long deadline, out bool isFull)
    {
        isFull = false;
        lock (_lock)
        {
            if (State != LinkState.Up)
            {
                return false;
            }

            if (!_slots.TryTake(request, sink, deadline, out var correlation))
            {
                isFull = true;
                return false;
            }

            var position = NativeFrame.Begin(_gathering, NativeFrameType.Request, correlation);
            RequestCodec.Write(_gathering, request);
            NativeFrame.End(_gathering, position);
            if (_sendUnderWay)
            {
                return true;
            }

            _sendUnderWay = true;
        }

        if (SendBurst.Current is { } burst)
        {
            burst.Add(this);
        }
        else
        {
            Send();
        }

        return true;
    }

    /// <summary>Writes what was gathered; the caller has set the send under way.</summary>
    public void Send() => _ = SendGatheredAsync();

    /// <summary>
    /// Gives up requests whose time is over, those of an end that has fallen silent (they are worth another try elsewhere, long before
    /// their deadline), and the connection if the silence lasts.
    /// </summary>
    public void Sweep(long now, List<(Request Request, IResponseSink Sink)> expired)
    {
        var isGone = false;
        var ping = false;
        lock (_lock)
        {
            _slots.ReleaseExpired(now, expired);
            if (State is LinkState.Up or LinkState.Silent or LinkState.Draining)
            {
                // Only a silence that began after somebody asked something means anything.
                var silence = _options.Time.GetElapsedTime(_heardAt, now);
                var unanswered = _pingedAt > _heardAt ? _options.Time.GetElapsedTime(_pingedAt, now) : TimeSpan.Zero;
                isGone = unanswered > _options.GiveUpAfter;
                if (unanswered > _options.PingTimeout)
                {
                    State = State == LinkState.Up ? LinkState.Silent : State;
                    _slots.ReleaseAll(expired);
                }

                ping = (_slots.Count > 0 || expired.Count > 0) && silence > _options.PingAfter && _pingedAt <= _heardAt;
                if (ping)
                {
                    _pingedAt = now;
                    NativeFrame.End(_gathering, NativeFrame.Begin(_gathering, NativeFrameType.Ping, 0));
                    ping = !_sendUnderWay;
                    _sendUnderWay = true;
                }

                if (State == LinkState.Draining && _slots.Count == 0)
                {
                    _closing?.Cancel();
                }
            }
        }

        if (isGone)
        {
            Close();
        }
        else if (ping)
        {
            Send();
        }
    }

    /// <summary>Breaks the connection; requests under way are completed.</summary>
    public void Close() => _closing?.Cancel();

    private async Task RunAsync(CancellationTokenSource closing)
    {
        var error = NativeError.None;
        string reason;
        Stream? stream = null;
        try
        {
            using var connecting = CancellationTokenSource.CreateLinkedTokenSource(closing.Token);
            connecting.CancelAfter(_options.ConnectTimeout);
            var startedAt = _options.Time.GetTimestamp();
            ServerHello hello;
            try
            {
                stream = await NodeConnector.ConnectAsync(Address, _options, connecting.Token).ConfigureAwait(false);
                hello = await NodeConnector.ShakeHandsAsync(stream, _options, connecting.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!closing.IsCancellationRequested)
            {
                throw new TimeoutException($"no connection within {_options.ConnectTimeout.TotalSeconds:0.#} s");
            }

            error = hello.Error;
            if (error == NativeError.None)
            {
                Established(stream, hello, _options.Time.GetElapsedTime(startedAt));
                _owner.LinkUp(this);
                (error, reason) = await ReceiveAsync(stream, closing.Token).ConfigureAwait(false);
            }
            else
            {
                reason = hello.Reason;
            }
        }
        catch (Exception failure) when (failure is IOException or System.Net.Sockets.SocketException or TimeoutException
            or OperationCanceledException or AuthenticationException or ObjectDisposedException)
        {
            error = failure is AuthenticationException ? NativeError.Unauthenticated : NativeError.None;
            reason = failure is OperationCanceledException ? "the connection was closed" : failure.Message;
        }

        if (stream is not null)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
        }

        Lost(closing, error, reason);
    }

    private void Established(Stream stream, ServerHello hello, TimeSpan roundTrip)
    {
        lock (_lock)
        {
            Node = hello.Node;
            ClusterId = hello.ClusterId;
            ServerTime = hello.Now;
            RoundTrip = roundTrip;
            State = LinkState.Up;
            LastReason = "";
            LastError = NativeError.None;
            _stream = stream;
            _heardAt = _options.Time.GetTimestamp();
            _pingedAt = 0;
            _failures = 0;
            _sendUnderWay = false;
            _gathering.Reset();
        }
    }

    private void Lost(CancellationTokenSource closing, NativeError error, string reason)
    {
        var open = new List<(Request Request, IResponseSink Sink)>();
        lock (_lock)
        {
            State = LinkState.Down;
            LastReason = reason;
            LastError = error;
            _stream = null;
            _closing = null;
            _slots.ReleaseAll(open);
            var wait = _options.ReconnectBase.TotalSeconds * Math.Pow(2, Math.Min(_failures, 16)) * (0.5 + Random.Shared.NextDouble());
            wait = Math.Min(wait, _options.ReconnectMax.TotalSeconds);
            RetryAt = _options.Time.GetTimestamp() + (long)(wait * _options.Time.TimestampFrequency);
            _failures++;
        }

        closing.Dispose();
        _owner.LinkDown(this, error, reason);
        foreach (var (request, sink) in open)
        {
            sink.Complete(request, RemotePort.Unanswered(request, $"the connection to {Address} was lost: {reason}"));
        }
    }

    private async Task SendGatheredAsync()
    {
        try
        {
            while (true)
            {
                Stream stream;
                lock (_lock)
                {
                    Check.That(_sendUnderWay);
                    if (_gathering.Length == 0 || _stream is null)
                    {
                        _sendUnderWay = false;
                        return;
                    }

                    stream = _stream;
                    (_gathering, _sending) = (_sending, _gathering);
                }

                await stream.WriteAsync(_sending.WrittenMemory).ConfigureAwait(false);
                if (_sending.Length > KeptWriterBytesMax)
                {
                    _sending = new WireWriter(16 * 1024);
                }

                _sending.Reset();
            }
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException or System.Net.Sockets.SocketException)
        {
            // The receiving side sees the same loss, completes the requests and connects anew.
            _sending.Reset();
            Close();
        }
    }

    private async Task<(NativeError Error, string Reason)> ReceiveAsync(Stream stream, CancellationToken closing)
    {
        var buffer = new byte[ReceiveBytes];
        var filled = 0;
        while (true)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(filled), closing).ConfigureAwait(false);
            if (read == 0)
            {
                return (NativeError.None, "the node closed the connection");
            }

            filled += read;
            Heard();
            var burst = SendBurst.Begin();
            var consumed = 0;
            try
            {
                while (true)
                {
                    var step = Take(buffer.AsMemory(consumed, filled - consumed), out var taken, out var needed, out var reason);
                    if (step != NativeError.None || reason.Length > 0)
                    {
                        return (step, reason);
                    }

                    consumed += taken;
                    if (taken == 0)
                    {
                        buffer = MakeRoom(buffer, consumed, ref filled, needed);
                        break;
                    }
                }
            }
            finally
            {
                burst.End();
            }
        }
    }

    private void Heard()
    {
        _heardAt = _options.Time.GetTimestamp();
        if (State != LinkState.Silent)
        {
            return;
        }

        lock (_lock)
        {
            State = State == LinkState.Silent ? LinkState.Up : State;
        }

        _owner.LinkResumed(this);
    }

    private static byte[] MakeRoom(byte[] buffer, int consumed, ref int filled, int needed)
    {
        var left = filled - consumed;
        var target = needed > buffer.Length ? new byte[needed]
            : buffer.Length > KeptWriterBytesMax && needed <= ReceiveBytes ? new byte[Math.Max(ReceiveBytes, left)]
            : buffer;
        buffer.AsSpan(consumed, left).CopyTo(target);
        filled = left;
        return target;
    }

    /// <summary>Takes one frame from the start of what has come.</summary>
    private NativeError Take(ReadOnlyMemory<byte> received, out int taken, out int needed, out string reason)
    {
        taken = 0;
        needed = NativeFrame.HeaderBytes;
        reason = "";
        if (received.Length < NativeFrame.PrefixBytes)
        {
            return NativeError.None;
        }

        var error = NativeFrame.ReadPrefix(received.Span, NativeProtocol.FrameBytesMax, out var contentBytes);
        if (error != NativeError.None)
        {
            reason = "the node sent a frame of an impossible length";
            return error;
        }

        needed = NativeFrame.PrefixBytes + contentBytes;
        if (received.Length < needed)
        {
            return NativeError.None;
        }

        var content = received[NativeFrame.PrefixBytes..needed];
        error = NativeFrame.Open(received.Span, content, out var type, out var correlation, out var body);
        taken = needed;
        if (error != NativeError.None)
        {
            reason = "a frame from the node was altered on its way";
            return error;
        }

        return Dispatch(type, correlation, body, out reason);
    }

    private NativeError Dispatch(NativeFrameType type, uint correlation, ReadOnlyMemory<byte> body, out string reason)
    {
        reason = "";
        switch (type)
        {
            case NativeFrameType.Response:
                var reader = new WireReader(body);
                if (!RequestCodec.TryRead(ref reader, out Response response) || !reader.OkAtEnd)
                {
                    reason = "the node sent an answer that cannot be decoded";
                    return NativeError.Malformed;
                }

                Answer(correlation, response with { Body = response.Body.ToArray() });
                return NativeError.None;
            case NativeFrameType.Pong:
                return NativeError.None;
            case NativeFrameType.GoAway:
                lock (_lock)
                {
                    State = LinkState.Draining;
                }

                return NativeError.None;
            case NativeFrameType.Error:
                return NativeFrame.TryReadError(body, out var error, out reason) && error != NativeError.None
                    ? error
                    : NativeError.Malformed;
            default:
                reason = $"the node sent a frame of unknown type {(byte)type}";
                return NativeError.UnexpectedFrame;
        }
    }

    private void Answer(uint correlation, in Response response)
    {
        Request request;
        IResponseSink sink;
        lock (_lock)
        {
            if (!_slots.TryRelease(correlation, out request, out sink))
            {
                return; // given up meanwhile
            }
        }

        _owner.Answered(this, request, response);
        sink.Complete(request, response);
    }
}
