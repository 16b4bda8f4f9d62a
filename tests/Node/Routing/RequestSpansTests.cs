using Atoll.Foundation.Identity;
using Atoll.Foundation.World;
using Atoll.Node.Requests;
using Atoll.Node.Routing;
using Xunit;

namespace Atoll.Node.Tests.Routing;

/// <summary>Which spans a request leaves on a node, how they end, and what it carries to the next one.</summary>
public sealed class RequestSpansTests
{
    private static readonly NodeId Self = new(1);
    private static readonly LoopAddress Other = new(new NodeId(2), 0);
    private static readonly LoopAddress OwnOtherLoop = new(Self, 1);

    private readonly RecordingTracer _tracer = new();
    private readonly RequestSpans _spans;
    private readonly PendingRequest _pending = new InFlightTable(1).TryTake()!;

    public RequestSpansTests()
    {
        _spans = new RequestSpans(_tracer, Self);
        _pending.Request = new Request { Kind = RequestKind.Write, TraceContext = "client"u8.ToArray() };
    }

    [Fact]
    public void A_request_of_another_node_has_a_span_here_that_ends_with_its_answer()
    {
        _pending.Origin = Other;
        _spans.Arrived(_pending);
        _spans.Completed(_pending, new Response(ResponseStatus.NotLeader));
        Assert.Equal(["begin 1: client arrived from 2", "end 1: NotLeader"], _tracer.Lines);
    }

    [Fact]
    public void An_attempt_elsewhere_belongs_to_what_this_node_does_and_is_the_parent_there()
    {
        _pending.Origin = Other;
        _spans.Arrived(_pending);
        _pending.ForwardedTo = new LoopAddress(new NodeId(3), 0);
        Assert.Equal("span 2"u8, _spans.PassedOn(_pending).Span);
        _spans.AttemptAnswered(_pending, new Response(ResponseStatus.Ok));
        _spans.Completed(_pending, new Response(ResponseStatus.Ok));
        Assert.Equal(
            ["begin 1: client arrived from 2", "begin 2: span 1 passed on to 3", "end 2: Ok", "end 1: Ok"], _tracer.Lines);
    }

    [Fact]
    public void Each_attempt_has_a_span_of_its_own_and_each_span_one_end()
    {
        _pending.ForwardedTo = Other;
        _spans.PassedOn(_pending);
        _spans.AttemptAbandoned(_pending, "silence");
        _spans.PassedOn(_pending);
        _spans.Completed(_pending, new Response(ResponseStatus.OutcomeUnknown, Detail: "too late"));
        Assert.Equal(
            [
                "begin 1: client passed on to 2", "end 1: without an answer, silence",
                "begin 2: client passed on to 2", "end 2: without an answer, too late",
            ],
            _tracer.Lines);
    }

    [Fact]
    public void The_loops_of_one_node_are_no_stations()
    {
        _pending.Origin = OwnOtherLoop;
        _spans.Arrived(_pending);
        _pending.ForwardedTo = OwnOtherLoop;
        Assert.Equal("client"u8, _spans.PassedOn(_pending).Span);
        _spans.Completed(_pending, new Response(ResponseStatus.Ok));
        Assert.Empty(_tracer.Lines);
    }

    [Fact]
    public void What_nobody_traces_leaves_nothing()
    {
        _pending.Request = new Request { Kind = RequestKind.Write };
        _pending.Origin = Other;
        _pending.ForwardedTo = Other;
        _spans.Arrived(_pending);
        Assert.True(_spans.PassedOn(_pending).IsEmpty);
        Assert.Empty(_tracer.Lines);
    }

    [Fact]
    public void Without_a_tracer_the_context_goes_on_as_it_came()
    {
        var spans = new RequestSpans(null, Self);
        _pending.Origin = Other;
        _pending.ForwardedTo = Other;
        spans.Arrived(_pending);
        Assert.Equal("client"u8, spans.PassedOn(_pending).Span);
        spans.Completed(_pending, new Response(ResponseStatus.Ok));
    }

    private sealed class RecordingTracer : IRequestTracer
    {
        private int _begun;

        public List<string> Lines { get; } = [];

        public IRequestSpan Arrived(Request request, NodeId from) => Begin(request.TraceContext, $"arrived from {from}");

        public IRequestSpan PassedOn(Request request, ReadOnlyMemory<byte> parent, NodeId to, ShardId shard, int attempt) =>
            Begin(parent, $"passed on to {to}");

        private RecordedSpan Begin(ReadOnlyMemory<byte> parent, string what)
        {
            Lines.Add($"begin {++_begun}: {System.Text.Encoding.UTF8.GetString(parent.Span)} {what}");
            return new RecordedSpan(this, _begun);
        }

        private sealed class RecordedSpan(RecordingTracer tracer, int number) : IRequestSpan
        {
            public ReadOnlyMemory<byte> Context => System.Text.Encoding.UTF8.GetBytes($"span {number}");

            public void Answered(in Response response) => tracer.Lines.Add($"end {number}: {response.Status}");

            public void Abandoned(string why) => tracer.Lines.Add($"end {number}: without an answer, {why}");
        }
    }
}
