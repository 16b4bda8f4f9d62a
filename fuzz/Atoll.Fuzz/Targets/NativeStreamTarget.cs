using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Metrics;
using Atoll.Gateways.Native;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Node.Requests;
using Atoll.Services.Native;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;

namespace Atoll.Fuzz.Targets;

/// <summary>What a client sends over one connection of the native protocol, to the gateway itself, by a pipe instead of a socket.</summary>
public sealed class NativeStreamTarget : IFuzzTarget
{
    private const int FrameBytesMax = 256 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly NativeGateway _gateway;

    /// <summary>A gateway to a node that answers everything with what it was sent.</summary>
    public NativeStreamTarget() => _gateway = new NativeGateway(
        new Echo(),
        new NativeGatewayOptions { ClusterId = 42, Node = new(1), FrameBytesMax = FrameBytesMax, Time = new ManualTime() },
        new RequestMetrics(),
        NullLogger<NativeGateway>.Instance);

    /// <inheritdoc />
    public string Name => "native-stream";

    /// <inheritdoc />
    public string About => "NativeGateway over a pipe: every stream comes to an end, and what is answered is hello and whole frames";

    /// <inheritdoc />
    public AllocationBound Allocation => new(64, 4 * 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } = [Stream(default, withError: false), Stream("secret"u8.ToArray(), withError: true)];

    /// <summary>Makes the checksums of the hello and of the frames behind it right.</summary>
    public void FixChecksums(Span<byte> input)
    {
        if (input.Length < HelloFrame.HeaderBytes)
        {
            return;
        }

        var bodyBytes = BinaryPrimitives.ReadUInt32LittleEndian(input[8..]);
        if (bodyBytes > input.Length - HelloFrame.HeaderBytes)
        {
            return;
        }

        var end = HelloFrame.HeaderBytes + (int)bodyBytes;
        BinaryPrimitives.WriteUInt32LittleEndian(input[12..], Crc32C.Compute(input[..12], input[HelloFrame.HeaderBytes..end]));
        for (var rest = input[end..]; rest.Length >= NativeFrame.PrefixBytes;)
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(rest);
            if (length > rest.Length - NativeFrame.PrefixBytes)
            {
                return;
            }

            var content = rest.Slice(NativeFrame.PrefixBytes, (int)length);
            BinaryPrimitives.WriteUInt32LittleEndian(rest[4..], Crc32C.Compute(content));
            rest = rest[(NativeFrame.PrefixBytes + content.Length)..];
        }
    }

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        var unbounded = new PipeOptions(
            readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 0,
            useSynchronizationContext: false);
        var (toGateway, fromGateway) = (new Pipe(unbounded), new Pipe(unbounded));
        toGateway.Writer.Write(input.Span);
        toGateway.Writer.Complete();
        var connection = new DefaultConnectionContext("fuzz") { Transport = new Duplex(toGateway.Reader, fromGateway.Writer) };
        var served = _gateway.OnConnectedAsync(connection);
        BrokenPromiseException.Unless(served.Wait(Patience), "a stream that has ended comes to an end at the gateway");
        fromGateway.Reader.TryRead(out var answer);
        return Read(answer.Buffer.ToArray());
    }

    private static Verdict Read(ReadOnlyMemory<byte> answer)
    {
        if (answer.IsEmpty)
        {
            return Verdict.Refused("without a word");
        }

        BrokenPromiseException.Unless(answer.Length >= HelloFrame.HeaderBytes, "the answer begins with a hello");
        var header = answer.Span[..HelloFrame.HeaderBytes];
        var error = HelloFrame.ReadHeader(header, out var version, out var code, out var bodyBytes);
        BrokenPromiseException.Unless(error == NativeError.None && bodyBytes <= answer.Length - header.Length, "the hello is well formed");
        var body = answer.Slice(header.Length, bodyBytes);
        BrokenPromiseException.Unless(
            HelloFrame.IsIntact(header, body.Span) && ServerHello.TryRead(version, code, body, out _), "the hello can be read");
        var frames = 0;
        var last = "";
        for (var rest = answer[(header.Length + bodyBytes)..]; !rest.IsEmpty; frames++)
        {
            BrokenPromiseException.Unless(rest.Length >= NativeFrame.HeaderBytes, "answers are whole frames");
            var prefix = rest.Span[..NativeFrame.PrefixBytes];
            error = NativeFrame.ReadPrefix(prefix, NativeProtocol.FrameBytesMax, out var contentBytes);
            BrokenPromiseException.Unless(
                error == NativeError.None && contentBytes <= rest.Length - NativeFrame.PrefixBytes, "answers are whole frames");
            var content = rest.Slice(NativeFrame.PrefixBytes, contentBytes);
            error = NativeFrame.Open(prefix, content, out var type, out _, out var frame);
            var reader = new WireReader(frame);
            BrokenPromiseException.Unless(
                error == NativeError.None && type switch
                {
                    NativeFrameType.Response => RequestCodec.TryRead(ref reader, out Response _) && reader.OkAtEnd,
                    NativeFrameType.Error => NativeFrame.TryReadError(frame, out _, out _),
                    NativeFrameType.Pong => frame.Length == 8,
                    _ => false,
                },
                "every frame of an answer can be read");
            last = type == NativeFrameType.Error && NativeFrame.TryReadError(frame, out var why, out _) ? $"{why}" : $"{type}";
            rest = rest[(NativeFrame.PrefixBytes + contentBytes)..];
        }

        var outcome = $"{(NativeError)code} {Math.Min(frames, 5)} {last}";
        return code == 0 ? Verdict.Accepted(outcome) : Verdict.Refused(outcome);
    }

    private static byte[] Stream(byte[]? token, bool withError)
    {
        var writer = new WireWriter();
        new ClientHello(1, 1, token, "fuzz").Write(writer);
        uint correlation = 0;
        foreach (var request in RequestTarget.Samples())
        {
            var position = NativeFrame.Begin(writer, NativeFrameType.Request, ++correlation);
            RequestCodec.Write(writer, request);
            NativeFrame.End(writer, position);
        }

        NativeFrame.End(writer, NativeFrame.Begin(writer, NativeFrameType.Ping, ++correlation));
        if (withError)
        {
            NativeFrame.WriteError(writer, NativeError.ShuttingDown, "enough");
        }

        return writer.ToArray();
    }

    private sealed class Echo : IRequestPort
    {
        public void Submit(Request request, IResponseSink sink) =>
            sink.Complete(request, new Response(ResponseStatus.Ok, request.Payload, Shard: request.Shard));
    }

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
