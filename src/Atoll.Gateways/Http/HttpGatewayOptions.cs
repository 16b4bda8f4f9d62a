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

    /// <summary>Says why the node cannot serve now, or null when it can.</summary>
    public Func<CancellationToken, ValueTask<string?>> Readiness { get; init; } = static _ => new ValueTask<string?>((string?)null);
}
