using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.World;
using Atoll.Kernel.Raft;
using Atoll.Live.Networks;
using Atoll.Node.Requests;
using Atoll.Node.Routing;

namespace Atoll.Fuzz.Targets;

/// <summary>What a node sends another over one connection: greeting, then frames of messages.</summary>
public sealed class PeerStreamTarget : IFuzzTarget
{
    private const int PayloadBytesMax = 200_000;

    // The decoder's first buffer and the one after it, twice.
    private const int BufferBytes = 4 * (PayloadBytesMax + (64 * 1024));

    /// <inheritdoc />
    public string Name => "peer-stream";

    /// <inheritdoc />
    public string About => "FrameDecoder, greetings, PeerFrame and what is in it: the same however the stream is cut";

    /// <inheritdoc />
    public AllocationBound Allocation => new(64, BufferBytes + (64 * 1024));

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        [.. new Greeting(1, 2, 77, new(2), new(1), Lane.Urgent, 3).Encode(), .. Frame.Build(FrameKind.Message, Messages()),
            .. Frame.Build(FrameKind.KeepAlive, [])],
        [.. new Welcome(1, 77, new(1), 2).Encode(), .. Frame.Build(FrameKind.Message, Messages()),
            .. Refusal.Encode("enough", isAnswer: false)],
        Refusal.Encode("not today", isAnswer: true),
    ];

    /// <summary>Walks the frames behind the magic and makes their checksums right.</summary>
    public void FixChecksums(Span<byte> input)
    {
        if (input.Length < Greeting.Magic.Length)
        {
            return;
        }

        for (var rest = input[Greeting.Magic.Length..]; rest.Length >= Frame.HeaderBytes;)
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(rest[Frame.LengthOffset..]);
            if (length > rest.Length - Frame.HeaderBytes)
            {
                return;
            }

            var end = Frame.HeaderBytes + (int)length;
            BinaryPrimitives.WriteUInt32LittleEndian(rest, Crc32C.Compute(rest[Frame.LengthOffset..end]));
            rest = rest[end..];
        }
    }

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        var whole = Receive(input, int.MaxValue, out var parts);
        var pieces = Receive(input, 7, out var again);
        BrokenPromiseException.Unless(whole == pieces && parts == again, "frames are the same however the stream is cut");
        return parts > 0 ? Verdict.Accepted(whole) : Verdict.Refused(whole);
    }

    private static string Receive(ReadOnlyMemory<byte> input, int pieceBytes, out int parts)
    {
        parts = 0;
        var decoder = new FrameDecoder(PayloadBytesMax);
        var isGreeted = false;
        var last = "";
        while (!input.IsEmpty)
        {
            var room = decoder.Room();
            BrokenPromiseException.Unless(
                room.Length is > 0 and <= PayloadBytesMax + (64 * 1024), "there is room, and not more than allowed");
            var count = Math.Min(Math.Min(room.Length, pieceBytes), input.Length);
            input[..count].CopyTo(room);
            decoder.Received(count);
            input = input[count..];
            if (!isGreeted)
            {
                isGreeted = decoder.TryTake(Greeting.Magic.Length, out var magic);
                if (isGreeted && !magic.SequenceEqual(Greeting.Magic))
                {
                    return "a stranger";
                }
            }

            FrameStatus status;
            while (isGreeted && (status = decoder.TryRead(out var frame, out var why)) != FrameStatus.Incomplete)
            {
                if (status == FrameStatus.Bad)
                {
                    BrokenPromiseException.Unless(why is { Length: > 0 }, "who refuses a frame says why");
                    return $"{last} bad";
                }

                last = Take(frame, ref parts);
            }
        }

        return $"{last} incomplete";
    }

    private static string Take(in Frame frame, ref int parts)
    {
        switch (frame.Kind)
        {
            case FrameKind.Greeting when Greeting.TryDecode(frame.Payload, out var greeting):
                parts++;
                var payload = greeting.Encode().AsMemory()[(Greeting.Magic.Length + Frame.HeaderBytes)..];
                BrokenPromiseException.Unless(
                    Greeting.TryDecode(payload, out var same) && same == greeting, "a greeting is encoded as what it was decoded to");
                return "greeting";
            case FrameKind.Welcome when Welcome.TryDecode(frame.Payload, out _):
                parts++;
                return "welcome";
            case FrameKind.Refusal:
                parts++;
                return Refusal.Decode(frame.Payload).Length > 0 ? "refusal" : "silent refusal";
            case FrameKind.Message:
                return TakeParts(frame.Payload, ref parts);
            default:
                return frame.Kind.ToString();
        }
    }

    private static string TakeParts(ReadOnlyMemory<byte> payload, ref int parts)
    {
        var reader = new WireReader(payload);
        if (!PeerFrame.TryOpen(ref reader))
        {
            return "another version";
        }

        var last = "nothing";
        while (PeerFrame.TryNext(ref reader, out var kind, out var body))
        {
            parts++;
            var part = new WireReader(body);
            last = kind switch
            {
                PeerMessageKind.Raft => part.ReadUInt64() > 0 && RaftMessageCodec.TryRead(ref part, out var message)
                    ? $"raft {message.Kind}" : "raft garbled",
                PeerMessageKind.Request => part.ReadUInt64() > 0 && RequestCodec.TryRead(ref part, out Request request)
                    ? $"request {request.Kind}" : "request garbled",
                PeerMessageKind.Response => part.ReadUInt64() > 0 && RequestCodec.TryRead(ref part, out Response _)
                    ? "response" : "response garbled",
                _ => Enum.IsDefined(kind) ? kind.ToString() : "a kind from the future",
            };
        }

        return reader.OkAtEnd ? last : $"{last}, cut";
    }

    private static byte[] Messages()
    {
        var frame = new WireWriter();
        Part(PeerMessageKind.Ping, w => w.WriteUInt64(5));
        foreach (var message in RaftMessageTarget.Samples())
        {
            Part(PeerMessageKind.Raft, w =>
            {
                w.WriteUInt64(3);
                RaftMessageCodec.Write(w, message);
            });
        }

        Part(PeerMessageKind.Request, w =>
        {
            w.WriteUInt64(8);
            RequestCodec.Write(w, RequestTarget.Samples().Last());
        });
        Part(PeerMessageKind.Response, w =>
        {
            w.WriteUInt64(8);
            RequestCodec.Write(w, ResponseTarget.Sample);
        });
        return frame.ToArray();

        void Part(PeerMessageKind kind, Action<WireWriter> write)
        {
            var position = PeerFrame.Begin(frame, kind);
            write(frame);
            PeerFrame.End(frame, position);
        }
    }
}
