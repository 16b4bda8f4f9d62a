using System.Diagnostics;
using Atoll.Node.Requests;

namespace Atoll.Services.Calls;

/// <summary>
/// Traces of calls (W3C trace context): a span for each call when somebody listens, and its context in the request, so that spans
/// on nodes can be tied to it.
/// </summary>
public static class CallTracing
{
    /// <summary>The source's name, to be given to a tracer provider.</summary>
    public const string SourceName = "Atoll";

    private const int ContextBytes = 24;

    /// <summary>The source of all of Atoll's spans.</summary>
    public static readonly ActivitySource Source = new(SourceName);

    /// <summary>The trace context of a request as a parent for spans; default when it has none.</summary>
    public static ActivityContext Parent(ReadOnlyMemory<byte> traceContext) =>
        traceContext.Length != ContextBytes
            ? default
            : new ActivityContext(
                ActivityTraceId.CreateFromBytes(traceContext.Span[..16]),
                ActivitySpanId.CreateFromBytes(traceContext.Span[16..]),
                ActivityTraceFlags.Recorded,
                isRemote: true);

    internal static Activity? Start(Request request)
    {
        if (!Source.HasListeners())
        {
            return null;
        }

        var activity = Source.StartActivity(NameOf(request.Kind), ActivityKind.Client);
        activity?.SetTag("atoll.space", request.Space.Value);
        return activity;
    }

    internal static ReadOnlyMemory<byte> Context(Activity? activity, ReadOnlyMemory<byte> given)
    {
        if (activity is not { IdFormat: ActivityIdFormat.W3C, Recorded: true })
        {
            return given;
        }

        var bytes = new byte[ContextBytes];
        activity.TraceId.CopyTo(bytes);
        activity.SpanId.CopyTo(bytes.AsSpan(16));
        return bytes;
    }

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
