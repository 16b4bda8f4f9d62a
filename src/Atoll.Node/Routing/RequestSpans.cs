using Atoll.Foundation.Identity;
using Atoll.Node.Requests;

namespace Atoll.Node.Routing;

/// <summary>
/// The spans of the requests that a loop holds: one while it serves a request of another node, and one for each attempt to have another
/// node serve it. The loops of one node are no stations of their own: a request keeps its context between them.
/// </summary>
internal sealed class RequestSpans(IRequestTracer? tracer, NodeId self)
{
    /// <summary>The request came in from another loop.</summary>
    public void Arrived(PendingRequest pending)
    {
        if (tracer is not null && !pending.Request.TraceContext.IsEmpty && pending.Origin.Node != self)
        {
            pending.Span = tracer.Arrived(pending.Request, pending.Origin.Node);
        }
    }

    /// <summary>The request goes to another loop; returns the trace context to send along.</summary>
    public ReadOnlyMemory<byte> PassedOn(PendingRequest pending)
    {
        var context = pending.Span?.Context ?? pending.Request.TraceContext;
        if (tracer is null || context.IsEmpty || pending.ForwardedTo.Node == self)
        {
            return context;
        }

        pending.AttemptSpan = tracer.PassedOn(pending.Request, context, pending.ForwardedTo.Node, pending.Shard, pending.Attempts);
        return pending.AttemptSpan?.Context ?? context;
    }

    /// <summary>The loop that it went to has answered.</summary>
    public void AttemptAnswered(PendingRequest pending, in Response response)
    {
        pending.AttemptSpan?.Answered(response);
        pending.AttemptSpan = null;
    }

    /// <summary>Nothing more is expected of the loop that it went to.</summary>
    public void AttemptAbandoned(PendingRequest pending, string why)
    {
        pending.AttemptSpan?.Abandoned(why);
        pending.AttemptSpan = null;
    }

    /// <summary>The request is answered.</summary>
    public void Completed(PendingRequest pending, in Response response)
    {
        AttemptAbandoned(pending, response.Detail ?? "the request ended meanwhile");
        pending.Span?.Answered(response);
        pending.Span = null;
    }
}
