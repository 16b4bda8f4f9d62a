using Atoll.Foundation.Identity;

namespace Atoll.Node.Requests;

/// <summary>
/// Sees the way of traced requests from node to node. Null where nobody wants to know, as in simulation: what a node does must not
/// depend on it. Only called for requests that carry a trace context, on the loop that holds them.
/// </summary>
public interface IRequestTracer
{
    /// <summary>Another node passed the request on to this one. Null: nobody listens here.</summary>
    /// <param name="request">The request; its trace context is the sender's.</param>
    /// <param name="from">The node that passed it on.</param>
    IRequestSpan? Arrived(Request request, NodeId from);

    /// <summary>This node passes the request on to another one. Null: nobody listens here.</summary>
    /// <param name="request">The request.</param>
    /// <param name="parent">The trace context of what this node does for it.</param>
    /// <param name="to">The node that it goes to.</param>
    /// <param name="shard">The shard that it goes to.</param>
    /// <param name="attempt">Which attempt it is, from 1.</param>
    IRequestSpan? PassedOn(Request request, ReadOnlyMemory<byte> parent, NodeId to, ShardId shard, int attempt);
}

/// <summary>A stretch of a traced request's way, from its begin to exactly one of its two ends.</summary>
public interface IRequestSpan
{
    /// <summary>The trace context for what happens because of it, in the form of <see cref="Request.TraceContext"/>.</summary>
    ReadOnlyMemory<byte> Context { get; }

    /// <summary>It ended with that answer.</summary>
    void Answered(in Response response);

    /// <summary>It ended without an answer.</summary>
    void Abandoned(string why);
}
