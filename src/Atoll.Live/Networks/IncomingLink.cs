using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Atoll.Foundation;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Live.Loops;
using Microsoft.Extensions.Logging;

namespace Atoll.Live.Networks;

/// <summary>
/// A connection that a peer dialled: its messages come in on it, and only keep-alives go back. A thread of its own receives, cuts
/// frames, and hands them to the loops; when a loop's mailbox is full the thread waits, and so, through TCP, does the peer.
/// </summary>
internal sealed class IncomingLink
{
    private readonly PeerTransport _transport;
    private readonly Socket _socket;
    private readonly string _remote;
    private readonly Instant _greetingDeadline;
    private readonly byte[] _keepAlive = Frame.Build(FrameKind.KeepAlive, []);
    private readonly FrameDecoder _decoder = new(Limits.GreetingBytesMax);
    private readonly List<LoopItem>[] _gathered;
    private PeerConnection? _connection;
    private volatile bool _isWelcome;
    private Instant _keepAliveDue;
    private string? _abortReason;
    private bool _isTrial;

    /// <summary>A connection that was just accepted; its thread starts.</summary>
    public IncomingLink(PeerTransport transport, Socket socket)
    {
        _transport = transport;
        _socket = socket;
        _remote = PeerConnection.Describe(socket);
        _greetingDeadline = LiveClock.Instance.Now + transport.Options.GreetingTimeout;
        _gathered = [.. Enumerable.Range(0, transport.LoopCount).Select(_ => new List<LoopItem>())];
        new Thread(Run, 256 * 1024) { Name = $"atoll-from-{_remote}", IsBackground = true }.Start();
    }

    /// <summary>Who dialled; none before the greeting.</summary>
    public NodeId Peer { get; private set; }

    /// <summary>What the connection is for.</summary>
    public Lane Lane { get; private set; }

    /// <summary>True until the greeting is over.</summary>
    public bool IsGreeting => !_isWelcome;

    /// <summary>Called a few times a second: says "I am here", and gives up who does not come to the point.</summary>
    public void Watch(Instant now)
    {
        if (!_isWelcome)
        {
            if (now > _greetingDeadline)
            {
                Abort($"no greeting within {_transport.Options.GreetingTimeout.Milliseconds} ms");
            }

            return;
        }

        if (now < _keepAliveDue)
        {
            return;
        }

        _keepAliveDue = now + _transport.Options.KeepAliveInterval;
        try
        {
            _connection!.Send(_keepAlive);
        }
        catch (Exception exception) when (PeerConnection.IsOfTheNetwork(exception))
        {
            Abort(exception.Message);
        }
    }

    /// <summary>Closes at once; the thread ends soon.</summary>
    public void Abort(string reason)
    {
        Interlocked.CompareExchange(ref _abortReason, reason, null);
        _socket.Dispose();
    }

    private void Run()
    {
        string reason;
        var level = LogLevel.Warning;
        try
        {
            _connection = PeerConnection.Accept(_socket, _transport.Options.Tls, _transport.GreetingPatience);
            var refusal = Greet(_connection);
            reason = refusal ?? ReceiveMessages(_connection);
        }
        catch (Exception exception) when (PeerConnection.IsOfTheNetwork(exception))
        {
            reason = exception is SocketException { SocketErrorCode: SocketError.TimedOut } && _isWelcome
                ? $"nothing was heard for {_transport.Options.SilenceTimeout.Milliseconds} ms"
                : exception.Message;

            // That a node goes is told by the link to it.
            level = LogLevel.Information;
        }

        reason = Interlocked.CompareExchange(ref _abortReason, null, null) ?? reason;
        _socket.Dispose();
        _transport.Remove(this);
        if (!_transport.IsStopped)
        {
            Log(level, reason);
        }
    }

    private void Log(LogLevel level, string reason)
    {
        if (_isWelcome)
        {
            LiveLog.IncomingClosed(_transport.Logger, level, Peer.Value, _remote, reason);
        }
        else if (!_isTrial && _transport.RepeatedLines.IsDue($"{_remote[..Math.Max(0, _remote.LastIndexOf(':'))]} {reason}"))
        {
            LiveLog.Refused(_transport.Logger, _remote, reason);
        }
    }

