using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Services.Native;

namespace Atoll.Fuzz.Targets;

/// <summary>The first words of both sides of the native protocol. The first byte of the input chooses whose they are.</summary>
public sealed class NativeHelloTarget : CodecTarget
{
    private const byte OfClient = 0;
    private const byte OfNode = 1;

    /// <inheritdoc />
    public override string Name => "native-hello";

    /// <inheritdoc />
    public override string About => "ClientHello and ServerHello: refused before anything is kept, or written and read as the same";

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        [OfClient, .. Bytes(new ClientHello(1, 2, "secret"u8.ToArray(), "fuzz").Write)],
        [OfNode, .. Bytes(new ServerHello(1, NativeError.None, "", 42, new(3), new HybridTime(99), 1 << 20, 100).Write)],
        [OfNode, .. Bytes(new ServerHello(0, NativeError.Unauthenticated, "an access token is needed").Write)],
    ];

    /// <inheritdoc />
    public override void FixChecksums(Span<byte> input)
    {
        if (input.Length > HelloFrame.HeaderBytes)
        {
            var hello = input[1..];
            var checksum = Crc32C.Compute(hello[..12], hello[HelloFrame.HeaderBytes..]);
            BinaryPrimitives.WriteUInt32LittleEndian(hello[12..], checksum);
        }
    }

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        outcome = "too short";
        if (input.Length <= HelloFrame.HeaderBytes)
        {
            return false;
        }

        var side = input.Span[0];
        var header = input.Span.Slice(1, HelloFrame.HeaderBytes);
        var body = input[(1 + HelloFrame.HeaderBytes)..];
        var error = HelloFrame.ReadHeader(header, out var first, out var second, out var bodyBytes);
        outcome = $"{side % 2} {error}";
        if (error != NativeError.None || bodyBytes != body.Length || !HelloFrame.IsIntact(header, body.Span))
        {
            return false;
        }

        again.WriteByte(side);
        var isRead = side % 2 == OfClient ? TryRecodeClient(first, second, body, again) : TryRecodeNode(first, second, body, again);
        outcome = $"{side % 2} {(isRead ? "read" : "malformed")}";
        return isRead;
    }

    private static bool TryRecodeClient(ushort first, ushort second, ReadOnlyMemory<byte> body, WireWriter again)
    {
        var isRead = ClientHello.TryRead(first, second, body, out var hello);
        if (isRead)
        {
            hello.Write(again);
        }

        return isRead;
    }

    private static bool TryRecodeNode(ushort first, ushort second, ReadOnlyMemory<byte> body, WireWriter again)
    {
        var isRead = ServerHello.TryRead(first, second, body, out var hello);
        if (isRead)
        {
            BrokenPromiseException.Unless(hello is { FrameBytesMax: >= 0, InFlightMax: >= 0 }, "bounds are not negative");
            hello.Write(again);
        }

        return isRead;
    }
}
