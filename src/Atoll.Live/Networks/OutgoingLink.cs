using System.Net.Sockets;
using Atoll.Foundation;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Microsoft.Extensions.Logging;

namespace Atoll.Live.Networks;

/// <summary>
/// The connection that carries one lane to one peer: dialled here, kept, and dialled again when it breaks. Messages only leave on it;
/// what comes back are keep-alives, and a last sentence when the peer gives it up. Loops write to the socket themselves as long as it
/// takes what they have; the link's own thread dials, and takes over when the socket is full or speaks TLS.
/// </summary>
internal sealed class OutgoingLink
{
    private static readonly TimeSpan RoomPollInterval = TimeSpan.FromMilliseconds(100);

    private readonly object _gate = new();
    // Nodes of a cluster that starts or restarts come up one after the other: that is nothing to warn of.
    private static readonly Duration AbsenceWorthALine = Duration.FromSeconds(1);

    private readonly PeerTransport _transport;
    private readonly NodeId _peer;
    private readonly Lane _lane;
    private readonly long _queueBytesMax;
    private readonly byte[] _keepAlive = Frame.Build(FrameKind.KeepAlive, []);
    private readonly SendQueue _queue = new();
    private string _address;
    private PeerConnection? _connection;
    private string _breakReason = "";
    private byte _peerLoops;
    private bool _isConnected;
    private bool _isSending;
    private bool _hasBacklog;
    private bool _isStopped;
    private long _lastHeardNanoseconds;
    private long _lastSentNanoseconds;

    /// <summary>A link that begins to dial.</summary>
    public OutgoingLink(PeerTransport transport, NodeId peer, Lane lane, string address)
    {
        _transport = transport;
        _peer = peer;
        _lane = lane;
        _address = address;
        _queueBytesMax = lane == Lane.Urgent ? Limits.UrgentQueueBytesMax : Limits.BulkQueueBytesMax;
        new Thread(Run, 256 * 1024) { Name = $"atoll-to-{peer}-{lane}", IsBackground = true }.Start();
    }

    /// <summary>Bytes that wait to leave.</summary>
    public long QueuedBytes
    {
        get
        {
            lock (_gate)
            {
                return _queue.QueuedBytes;
            }
        }
    }

    /// <summary>Takes a message; it leaves with the next flush.</summary>
    public SendOutcome Send(byte toLoop, byte fromLoop, ReadOnlySpan<byte> message)
    {
        // The checksum is the long part: outside the lock.
        Span<byte> header = stackalloc byte[Frame.HeaderBytes];
        Frame.WriteHeader(header, FrameKind.Message, toLoop, fromLoop, message);
        lock (_gate)
        {
            if (!_isConnected || toLoop >= _peerLoops)
            {
                return SendOutcome.Disconnected;
            }

            // One message larger than the whole bound may go when nothing else waits: it must not be refused for ever.
            var queued = _queue.QueuedBytes;
            if (queued > 0 && queued + message.Length > _queueBytesMax)
            {
                return SendOutcome.Full;
            }

            _queue.Append(header, message);
            return SendOutcome.Queued;
        }
    }

    /// <summary>Lets what was taken leave.</summary>
    public void Flush()
    {
        PeerConnection connection;
        lock (_gate)
        {
            if (!_isConnected || _isSending || !_queue.TryBeginSending())
            {
                return;
            }

            _isSending = true;
            connection = _connection!;
            if (connection.IsTls)
            {
                HandToThread();
                return;
            }
        }

        SendWithoutBlocking(connection);
    }

    /// <summary>The peer is reached elsewhere now.</summary>
    public void SetAddress(string address)
    {
        PeerConnection? connection;
        lock (_gate)
        {
            if (_address == address)
            {
                return;
            }

            _address = address;
            connection = _connection;
            Monitor.PulseAll(_gate);
        }

        if (connection is not null)
        {
            Break(connection, $"it is reached at {address} now");
        }
    }

    /// <summary>Called a few times a second: says "I am here", and gives up a connection that has been silent too long.</summary>
    public void Watch(Instant now)
    {
        PeerConnection? connection;
        Duration silence;
        lock (_gate)
        {
            connection = _connection;
            if (!_isConnected || connection is null)
            {
                return;
            }

            silence = now - new Instant(Volatile.Read(ref _lastHeardNanoseconds));
            var quiet = now - new Instant(Volatile.Read(ref _lastSentNanoseconds));
            if (quiet >= _transport.Options.KeepAliveInterval && _queue.QueuedBytes == 0)
            {
                _queue.Append(_keepAlive, []);
            }
        }

        if (silence > _transport.Options.SilenceTimeout)
        {
            Break(connection, $"nothing was heard for {silence.Milliseconds} ms");
            return;
        }

        Flush();
    }

