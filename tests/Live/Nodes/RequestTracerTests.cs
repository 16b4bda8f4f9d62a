using System.Diagnostics;
using Atoll.Foundation.Identity;
using Atoll.Live.Nodes;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Xunit;

namespace Atoll.Live.Tests.Nodes;

/// <summary>The spans of a node, and what they cost when nobody wants them.</summary>
[Collection(nameof(RequestTracerTests))]
public sealed class RequestTracerTests
{
    private static readonly Request Traced = new()
    {
        Kind = RequestKind.Write, Space = new SpaceId(7), TraceContext = Enumerable.Range(1, 24).Select(i => (byte)i).ToArray(),
    };

    private readonly RequestTracer _tracer = new(new NodeId(1));

    [Fact]
    public void Nothing_is_made_or_allocated_while_nobody_listens()
    {
        Assert.False(CallTracing.Source.HasListeners());
        Assert.Null(Both());
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
        {
            Both();
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Theory]
    [InlineData(ResponseStatus.Ok, false, false)]
    [InlineData(ResponseStatus.NotLeader, false, true)]
    [InlineData(ResponseStatus.Invalid, false, true)]
    [InlineData(ResponseStatus.OutcomeUnknown, true, true)]
    [InlineData(ResponseStatus.Faulted, true, true)]
    public void What_a_server_rightly_refuses_is_an_error_of_its_client_alone(ResponseStatus status, bool server, bool client)
    {
        var ended = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == CallTracing.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = ended.Add,
        };
        ActivitySource.AddActivityListener(listener);
        _tracer.Arrived(Traced, new NodeId(2))!.Answered(new Response(status, Detail: "why"));
        _tracer.PassedOn(Traced, Traced.TraceContext, new NodeId(2), new ShardId(3), 1)!.Answered(new Response(status, Detail: "why"));
        Assert.Null(Activity.Current);
        Assert.Equal([ActivityKind.Server, ActivityKind.Client], ended.Select(span => span.Kind));
        Assert.Equal(
            [server, client], ended.Select(span => span.Status == ActivityStatusCode.Error && span.GetTagItem("error.type") is not null));
        Assert.All(ended, span => Assert.Equal(status.ToString(), span.GetTagItem("rpc.response.status_code")));
        Assert.All(ended, span => Assert.Equal("0102030405060708090a0b0c0d0e0f10", span.TraceId.ToHexString()));
        Assert.All(ended, span => Assert.Equal("1112131415161718", span.ParentSpanId.ToHexString()));
    }

    private IRequestSpan? Both() => _tracer.Arrived(Traced, new NodeId(2))
        ?? _tracer.PassedOn(Traced, Traced.TraceContext, new NodeId(2), new ShardId(3), 1);
}

/// <summary>A listener hears the whole process: these tests run alone.</summary>
[CollectionDefinition(nameof(RequestTracerTests), DisableParallelization = true)]
public static class RequestTracerCollection;
