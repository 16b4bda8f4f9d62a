using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;

namespace Atoll.Fuzz.Targets;

/// <summary>The ends of requests, as clients and other nodes read them.</summary>
public sealed class ResponseTarget : CodecTarget
{
    /// <inheritdoc />
    public override string Name => "response";

    /// <inheritdoc />
    public override string About => "RequestCodec, responses: read or refused; what is read is written and read as the same";

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        Bytes(w => RequestCodec.Write(w, new Response(ResponseStatus.Ok, new byte[] { 1, 2, 3 }))),
        Bytes(w => RequestCodec.Write(w, Sample)),
    ];

    /// <summary>One that uses every field.</summary>
    internal static Response Sample => new(
        ResponseStatus.Overloaded, new byte[] { 1 }, new NodeId(7), Duration.FromMilliseconds(50), new HybridTime(99), new ShardId(12),
        "مزدحم");

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        var reader = new WireReader(input);
        if (!RequestCodec.TryRead(ref reader, out Response response) || !reader.OkAtEnd)
        {
            outcome = "refused";
            return false;
        }

        outcome = Enum.IsDefined(response.Status) ? response.Status.ToString() : "a status from the future";
        _ = response.Status.IsRetryable() || response.Status.IsFinal();
        RequestCodec.Write(again, response);
        return true;
    }
}
