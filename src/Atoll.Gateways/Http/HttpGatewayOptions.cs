using Atoll.Foundation.Identity;
using Atoll.Gateways.Security;

namespace Atoll.Gateways.Http;

/// <summary>What the HTTP gateway needs to know.</summary>
public sealed record HttpGatewayOptions
{
    /// <summary>The tokens that clients may come with (<c>Authorization: Bearer</c>).</summary>
    public AccessTokens Tokens { get; init; } = AccessTokens.None;

    /// <summary>The node, for the spans of requests.</summary>
    public NodeId Node { get; init; }

    /// <summary>Clock and timers of streams.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// After how long without an event a stream of events says that it is there: what stands between it and its client mostly cuts
    /// connections that are silent for half a minute or more.
    /// </summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Says why the node cannot serve now, or null when it can.</summary>
    public Func<CancellationToken, ValueTask<string?>> Readiness { get; init; } = static _ => new ValueTask<string?>((string?)null);
}
