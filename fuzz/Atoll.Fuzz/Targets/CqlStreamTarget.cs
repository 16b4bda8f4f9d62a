using System.Buffers;
using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Cql.Connections;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Wire;

namespace Atoll.Fuzz.Targets;

/// <summary>
/// All that a client sends over one connection of the CQL protocol. The first byte says whether credentials are needed, and in pieces of
/// how many bytes the rest comes.
/// </summary>
public sealed class CqlStreamTarget : IFuzzTarget
{
    private const int BodyBytesMax = 256 * 1024;

    /// <inheritdoc />
    public string Name => "cql-stream";

    /// <inheritdoc />
    public string About => "CqlConnectionCore and CqlOutput: the same answers however the bytes are cut, and all of them well formed";

    /// <inheritdoc />
    public AllocationBound Allocation => new(2048, 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        Stream(CqlVersion.V3, null, 2), Stream(CqlVersion.V4, "lz4", 14), Stream(CqlVersion.V4, "snappy", 8),
        Stream(CqlVersion.V5, null, 3), Stream(CqlVersion.V5, "lz4", 40),
    ];

    /// <summary>Makes the checksums of segments right, behind a STARTUP that begins them.</summary>
    public void FixChecksums(Span<byte> input)
    {
        var rest = input.Length > 0 ? input[1..] : input;
        var isCompressed = false;
        var begins = false;
        while (!begins)
        {
            if (rest.Length < CqlFrameHeader.Bytes)
            {
                return;
            }

            var header = CqlFrameHeader.Read(rest);
            if (header.BodyBytes > rest.Length - CqlFrameHeader.Bytes || header.BodyBytes > BodyBytesMax)
            {
                return;
            }

            var body = rest.Slice(CqlFrameHeader.Bytes, (int)header.BodyBytes);
            begins = header is { Version: (byte)CqlVersion.V5, Opcode: CqlOpcode.Startup };
            isCompressed = begins && body.IndexOf("COMPRESSION"u8) >= 0;
            rest = rest[(CqlFrameHeader.Bytes + body.Length)..];
        }

        for (var headerBytes = SegmentHeader.Bytes(isCompressed); rest.Length >= headerBytes;)
        {
            SegmentHeader.TryRead(rest[..headerBytes], isCompressed, out var segment);
            segment.Write(rest[..headerBytes], isCompressed);
            var whole = headerBytes + segment.PayloadBytes + SegmentHeader.TrailerBytes;
            if (rest.Length < whole)
            {
                return;
            }

            var payload = rest.Slice(headerBytes, segment.PayloadBytes);
            BinaryPrimitives.WriteUInt32LittleEndian(rest[(headerBytes + payload.Length)..], SegmentChecksums.OfPayload(payload));
            rest = rest[whole..];
        }
    }

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        if (input.IsEmpty)
        {
            return Verdict.Refused("empty");
        }

        var needsCredentials = (input.Span[0] & 1) != 0;
        var pieceBytes = 1 + (input.Span[0] >> 1);
        var stream = input[1..];
        var whole = new Server(needsCredentials);
        whole.Feed(stream);
        var cut = new Server(needsCredentials);
        for (var position = 0; position < stream.Length && !cut.IsClosed; position += pieceBytes)
        {
            cut.Feed(stream[..Math.Min(stream.Length, position + pieceBytes)]);
        }

