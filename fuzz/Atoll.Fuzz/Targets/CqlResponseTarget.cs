using System.Buffers;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Wire;

namespace Atoll.Fuzz.Targets;

/// <summary>A frame with a response of the CQL protocol, in any version, as a client reads it.</summary>
public sealed class CqlResponseTarget : CodecTarget
{
    private const int BodyBytesMax = 1024 * 1024;

    /// <inheritdoc />
    public override string Name => "cql-response";

    /// <inheritdoc />
    public override string About => "ResponseDecoder, ResponseEncoder: a bare frame is read or refused; what is read can be written again";

    /// <inheritdoc />
    public override AllocationBound Allocation => new(128, 64 * 1024);

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. Enum.GetValues<CqlVersion>().SelectMany(version => CqlSamples.Responses.Select(
            response => Bytes(writer => ResponseEncoder.Write(writer, version, 3, response)))),
    ];

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        var reader = new CqlFrameReader(BodyBytesMax, isServer: false);
        var left = new ReadOnlySequence<byte>(input);
        if (reader.TryRead(ref left, out var frame) != CqlReadStatus.Frame || !left.IsEmpty)
        {
            outcome = "no frame";
            return false;
        }

        if (!ResponseDecoder.TryDecode(frame, CqlSamples.Columns, out var response))
        {
            outcome = $"no {frame.Header.Opcode}";
            return false;
        }

        outcome = response.GetType().Name;
        ResponseEncoder.Write(again, (CqlVersion)frame.Header.Version, frame.Header.Stream, response);
        return true;
    }
}
