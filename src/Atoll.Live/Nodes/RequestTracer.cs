using System.Diagnostics;
using Atoll.Foundation.Identity;
using Atoll.Node.Requests;
using Atoll.Services.Calls;

namespace Atoll.Live.Nodes;

/// <summary>
/// A node's part in the traces of requests: a server's span for each that another node passed on, a client's for each attempt to pass
/// one on.
/// </summary>
internal sealed class RequestTracer(NodeId self) : IRequestTracer
{
    /// <inheritdoc />
    public IRequestSpan? Arrived(Request request, NodeId from) =>
        Span(CallTracing.Start(null, ActivityKind.Server, request, request.TraceContext), request.TraceContext, from);

    /// <inheritdoc />
    public IRequestSpan? PassedOn(Request request, ReadOnlyMemory<byte> parent, NodeId to, ShardId shard, int attempt)
    {
        var activity = CallTracing.Start("atoll forward", ActivityKind.Client, request, parent);
        if (activity is not null)
        {
            CallTracing.SetShard(activity, shard);
            activity.SetTag("atoll.attempt", attempt);
        }

        return Span(activity, parent, to);
    }

    private RequestSpan? Span(Activity? activity, ReadOnlyMemory<byte> parent, NodeId peer)
    {
        if (activity is null)
        {
            return null;
        }

        CallTracing.SetNode(activity, self);
        activity.SetTag("atoll.peer", (long)peer.Value);
        return new RequestSpan(activity, CallTracing.Context(activity, parent));
    }

    private sealed class RequestSpan(Activity activity, ReadOnlyMemory<byte> context) : IRequestSpan
    {
        public ReadOnlyMemory<byte> Context => context;

        public void Answered(in Response response) => CallTracing.Answered(activity, response);

        public void Abandoned(string why) => CallTracing.Failed(activity, "abandoned", why);
    }
}
