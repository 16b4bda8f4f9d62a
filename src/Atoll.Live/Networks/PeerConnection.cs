using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Atoll.Live.Networks;

/// <summary>A connected socket, plain or inside TLS.</summary>
internal sealed class PeerConnection : IDisposable
{
    private readonly Socket _socket;
    private readonly SslStream? _tls;

    /// <summary>A connection that is set up.</summary>
    public PeerConnection(Socket socket, SslStream? tls)
    {
        _socket = socket;
        _tls = tls;
        Remote = Describe(socket);
    }

    /// <summary>True when bytes must go through <see cref="Send"/>, which blocks.</summary>
    public bool IsTls => _tls is not null;

    /// <summary>The other side's address, for people.</summary>
    public string Remote { get; }

    /// <summary>True for exceptions that a connection may end with; any other is an error of the program.</summary>
    public static bool IsOfTheNetwork(Exception exception) => exception
        is SocketException or IOException or ObjectDisposedException or AuthenticationException or OperationCanceledException
        or InvalidOperationException;

    /// <summary>Dials; blocks.</summary>
    /// <exception cref="SocketException">Nobody answers.</exception>
    /// <exception cref="OperationCanceledException">Nobody answers in time.</exception>
    public static PeerConnection Dial(string address, PeerTls? tls, TimeSpan timeout)
    {
        var endpoint = PeerAddress.Resolve(address);
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            using var patience = new CancellationTokenSource(timeout);
            socket.ConnectAsync(endpoint, patience.Token).AsTask().GetAwaiter().GetResult();
            Prepare(socket, timeout);
            return new PeerConnection(socket, tls?.Dial(new NetworkStream(socket, ownsSocket: true)));
        }
        catch (Exception exception) when (IsOfTheNetwork(exception))
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sets up a connection that was accepted; blocks as long as TLS takes.</summary>
    public static PeerConnection Accept(Socket socket, PeerTls? tls, TimeSpan timeout)
    {
        Prepare(socket, timeout);
        return new PeerConnection(socket, tls?.Accept(
            new NetworkStream(socket, ownsSocket: true), reason => Refusal.Encode(reason, isAnswer: true)));
    }

    /// <summary>The other side's address, for people.</summary>
    public static string Describe(Socket socket)
    {
        try
        {
            return socket.RemoteEndPoint?.ToString() ?? "an unknown address";
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            return $"an unknown address ({exception.Message})";
        }
    }

    /// <summary>How long a receive waits before it fails.</summary>
    public void SetReceiveTimeout(TimeSpan timeout) => _socket.ReceiveTimeout = (int)timeout.TotalMilliseconds;

    /// <summary>From now on a plain connection's sends never block: <see cref="TrySend"/>.</summary>
    public void StopBlocking()
    {
        if (_tls is null)
        {
            _socket.Blocking = false;
        }
    }

    /// <summary>Receives what is there, waiting for the first byte; 0 when the other side has closed.</summary>
    public int Receive(Memory<byte> room) => _tls is null ? _socket.Receive(room.Span) : _tls.Read(room.Span);

    /// <summary>Receives what is there without holding a thread; 0 when the other side has closed.</summary>
    public ValueTask<int> ReceiveAsync(Memory<byte> room) => _tls is null ? _socket.ReceiveAsync(room) : _tls.ReadAsync(room);

    /// <summary>Sends all, waiting as long as it takes.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        if (_tls is not null)
        {
            _tls.Write(bytes);
            return;
        }

        while (bytes.Length > 0)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    /// <summary>Sends what fits now, on a plain connection that does not block.</summary>
    /// <returns>Bytes taken; 0 when none fit.</returns>
    /// <exception cref="SocketException">The connection is gone.</exception>
    public int TrySend(ReadOnlySpan<byte> bytes)
    {
        var sent = _socket.Send(bytes, SocketFlags.None, out var error);
        return error switch
        {
            SocketError.Success => sent,
            SocketError.WouldBlock or SocketError.NoBufferSpaceAvailable => 0,
            _ => throw new SocketException((int)error),
        };
    }

    /// <summary>Waits until something can be sent again, for a while.</summary>
    public void WaitForRoom(TimeSpan atMost) => _socket.Poll(atMost, SelectMode.SelectWrite);

    /// <summary>Closes at once; whoever receives or sends on another thread fails.</summary>
    public void Dispose()
    {
        // The stream is not closed in the polite way: its farewell could block, and nobody waits for it.
        _socket.Dispose();
    }

    private static void Prepare(Socket socket, TimeSpan timeout)
    {
        socket.NoDelay = true;
        socket.SendTimeout = (int)timeout.TotalMilliseconds;
        socket.ReceiveTimeout = (int)timeout.TotalMilliseconds;
    }
}
