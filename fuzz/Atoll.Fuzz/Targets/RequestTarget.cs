using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.StateMachines.Requests;

namespace Atoll.Fuzz.Targets;

/// <summary>Requests of clients, and of nodes that pass them on.</summary>
public sealed class RequestTarget : CodecTarget
{
    /// <inheritdoc />
    public override string Name => "request";

    /// <inheritdoc />
    public override string About => "RequestCodec, requests: read or refused; what is read is written and read as the same";

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } = [.. Samples().Select(request => Bytes(w => RequestCodec.Write(w, request)))];

    /// <summary>A plain request, and one that uses every field.</summary>
    internal static IEnumerable<Request> Samples()
    {
        yield return new Request { Kind = RequestKind.DirectoryView };
        yield return new Request
        {
            Kind = RequestKind.Write,
            Level = ReadLevel.Session,
            Hops = 1,
            Space = new SpaceId(5),
            Shard = new ShardId(9),
            RoutingHash = 0x1122334455667788,
            Identity = new RequestIdentity(1, 2, 1, new HybridTime(3)),
            Timeout = Duration.FromSeconds(1),
            Linger = Duration.FromMilliseconds(3),
            MaxStaleness = Duration.FromMilliseconds(4),
            MinVersion = new HybridTime(77),
            TraceContext = new byte[] { 9, 8, 7 },
            Payload = new byte[] { 0xAA, 0xBB },
        };
    }

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        var reader = new WireReader(input);
        if (!RequestCodec.TryRead(ref reader, out Request request) || !reader.OkAtEnd)
        {
            outcome = reader.Ok ? "refused: a field" : "refused: the form";
            return false;
        }

        outcome = $"{request.Kind} {request.Level}";
        BrokenPromiseException.Unless(request.Identity.IsNone || request.Identity.IsValid, "an identity that is accepted is valid");
        BrokenPromiseException.Unless(
            request.Timeout >= Duration.Zero && request.Linger >= Duration.Zero && request.MaxStaleness >= Duration.Zero,
            "times of a request are not negative");
        RequestCodec.Write(again, request);
        return true;
    }
}