    /// <summary>Closes; the thread ends soon. Does not wait, since loops call it.</summary>
    public void Stop()
    {
        PeerConnection? connection;
        lock (_gate)
        {
            _isStopped = true;
            connection = _connection;
            Monitor.PulseAll(_gate);
        }

        if (connection is not null)
        {
            Break(connection, "this node has let go of it");
        }
    }

    private void Run()
    {
        var pause = _transport.Options.RedialPauseMin;
        var awaySince = LiveClock.Instance.Now;
        while (TryNextAddress(out var address))
        {
            var begun = LiveClock.Instance.Now;
            var failure = TryConnect(address, out var connection, out var decoder, out var isAbsent);
            if (connection is not null)
            {
                Up(connection, address);
                _ = HearAsync(connection, decoder);
                Serve(connection);
                Down(connection, address);
                awaySince = LiveClock.Instance.Now;
            }
            else if ((!isAbsent || LiveClock.Instance.Now - awaySince >= AbsenceWorthALine)
                && _transport.RepeatedLines.IsDue($"{_peer} {address} {failure}"))
            {
                LiveLog.DialFailed(_transport.Logger, _peer.Value, address, failure!);
            }

            // A peer that welcomes and breaks at once is no better than one that does not answer.
            var wasGood = connection is not null && LiveClock.Instance.Now - begun > _transport.Options.RedialPauseMax;
            pause = wasGood ? _transport.Options.RedialPauseMin : Duration.FromMilliseconds(
                Math.Min(pause.Milliseconds * 2, _transport.Options.RedialPauseMax.Milliseconds));
            Pause(pause, address);
        }
    }

    private bool TryNextAddress(out string address)
    {
        lock (_gate)
        {
            address = _address;
            return !_isStopped;
        }
    }

    private string? TryConnect(string address, out PeerConnection? connection, out FrameDecoder decoder, out bool isAbsent)
    {
        isAbsent = false;
        connection = null;
        decoder = new FrameDecoder(Limits.GreetingBytesMax);
        PeerConnection? dialled = null;
        try
        {
            dialled = PeerConnection.Dial(address, _transport.Options.Tls, _transport.GreetingPatience);
            lock (_gate)
            {
                if (_isStopped)
                {
                    dialled.Dispose();
                    return "this node stops";
                }
            }

            var failure = Greet(dialled, decoder);
            if (failure is null)
            {
                dialled.StopBlocking();
                connection = dialled;
            }
            else
            {
                dialled.Dispose();
            }

            return failure;
        }
        catch (OperationCanceledException)
        {
            return $"no answer within {_transport.Options.GreetingTimeout.Milliseconds} ms";
        }
        catch (Exception exception) when (PeerConnection.IsOfTheNetwork(exception))
        {
            dialled?.Dispose();
            isAbsent = dialled is null;
            return exception.InnerException is null ? exception.Message : $"{exception.Message} {exception.InnerException.Message}";
        }
    }

    private string? Greet(PeerConnection connection, FrameDecoder decoder)
    {
        var options = _transport.Options;
        var greeting = new Greeting(
            options.ProtocolVersionMin, options.ProtocolVersionMax, options.ClusterId, options.Self, _peer, _lane, _transport.LoopCount);
        var failure = DialledGreeting.Exchange(connection, decoder, greeting, options.GreetingTimeout, out var welcome);
        _peerLoops = welcome?.Loops ?? 0;
        return failure;
    }

    private void Up(PeerConnection connection, string address)
    {
        var now = LiveClock.Instance.Now.Nanoseconds;
        Volatile.Write(ref _lastHeardNanoseconds, now);
        Volatile.Write(ref _lastSentNanoseconds, now);
        LiveLog.LinkUp(_transport.Logger, _peer.Value, address, _lane.ToString());

        // Told before messages may be sent: who is told of a link has not missed one.
        _transport.TellLoops(_peer, _lane, isUp: true);
        lock (_gate)
        {
            _connection = connection;
            _breakReason = "";
            _isConnected = !_isStopped && _address == address;
        }
    }

    private void Down(PeerConnection connection, string address)
    {
        connection.Dispose();
        lock (_gate)
        {
            _isConnected = false;

            // A loop may be inside its send; it fails at once now, and lets go. A backlog was handed to this thread, which is here.
            while (_isSending && !_hasBacklog)
            {
                Monitor.Wait(_gate);
            }

            _isSending = false;
            _hasBacklog = false;
            _connection = null;
            _queue.Clear();
        }

        _transport.TellLoops(_peer, _lane, isUp: false);

        // Both lanes end when a node does: one warning tells it.
        var level = _lane == Lane.Urgent && !Volatile.Read(ref _isStopped) ? LogLevel.Warning : LogLevel.Information;
        LiveLog.LinkDown(_transport.Logger, level, _peer.Value, address, _lane.ToString(), _breakReason);
    }

