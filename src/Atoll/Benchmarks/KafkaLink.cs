using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Output;

namespace Atoll.Benchmarks;

/// <summary>
/// A connection of the Kafka protocol, as a fast client has it: any number of requests under way, those that come together sent together;
/// answers come in their order. What awaits an answer goes on right where it was received. Only versions without tagged fields.
/// </summary>
internal sealed class KafkaLink : IAsyncDisposable
{
    private const int FrameBytesMax = 128 * 1024 * 1024;
    private const int CorrelationBytes = sizeof(int);

    private readonly Socket _socket;
    private readonly GatheringSender _sender;
    private readonly Queue<KafkaCall> _waiting = [];
    private readonly Task _receiving;
    private Exception? _broken;

    private KafkaLink(Socket socket)
    {
        _socket = socket;
        _sender = new GatheringSender(socket);
        _receiving = Task.Run(ReceiveAsync);
    }

    /// <summary>Connects and starts.</summary>
    /// <exception cref="CommandException">Nobody listens there, or the address cannot be reached.</exception>
    public static async Task<KafkaLink> ConnectAsync(EndPoint address, CancellationToken cancellation)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address, cancellation).ConfigureAwait(false);
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw new CommandException(
                ExitCode.Unavailable, $"cannot connect to {address}, where Kafka's protocol should be: {error.Message}");
        }

        return new KafkaLink(socket);
    }

    /// <summary>A place for one request at a time.</summary>
    public KafkaCall NewCall() => new(this);

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        await _receiving.ConfigureAwait(false);
    }

    /// <summary>Sends a call's request; the call is completed when its answer comes.</summary>
    public void Send(KafkaCall call, KafkaApi api, short version, IKafkaMessage request) => _sender.Send(
        (Link: this, Call: call, Api: api, Version: version, Request: request),
        static (frame, sent) =>
        {
            sent.Link.Expect(sent.Call);
            var length = frame.ReserveUInt32();
            var start = frame.Length;
            var writer = new KafkaWriter(frame);
            new KafkaRequestHeader((short)sent.Api, sent.Version, 0, "atoll-bench").Write(writer);
            sent.Request.Write(writer, sent.Version);
            frame.PatchUInt32(length, BinaryPrimitives.ReverseEndianness((uint)(frame.Length - start)));
        });

    private void Expect(KafkaCall call)
    {
        lock (_waiting)
        {
            if (_broken is not null)
            {
                throw new IOException("the connection is broken", _broken);
            }

            _waiting.Enqueue(call);
        }
    }

    private async Task ReceiveAsync()
    {
        var input = PipeReader.Create(new NetworkStream(_socket), new StreamPipeReaderOptions(bufferSize: 256 * 1024));
        Exception error;
        try
        {
            while (true)
            {
                var result = await input.ReadAsync().ConfigureAwait(false);
                var buffer = result.Buffer;
                while (TryTake(ref buffer, out var answer))
                {
                    Dequeue()?.Complete(answer);
                }

                if (result.IsCompleted)
                {
                    throw new IOException("the other side has closed the connection");
                }

                input.AdvanceTo(buffer.Start, buffer.End);
            }
        }
        catch (Exception failure) when (failure is IOException or SocketException or ObjectDisposedException)
        {
            error = failure;
        }

        lock (_waiting)
        {
            _broken = error;
        }

        while (Dequeue() is { } call)
        {
            call.Fail(error);
        }
    }

    private KafkaCall? Dequeue()
    {
        lock (_waiting)
        {
            return _waiting.TryDequeue(out var call) ? call : null;
        }
    }

    private static bool TryTake(ref ReadOnlySequence<byte> buffer, out KafkaAnswer answer)
    {
        answer = default;
        var reader = new SequenceReader<byte>(buffer);
        if (!reader.TryReadBigEndian(out int bytes) || reader.Remaining < bytes)
        {
            return false;
        }

        if (bytes is < CorrelationBytes or > FrameBytesMax)
        {
            throw new IOException($"an answer of {bytes} bytes");
        }

        answer = new KafkaAnswer(ArrayPool<byte>.Shared.Rent(bytes), bytes - CorrelationBytes);
        var body = reader.UnreadSequence.Slice(CorrelationBytes, bytes - CorrelationBytes);
        body.CopyTo(answer.Rented);
        buffer = buffer.Slice(body.End);
        return true;
    }
}

/// <summary>The bytes of an answer behind its correlation; given back by who has read it.</summary>
/// <param name="Rented">The pool's.</param>
/// <param name="Bytes">How many of them are the answer.</param>
internal readonly record struct KafkaAnswer(byte[] Rented, int Bytes) : IDisposable
{
    /// <summary>Reads it; what was read may point into it, and is gone with it.</summary>
    /// <exception cref="CommandException">It cannot be read.</exception>
    public T Read<T>(short version)
        where T : IKafkaMessage, new()
    {
        var reader = new KafkaReader(Rented.AsMemory(0, Bytes));
        var message = new T();
        message.Read(ref reader, version);
        return reader.Ok ? message : throw new CommandException($"an answer cannot be read: {reader.Fault}");
    }

    /// <inheritdoc />
    public void Dispose() => ArrayPool<byte>.Shared.Return(Rented);
}

/// <summary>One request of a connection at a time: asked, answered, asked again.</summary>
/// <param name="link">The connection.</param>
internal sealed class KafkaCall(KafkaLink link) : IValueTaskSource<KafkaAnswer>
{
    private ManualResetValueTaskSourceCore<KafkaAnswer> _answer;

    /// <summary>Sends a request; its answer, or an <see cref="IOException"/>.</summary>
    public ValueTask<KafkaAnswer> SendAsync(KafkaApi api, short version, IKafkaMessage request)
    {
        _answer.Reset();
        var task = new ValueTask<KafkaAnswer>(this, _answer.Version);
        link.Send(this, api, version, request);
        return task;
    }

    /// <summary>The answer came.</summary>
    public void Complete(in KafkaAnswer answer) => _answer.SetResult(answer);

    /// <summary>No answer will come.</summary>
    public void Fail(Exception error) => _answer.SetException(new IOException("the connection is broken", error));

    KafkaAnswer IValueTaskSource<KafkaAnswer>.GetResult(short token) => _answer.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<KafkaAnswer>.GetStatus(short token) => _answer.GetStatus(token);

    void IValueTaskSource<KafkaAnswer>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _answer.OnCompleted(continuation, state, token, flags);
}
