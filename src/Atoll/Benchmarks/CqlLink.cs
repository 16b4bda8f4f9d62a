using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Wire;
using Atoll.Hosting;
using Atoll.Output;
using Atoll.Services.Tables;

namespace Atoll.Benchmarks;

/// <summary>
/// A connection of CQL's native protocol, version 4, as a fast driver has it: any number of requests under way, those that come together
/// sent together. What awaits an answer goes on right where it was received.
/// </summary>
internal sealed class CqlLink : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly List<CqlCall> _calls = [];
    private readonly Lock _lock = new();
    private readonly GatheringSender _sender;
    private readonly Task _receiving;
    private Exception? _broken;

    private CqlLink(Socket socket)
    {
        _socket = socket;
        _sender = new GatheringSender(socket);
        _receiving = Task.Run(ReceiveAsync);
    }

    /// <summary>Connects and starts.</summary>
    /// <param name="address">Host and port.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<CqlLink> ConnectAsync(string address, CancellationToken cancellation)
    {
        var colon = address.LastIndexOf(':');
        var end = colon < 0
            ? EndPoints.Resolve(address, CqlProtocol.DefaultPort)
            : EndPoints.Resolve(address[..colon], int.Parse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture));
        var socket = new Socket(end.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(end, cancellation).ConfigureAwait(false);
        var link = new CqlLink(socket);
        var options = new Dictionary<string, string> { ["CQL_VERSION"] = CqlProtocol.LanguageVersion };
        var started = await link.NewCall().AskAsync(new StartupRequest(options)).ConfigureAwait(false);
        return started is ReadyResponse
            ? link : throw new CommandException($"{address} does not let this client in: {started.Opcode}");
    }

    /// <summary>A place for one request at a time.</summary>
    public CqlCall NewCall()
    {
        lock (_lock)
        {
            if (_calls.Count == short.MaxValue)
            {
                throw new CommandException("a connection has no more room for callers");
            }

            var call = new CqlCall(this, (short)_calls.Count);
            _calls.Add(call);
            return call;
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        await _receiving.ConfigureAwait(false);
    }

    /// <summary>Sends a request under a stream.</summary>
    public void Send(short stream, CqlRequest request)
    {
        if (Volatile.Read(ref _broken) is { } broken)
        {
            throw new IOException("the connection is broken", broken);
        }

        _sender.Send(
            (Stream: stream, Request: request),
            static (writer, sent) => RequestEncoder.Write(writer, CqlVersion.V4, sent.Stream, sent.Request));
    }

    private async Task ReceiveAsync()
    {
        var input = PipeReader.Create(new NetworkStream(_socket), new StreamPipeReaderOptions(bufferSize: 64 * 1024));
        var frames = new CqlFrameReader(CqlProtocol.BodyBytesMax, isServer: false);
        Exception? error = null;
        try
        {
            while (true)
            {
                var result = await input.ReadAsync().ConfigureAwait(false);
                var buffer = result.Buffer;
                while (frames.TryRead(ref buffer, out var frame) == CqlReadStatus.Frame)
                {
                    CallOf(frame.Header.Stream)?.Complete(frame);
                }

                if (frames.Fault.Length > 0 || result.IsCompleted)
                {
                    error = new IOException(frames.Fault.Length > 0 ? frames.Fault : "the other side has closed the connection");
                    break;
                }

                input.AdvanceTo(buffer.Start, buffer.End);
            }
        }
        catch (Exception failure) when (failure is IOException or SocketException or ObjectDisposedException)
        {
            error = failure;
        }

        CqlCall[] waiting;
        lock (_lock)
        {
            _broken = error;
            waiting = [.. _calls];
        }

        foreach (var call in waiting)
        {
            call.Fail(error);
        }
    }

    private CqlCall? CallOf(short stream)
    {
        lock (_lock)
        {
            return stream >= 0 && stream < _calls.Count ? _calls[stream] : null;
        }
    }
}

/// <summary>One request of a connection at a time: asked, answered, asked again.</summary>
/// <param name="link">The connection.</param>
/// <param name="stream">Its stream.</param>
internal sealed class CqlCall(CqlLink link, short stream) : IValueTaskSource<CqlFrame>
{
    private ManualResetValueTaskSourceCore<CqlFrame> _answer;
    private int _isWaiting;

    /// <summary>Sends a request; the answer's frame, or an <see cref="IOException"/>.</summary>
    public ValueTask<CqlFrame> SendAsync(CqlRequest request)
    {
        _answer.Reset();
        var task = new ValueTask<CqlFrame>(this, _answer.Version);
        Volatile.Write(ref _isWaiting, 1);
        link.Send(stream, request);
        return task;
    }

    /// <summary>Sends a request, and reads its answer.</summary>
    /// <exception cref="CommandException">The answer cannot be read, or is an error.</exception>
    public async Task<CqlResponse> AskAsync(CqlRequest request)
    {
        var frame = await SendAsync(request).ConfigureAwait(false);
        return !ResponseDecoder.TryDecode(frame, null, out var response) ? throw new CommandException("an answer cannot be read")
            : response is ErrorResponse error ? throw new CommandException($"{error.Code}: {error.Message}") : response;
    }

    /// <summary>Executes a statement in words.</summary>
    public Task<CqlResponse> AskAsync(string query) =>
        AskAsync(new QueryRequest(query, StatementOptions.Default with { Consistency = CqlConsistency.Quorum }, SkipMetadata: false));

    /// <summary>The answer came.</summary>
    public void Complete(CqlFrame frame)
    {
        if (Interlocked.Exchange(ref _isWaiting, 0) == 1)
        {
            _answer.SetResult(frame);
        }
    }

    /// <summary>No answer will come.</summary>
    public void Fail(Exception error)
    {
        if (Interlocked.Exchange(ref _isWaiting, 0) == 1)
        {
            _answer.SetException(new IOException("the connection is broken", error));
        }
    }

    CqlFrame IValueTaskSource<CqlFrame>.GetResult(short token) => _answer.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<CqlFrame>.GetStatus(short token) => _answer.GetStatus(token);

    void IValueTaskSource<CqlFrame>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _answer.OnCompleted(continuation, state, token, flags);
}