    private void Break(PeerConnection connection, string reason)
    {
        lock (_gate)
        {
            if (_connection != connection || !_isConnected)
            {
                return;
            }

            _isConnected = false;
            _breakReason = reason;
            Monitor.PulseAll(_gate);
        }

        connection.Dispose();
    }

    private void Serve(PeerConnection connection)
    {
        while (true)
        {
            lock (_gate)
            {
                while (_isConnected && !_hasBacklog)
                {
                    Monitor.Wait(_gate);
                }

                if (!_isConnected)
                {
                    return;
                }
            }

            SendBacklog(connection);
        }
    }

    /// <summary>Whoever calls this has set <see cref="_isSending"/>, and so is the only one to.</summary>
    private void SendWithoutBlocking(PeerConnection connection)
    {
        try
        {
            while (true)
            {
                var bytes = _queue.Sending;
                while (bytes.Length > 0)
                {
                    var count = connection.TrySend(bytes);
                    if (count == 0)
                    {
                        lock (_gate)
                        {
                            HandToThread();
                        }

                        return;
                    }

                    _queue.Sent(count);
                    bytes = bytes[count..];
                }

                if (IsAllSent())
                {
                    return;
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            LetGo(connection, exception);
        }
    }

    private void SendBacklog(PeerConnection connection)
    {
        try
        {
            do
            {
                var bytes = _queue.Sending;
                if (connection.IsTls)
                {
                    connection.Send(bytes);
                    _queue.Sent(bytes.Length);
                    continue;
                }

                while (bytes.Length > 0)
                {
                    var count = connection.TrySend(bytes);
                    _queue.Sent(count);
                    bytes = bytes[count..];
                    if (count == 0)
                    {
                        connection.WaitForRoom(RoomPollInterval);
                    }
                }
            }
            while (!IsAllSent());
        }
        catch (Exception exception) when (PeerConnection.IsOfTheNetwork(exception))
        {
            LetGo(connection, exception);
        }
    }

    private bool IsAllSent()
    {
        Volatile.Write(ref _lastSentNanoseconds, LiveClock.Instance.Now.Nanoseconds);
        lock (_gate)
        {
            if (_isConnected && _queue.TryBeginSending())
            {
                return false;
            }

            _isSending = false;
            _hasBacklog = false;
            Monitor.PulseAll(_gate);
            return true;
        }
    }

    private void LetGo(PeerConnection connection, Exception exception)
    {
        // In this order: a link that is connected and that nobody sends on is one whose next frame a loop may begin, and the last one has
        // gone in part.
        Break(connection, exception.Message);
        lock (_gate)
        {
            _isSending = false;
            _hasBacklog = false;
            Monitor.PulseAll(_gate);
        }
    }

    private void HandToThread()
    {
        _hasBacklog = true;
        Monitor.PulseAll(_gate);
    }

    private async Task HearAsync(PeerConnection connection, FrameDecoder decoder)
    {
        try
        {
            while (true)
            {
                var status = decoder.TryRead(out var frame, out var why);
                if (status == FrameStatus.Complete && frame.Kind == FrameKind.KeepAlive)
                {
                    continue;
                }

                if (status != FrameStatus.Incomplete)
                {
                    var isFarewell = status == FrameStatus.Complete && frame.Kind == FrameKind.Refusal;
                    Break(connection, isFarewell ? $"it said: {Refusal.Decode(frame.Payload)}" : why ?? $"it sent a {frame.Kind}");
                    return;
                }

                var count = await connection.ReceiveAsync(decoder.Room());
                if (count == 0)
                {
                    Break(connection, "it closed the connection");
                    return;
                }

                decoder.Received(count);
                Volatile.Write(ref _lastHeardNanoseconds, LiveClock.Instance.Now.Nanoseconds);
            }
        }
        catch (Exception exception) when (PeerConnection.IsOfTheNetwork(exception))
        {
            Break(connection, exception.Message);
        }
    }

    private void Pause(Duration pause, string failedAddress)
    {
        // Give or take a half: nodes that lost each other at once must not dial each other in step.
        var milliseconds = (int)pause.Milliseconds;
        var until = LiveClock.Instance.Now + Duration.FromMilliseconds(Random.Shared.Next(milliseconds / 2, milliseconds * 3 / 2));
        lock (_gate)
        {
            while (!_isStopped && _address == failedAddress && until - LiveClock.Instance.Now is { Nanoseconds: > 0 } left)
            {
                Monitor.Wait(_gate, (int)Math.Max(1, left.Milliseconds));
            }
        }
    }
}