    private string? Greet(PeerConnection connection)
    {
        if (!TryReceive(connection, Greeting.Magic.Length, out var first))
        {
            return "it closed the connection without a word";
        }

        if (!first.SequenceEqual(Greeting.Magic))
        {
            return $"it is no node of Atoll: it began with \"{Printable(first)}\"";
        }

        FrameStatus status;
        Frame frame;
        string? why;
        while ((status = _decoder.TryRead(out frame, out why)) == FrameStatus.Incomplete)
        {
            if (!TryReceiveMore(connection))
            {
                return "it closed the connection in the middle of its greeting";
            }
        }

        if (status == FrameStatus.Bad || frame.Kind != FrameKind.Greeting || !Greeting.TryDecode(frame.Payload, out var greeting))
        {
            return Refuse(connection, $"its greeting can't be read: {why ?? "wrong fields"}");
        }

        var refusal = Judge(greeting, out var version);
        if (refusal is not null)
        {
            return Refuse(connection, refusal);
        }

        connection.Send(new Welcome(version, _transport.Options.ClusterId, _transport.Options.Self, _transport.LoopCount).Encode());
        if (greeting.From == NodeId.None)
        {
            _isTrial = true;
            return "it has no number yet, and asked whether it would be welcome";
        }

        Peer = greeting.From;
        Lane = greeting.Lane;
        connection.SetReceiveTimeout(TimeSpan.FromMilliseconds(_transport.Options.SilenceTimeout.Milliseconds));
        _decoder.PayloadBytesMax = Limits.MessageBytesMax;
        _isWelcome = true;
        _transport.Welcomed(this);
        return null;
    }

    private string? Judge(Greeting greeting, out ushort version)
    {
        var options = _transport.Options;
        version = Math.Min(greeting.VersionMax, options.ProtocolVersionMax);
        if (version < greeting.VersionMin || version < options.ProtocolVersionMin)
        {
            return $"node {greeting.From} speaks versions {greeting.VersionMin} to {greeting.VersionMax}, this node "
                + $"{options.ProtocolVersionMin} to {options.ProtocolVersionMax}: upgrade one version at a time";
        }

        if (greeting.ClusterId != options.ClusterId)
        {
            return $"node {greeting.From} belongs to cluster {greeting.ClusterId:x16}, this node to {options.ClusterId:x16}";
        }

        if (greeting.To != options.Self)
        {
            return $"node {greeting.From} looks for node {greeting.To}, and this is node {options.Self}";
        }

        return greeting.From == options.Self
            ? $"it calls itself node {greeting.From}, and this is node {options.Self}"
            : null;
    }

    private static string Refuse(PeerConnection connection, string reason)
    {
        connection.Send(Refusal.Encode(reason, isAnswer: true));
        return reason;
    }

    private string ReceiveMessages(PeerConnection connection)
    {
        while (true)
        {
            var bad = CutFrames();
            if (!HandToLoops())
            {
                return "this node stops";
            }

            if (bad is not null)
            {
                connection.Send(Refusal.Encode(bad, isAnswer: false));
                return bad;
            }

            if (!TryReceiveMore(connection))
            {
                return "it closed the connection";
            }
        }
    }

    /// <summary>Gathers all whole frames by loop; says what is wrong when something is.</summary>
    private string? CutFrames()
    {
        while (true)
        {
            var status = _decoder.TryRead(out var frame, out var why);
            if (status == FrameStatus.Incomplete)
            {
                return null;
            }

            if (status == FrameStatus.Bad)
            {
                return why;
            }

            if (frame.Kind == FrameKind.KeepAlive)
            {
                continue;
            }

            if (frame.Kind != FrameKind.Message)
            {
                return $"a {frame.Kind} where messages belong";
            }

            if (frame.ToLoop >= _gathered.Length)
            {
                return $"a message for loop {frame.ToLoop}, and there are {_gathered.Length}";
            }

            _gathered[frame.ToLoop].Add(LoopItem.ForMessage(new LoopAddress(Peer, frame.FromLoop), Lane, frame.Payload));
        }
    }

    private bool HandToLoops()
    {
        for (var loop = 0; loop < _gathered.Length; loop++)
        {
            var items = _gathered[loop];
            if (items.Count > 0)
            {
                if (!_transport.Mailbox((byte)loop).PostWhenRoom(CollectionsMarshal.AsSpan(items)))
                {
                    return false;
                }

                items.Clear();
            }
        }

        return true;
    }

    private bool TryReceive(PeerConnection connection, int count, out ReadOnlySpan<byte> bytes)
    {
        while (!_decoder.TryTake(count, out bytes))
        {
            if (!TryReceiveMore(connection))
            {
                return false;
            }
        }

        return true;
    }

    private bool TryReceiveMore(PeerConnection connection)
    {
        var count = connection.Receive(_decoder.Room());
        _decoder.Received(count);
        return count > 0;
    }

    private static string Printable(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        foreach (var b in bytes)
        {
            text.Append(b is >= 0x20 and < 0x7F ? (char)b : '.');
        }

        return text.ToString();
    }
}
