using System.Buffers;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Wire;

namespace Atoll.Fuzz.Targets;

/// <summary>A frame with a request of the CQL protocol, in any version.</summary>
public sealed class CqlRequestTarget : CodecTarget
{
    private const int BodyBytesMax = 1024 * 1024;

    /// <inheritdoc />
    public override string Name => "cql-request";

    /// <inheritdoc />
    public override string About => "RequestDecoder and RequestEncoder: a bare frame is read or refused; what is read can be written again";

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. Enum.GetValues<CqlVersion>().SelectMany(version => CqlSamples.Requests.Select(
            request => Bytes(writer => RequestEncoder.Write(writer, version, 3, request)))),
    ];

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        var reader = new CqlFrameReader(BodyBytesMax, isServer: true);
        var left = new ReadOnlySequence<byte>(input);
        if (reader.TryRead(ref left, out var frame) != CqlReadStatus.Frame || !left.IsEmpty || frame.Header.Stream < 0)
        {
            outcome = "no frame";
            return false;
        }

        if (!RequestDecoder.TryDecode(frame, out var request, out var fault))
        {
            outcome = Verdict.RefusedFor(fault).Outcome;
            return false;
        }

        outcome = $"{request.Opcode}";
        RequestEncoder.Write(again, (CqlVersion)frame.Header.Version, frame.Header.Stream, request);
        return true;
    }
}
