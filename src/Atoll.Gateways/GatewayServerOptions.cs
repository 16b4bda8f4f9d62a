using System.Net;
using System.Security.Cryptography.X509Certificates;
using Atoll.Gateways.Http;
using Atoll.Gateways.Native;

namespace Atoll.Gateways;

/// <summary>Where and how a node's gateways listen.</summary>
public sealed record GatewayServerOptions
{
    /// <summary>Where the native protocol listens; null: nowhere. Port 0 lets the system choose.</summary>
    public IPEndPoint? NativeEndPoint { get; init; }

    /// <summary>Where HTTP listens; null: nowhere. Port 0 lets the system choose.</summary>
    public IPEndPoint? HttpEndPoint { get; init; }

    /// <summary>The certificate for TLS on both; null: plain connections.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>Certificates between that one and its authority.</summary>
    public X509Certificate2Collection? CertificateChain { get; init; }

    /// <summary>The native gateway's options.</summary>
    public NativeGatewayOptions Native { get; init; } = new();

    /// <summary>The HTTP gateway's options.</summary>
    public HttpGatewayOptions Http { get; init; } = new();

    /// <summary>
    /// Handle socket events on the threads that receive them: fewest switches. Good when the process does nothing else on those threads.
    /// </summary>
    public bool InlineScheduling { get; init; }
}
