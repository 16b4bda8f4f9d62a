using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Requests;

namespace Atoll.Node.Requests;

/// <summary>
/// One thing asked of the cluster: by a client over its connection, by a service in the same process, or by another node that passes
/// it on. Immutable; the same object may be sent again.
/// </summary>
public sealed record Request
{
    /// <summary>What is asked for.</summary>
    public required RequestKind Kind { get; init; }

    /// <summary>The space, when the shard is to be found by hash.</summary>
    public SpaceId Space { get; init; }

    /// <summary>The shard, when the sender knows it; <see cref="ShardId.None"/> routes by space and hash.</summary>
    public ShardId Shard { get; init; }

    /// <summary><c>StableHash</c> of the key, for routing by hash. The replica checks it against the key itself.</summary>
    public ulong RoutingHash { get; init; }

    /// <summary>Who asks, and which of its requests this is: what makes a retry safe. None: a retry may apply twice.</summary>
    public RequestIdentity Identity { get; init; }

    /// <summary>How long the sender will wait, from when the receiver sees the request.</summary>
    public Duration Timeout { get; init; } = Duration.FromSeconds(10);

    /// <summary>How fresh a read must be.</summary>
    public ReadLevel Level { get; init; }

    /// <summary>
    /// Whether its sender may send a write again that may have taken effect. Not where the second would be judged as a request of its own:
    /// an eventual space remembers no requests, and finds that a condition does not hold which the first has made false. Not sent.
    /// </summary>
    public bool IsRepeatable { get; init; } = true;

    /// <summary>For eventual spaces: how many replicas must take part; null for <see cref="RequestConsistency.Quorum"/>.</summary>
    public RequestConsistency? Consistency { get; init; }

    /// <summary>For <see cref="ReadLevel.Session"/>: the least state time that the shard must have applied.</summary>
    public HybridTime MinVersion { get; init; }

    /// <summary>For <see cref="ReadLevel.Bounded"/>: the staleness that is still good enough.</summary>
    public Duration MaxStaleness { get; init; }

    /// <summary>How often it was passed from node to node; bounded, so that two stale views cannot play ping-pong.</summary>
    public byte Hops { get; init; }

    /// <summary>
    /// For reads that wait for news (a watch): how long the replica may hold the query while its answer would be empty. Zero
    /// answers at once.
    /// </summary>
    public Duration Linger { get; init; }

    /// <summary>The command or query, in the state machine's encoding.</summary>
    public ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>
    /// Of a write of the loop's own: the payload of its log entry as it will be, but for the stamp (<c>CommandEnvelope.PutStamp</c>), so
    /// that nobody copies it again; <see cref="Payload"/> is its end. Proposed at most once. Not sent.
    /// </summary>
    public Memory<byte> Envelope { get; init; }

    /// <summary>The trace that this request belongs to (W3C trace context: 16-byte trace id and 8-byte span id), or empty.</summary>
    public ReadOnlyMemory<byte> TraceContext { get; init; }
}

/// <summary>The end of a request.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Body">The state machine's result; empty unless Ok.</param>
/// <param name="LeaderHint">With <see cref="ResponseStatus.NotLeader"/>, and with Ok: who leads the shard, if known.</param>
/// <param name="RetryAfter">With <see cref="ResponseStatus.Overloaded"/>: how long to wait before trying again.</param>
/// <param name="AppliedVersion">The state time that the answer reflects, for session reads.</param>
/// <param name="Shard">The shard that answered.</param>
/// <param name="Detail">What went wrong, for people.</param>
public readonly record struct Response(
    ResponseStatus Status,
    ReadOnlyMemory<byte> Body = default,
    NodeId LeaderHint = default,
    Duration RetryAfter = default,
    HybridTime AppliedVersion = default,
    ShardId Shard = default,
    string? Detail = null)
{
    /// <summary>
    /// For eventual spaces: how far the request came. With it, Unavailable means that a write had no effect, and OutcomeUnknown that it is
    /// seen in the end wherever one replica took it.
    /// </summary>
    public QuorumShortfall? Shortfall { get; init; }
}

/// <summary>Takes the end of a request.</summary>
public interface IResponseSink
{
    /// <summary>
    /// Called exactly once for each request submitted, on whatever thread ended it (in Live, the loop's: return quickly).
    /// The response's body is immutable and may be kept.
    /// </summary>
    void Complete(Request request, in Response response);
}

/// <summary>A way into the cluster: the node in this process, or a connection to one.</summary>
public interface IRequestPort
{
    /// <summary>
    /// Submits a request; never blocks. An overloaded port completes the request at once with
    /// <see cref="ResponseStatus.Overloaded"/>. Safe to call from any thread, except in simulation, which has one.
    /// </summary>
    void Submit(Request request, IResponseSink sink);
}
