using System.Diagnostics;
using Atoll.Foundation.Identity;
using Atoll.Node.Requests;

namespace Atoll.Services.Calls;

/// <summary>
/// Traces of requests (W3C trace context): the spans of calls, of the nodes that serve them, and the trace context that ties them
/// together. Names and attributes follow OpenTelemetry's semantic conventions for remote procedure calls, and attributes of
/// Atoll's own beside them. Nothing is allocated while nobody listens.
/// </summary>
public static class CallTracing
{
    /// <summary>The source's name, to be given to a tracer provider.</summary>
    public const string SourceName = "Atoll";

    private const int ContextBytes = 24;

    /// <summary>The source of all of Atoll's spans.</summary>
    public static readonly ActivitySource Source = new(SourceName);

    /// <summary>
    /// The trace context for what happens because of a span; the one given when there is no span, or it is not recorded.
    /// </summary>
    public static ReadOnlyMemory<byte> Context(Activity? activity, ReadOnlyMemory<byte> given)
    {
        if (activity is not { IdFormat: ActivityIdFormat.W3C, Recorded: true })
        {
            return given;
        }

        var bytes = new byte[ContextBytes];
        activity.TraceId.CopyTo(bytes.AsSpan(0, 16)); // the span given must be as long as the id, or this throws
        activity.SpanId.CopyTo(bytes.AsSpan(16));
        return bytes;
    }

    /// <summary>
    /// Begins a span that ends on whatever thread the answer comes to: so it never is the current one of this thread.
    /// </summary>
    /// <param name="name">The span's name; null: what is asked.</param>
    /// <param name="kind">Client where a request leaves, server where it arrives.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="parent">The trace context of what it belongs to; empty: the current span, if any.</param>
    /// <returns>The span; null when nobody listens.</returns>
    public static Activity? Start(string? name, ActivityKind kind, Request request, ReadOnlyMemory<byte> parent)
    {
        if (!Source.HasListeners())
        {
            return null;
        }

        var current = Activity.Current;
        var activity = Source.StartActivity(name ?? NameOf(request.Kind), kind, Parent(parent));
        if (activity is null)
        {
            return null;
        }

        SetCurrent(current);
        activity.SetTag("rpc.system.name", "atoll");
        activity.SetTag("rpc.method", MethodOf(request.Kind));
        if (request.Space != SpaceId.None)
        {
            activity.SetTag("atoll.space", (long)request.Space.Value);
        }

        return activity;
    }

    /// <summary>Says on which node a span is.</summary>
    public static void SetNode(Activity? activity, NodeId node) => activity?.SetTag("atoll.node", (long)node.Value);

    /// <summary>Says which shard a span is about.</summary>
    public static void SetShard(Activity activity, ShardId shard)
    {
        if (shard != ShardId.None)
        {
            activity.SetTag("atoll.shard", (long)shard.Value);
        }
    }

    /// <summary>Ends a span with the answer to its request.</summary>
    public static void Answered(Activity activity, in Response response)
    {
        var status = response.Status.ToString();
        SetShard(activity, response.Shard);
        activity.SetTag("rpc.response.status_code", status);
        if (activity.Kind == ActivityKind.Server ? IsFaultOfServer(response.Status) : response.Status != ResponseStatus.Ok)
        {
            activity.SetTag("error.type", status);
            activity.SetStatus(ActivityStatusCode.Error, response.Detail);
        }

        Stop(activity);
    }

    /// <summary>Ends a span without an answer to its request.</summary>
    public static void Failed(Activity activity, string errorType, string why)
    {
        activity.SetTag("error.type", errorType);
        activity.SetStatus(ActivityStatusCode.Error, why);
        Stop(activity);
    }

    /// <summary>Ends a span, and leaves the current span of this thread as it is.</summary>
    public static void Stop(Activity activity)
    {
        // Else the span's parent would become current here: on a thread that it has nothing to do with.
        var current = Activity.Current;
        activity.Dispose();
        SetCurrent(current);
    }

    private static ActivityContext Parent(ReadOnlyMemory<byte> traceContext) =>
        traceContext.Length != ContextBytes
            ? default
            : new ActivityContext(
                ActivityTraceId.CreateFromBytes(traceContext.Span[..16]),
                ActivitySpanId.CreateFromBytes(traceContext.Span[16..]),
                ActivityTraceFlags.Recorded,
                isRemote: true);

    private static void SetCurrent(Activity? activity) => Activity.Current = activity is { IsStopped: false } ? activity : null;

    // On a server's span an error is what the server did wrong; what it rightly refuses is none (as with gRPC's status codes).
    private static bool IsFaultOfServer(ResponseStatus status) => status
        is ResponseStatus.Unavailable or ResponseStatus.DiskFull or ResponseStatus.OutcomeUnknown or ResponseStatus.Unsupported
        or ResponseStatus.Faulted;

    private static string MethodOf(RequestKind kind) => kind switch
    {
        RequestKind.Write => "write",
        RequestKind.Read => "read",
        RequestKind.DirectoryView => "directory",
        RequestKind.Status => "status",
        RequestKind.TransferLeadership => "transfer",
        RequestKind.ReadIndex => "readIndex",
        _ => "_OTHER",
    };

    private static string NameOf(RequestKind kind) => kind switch
    {
        RequestKind.Write => "atoll write",
        RequestKind.Read => "atoll read",
        RequestKind.DirectoryView => "atoll directory",
        RequestKind.Status => "atoll status",
        RequestKind.TransferLeadership => "atoll transfer",
        _ => "atoll request",
    };
}