        BrokenPromiseException.Unless(whole.IsClosed == cut.IsClosed, "a connection ends the same however its bytes are cut");
        var answer = whole.Take();
        BrokenPromiseException.Unless(answer.AsSpan().SequenceEqual(cut.Take()), "the answers are the same however the bytes are cut");
        var outcome = $"{Math.Min(whole.Answers, 6)} {whole.Last}{(whole.IsClosed ? " closed" : "")}";
        return whole.IsClosed || whole.Answers == 0 ? Verdict.Refused(outcome) : Verdict.Accepted(outcome);
    }

    private static byte[] Stream(CqlVersion version, string? compression, byte first)
    {
        var options = new Dictionary<string, string> { ["CQL_VERSION"] = "3.4.5" };
        if (compression is not null)
        {
            options.Add("COMPRESSION", compression);
        }

        var stream = new WireWriter();
        stream.WriteByte(first);
        RequestEncoder.Write(stream, version, 0, new OptionsRequest());
        RequestEncoder.Write(stream, version, 1, new StartupRequest(options));
        var rest = new WireWriter();
        if ((first & 1) != 0)
        {
            RequestEncoder.Write(rest, version, 2, CqlSamples.Requests.OfType<AuthResponseRequest>().First());
        }

        foreach (var request in CqlSamples.Requests.Where(request => request is not StartupRequest and not AuthResponseRequest))
        {
            RequestEncoder.Write(rest, version, 3, request);
        }

        if (version >= CqlVersion.V5)
        {
            SegmentWriter.Write(rest.Written, compression is not null, stream);
        }
        else
        {
            stream.WriteRaw(rest.Written);
        }

        return stream.ToArray();
    }

    /// <summary>A server that does nothing, and says so.</summary>
    private sealed class Server(bool needsCredentials)
    {
        private readonly CqlConnectionCore _core = new(BodyBytesMax, needsCredentials);
        private readonly CqlOutput _output = new();
        private readonly CqlFrameReader _reader = new(CqlProtocol.BodyBytesMax, isServer: false);
        private long _taken;

        public bool IsClosed => _core.IsClosed;

        public int Answers { get; private set; }

        public string Last { get; private set; } = "";

        /// <summary>Takes what has come so far, from the first byte on.</summary>
        public void Feed(ReadOnlyMemory<byte> stream)
        {
            var left = new ReadOnlySequence<byte>(stream).Slice(_taken);
            while (!IsClosed && Do(_core.Next(ref left)))
            {
                Answers++;
            }

            _taken = stream.Length - left.Length;
        }

        public byte[] Take()
        {
            var bytes = _output.Take(new WireWriter()).ToArray();
            Check(bytes);
            return bytes;
        }

        private bool Do(CqlAction action)
        {
            switch (action)
            {
                case AnswerAction answer:
                    Write(answer.Version, answer.Stream, answer.Response);
                    return true;
                case StartAction start:
                    Write(start.Version, start.Stream, start.Response);
                    _output.Start(start.Version, start.Compression);
                    if (start.Version < CqlVersion.V5)
                    {
                        _reader.StartCompression(start.Compression);
                    }

                    return true;
                case RegisterAction register:
                    Write(_core.Version, register.Stream, new ReadyResponse());
                    return true;
                case AuthenticateAction authenticate:
                    _core.Authenticated();
                    Write(_core.Version, authenticate.Stream, new AuthSuccessResponse(null));
                    return true;
                case ServeAction serve:
                    Write(_core.Version, serve.Stream, new VoidResponse());
                    return true;
                case CloseAction close:
                    Write(close.Version, close.Stream, close.Response);
                    return true;
                default:
                    return false;
            }
        }

        private void Write(CqlVersion version, short stream, CqlResponse response)
        {
            Last = response is ErrorResponse error ? Verdict.RefusedFor(error.Message).Outcome : response.GetType().Name;
            _output.Write(version, stream, response);
        }

        // What is bare can be read without knowing more; segments are read by the tests that know whether they are compressed.
        private void Check(byte[] answer)
        {
            var left = new ReadOnlySequence<byte>(answer);
            var isBare = true;
            while (isBare && !left.IsEmpty)
            {
                BrokenPromiseException.Unless(
                    _reader.TryRead(ref left, out var frame) == CqlReadStatus.Frame
                        && ResponseDecoder.TryDecode(frame, null, out _), "answers are whole frames");
                isBare = frame.Header.Version < (byte)CqlVersion.V5
                    || frame.Header.Opcode is not CqlOpcode.Ready and not CqlOpcode.Authenticate;
            }
        }
    }
}
