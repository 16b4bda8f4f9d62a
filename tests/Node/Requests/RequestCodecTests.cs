using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.StateMachines.Requests;
using Xunit;

namespace Atoll.Node.Tests.Requests;

public sealed class RequestCodecTests
{
    [Fact]
    public void A_request_comes_back_as_it_was()
    {
        var request = Sample();
        var decoded = Decode(Encode(request));
        Assert.NotNull(decoded);
        Assert.Equal(request.Payload.ToArray(), decoded.Payload.ToArray());
        Assert.Equal(request.TraceContext.ToArray(), decoded.TraceContext.ToArray());
        Assert.Equal(
            request with { Payload = default, TraceContext = default }, decoded with { Payload = default, TraceContext = default });
    }

    [Fact]
    public void A_response_comes_back_as_it_was()
    {
        var response = new Response(
            ResponseStatus.Overloaded, new byte[] { 1, 2, 3 }, new NodeId(7), Duration.FromMilliseconds(50), new HybridTime(99),
            new ShardId(12), "مزدحم");
        var writer = new WireWriter();
        RequestCodec.Write(writer, response);
        var reader = new WireReader(writer.ToArray());
        Assert.True(RequestCodec.TryRead(ref reader, out Response decoded));
        Assert.True(reader.OkAtEnd);
        Assert.Equal(response.Body.ToArray(), decoded.Body.ToArray());
        Assert.Equal(response with { Body = default }, decoded with { Body = default });
    }

    /// <summary>
    /// The layout is a promise to other versions and to clients (docs/protocol.md): a change here needs a new version byte.
    /// </summary>
    [Fact]
    public void The_bytes_of_a_request_are_these() =>
        Assert.Equal(
            "01010001" + "05" + "09" + "8877665544332211" + "01" + "0100000000000000" + "02" + "01" + "0300000000000000"
            + "C0843D" + "00" + "00" + "00" + "00" + "02AABB",
            Convert.ToHexString(Encode(Sample() with
            {
                TraceContext = default, Level = default, Linger = default, MaxStaleness = default, MinVersion = default,
            })));

    [Fact]
    public void Every_truncation_is_refused()
    {
        var bytes = Encode(Sample());
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Null(Decode(bytes.AsSpan(0, length).ToArray()));
        }
    }

    [Theory]
    [InlineData(0, 2)] // a version from the future
    [InlineData(1, 0)] // no kind
    [InlineData(1, 200)] // an unknown kind
    [InlineData(2, 9)] // an unknown read level
    public void A_field_with_an_impossible_value_is_refused(int offset, byte value)
    {
        var bytes = Encode(Sample());
        bytes[offset] = value;
        Assert.Null(Decode(bytes));
    }

    private static Request Sample() => new()
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

    private static byte[] Encode(Request request)
    {
        var writer = new WireWriter();
        RequestCodec.Write(writer, request);
        return writer.ToArray();
    }

    private static Request? Decode(byte[] bytes)
    {
        var reader = new WireReader(bytes);
        return RequestCodec.TryRead(ref reader, out Request request) && reader.OkAtEnd ? request : null;
    }
}
