using System.Net;
using System.Net.Security;
using Atoll.Gateways.Cql;
using Atoll.Gateways.Http;
using Atoll.Gateways.Kafka;
using Atoll.Gateways.Native;

namespace Atoll.Gateways;

/// <summary>Where and how a node's gateways listen.</summary>
public sealed record GatewayServerOptions
{
    /// <summary>Where the native protocol listens; null: nowhere. Port 0 lets the system choose.</summary>
    public IPEndPoint? NativeEndPoint { get; init; }

    /// <summary>Where HTTP listens; null: nowhere. Port 0 lets the system choose.</summary>
    public IPEndPoint? HttpEndPoint { get; init; }

    /// <summary>Where CQL's native protocol listens; null: nowhere. Port 0 lets the system choose.</summary>
    public IPEndPoint? CqlEndPoint { get; init; }

    /// <summary>Where the Kafka protocol listens; null: nowhere. Port 0 lets the system choose.</summary>
    public IPEndPoint? KafkaEndPoint { get; init; }

    /// <summary>Gives the certificate for TLS on all, for each connection anew; null: plain connections.</summary>
    public Func<SslStreamCertificateContext>? Certificate { get; init; }

    /// <summary>The native gateway's options.</summary>
    public NativeGatewayOptions Native { get; init; } = new();

    /// <summary>The HTTP gateway's options.</summary>
    public HttpGatewayOptions Http { get; init; } = new();

    /// <summary>What CQL is served from; null: CQL is not served.</summary>
    public CqlSources? CqlSources { get; init; }

    /// <summary>The CQL gateway's options.</summary>
    public CqlGatewayOptions Cql { get; init; } = new();

    /// <summary>What the Kafka protocol is served from; null: it is not served.</summary>
    public KafkaSources? KafkaSources { get; init; }

    /// <summary>The Kafka gateway's options.</summary>
    public KafkaGatewayOptions Kafka { get; init; } = new();

    /// <summary>
    /// Handle socket events on the threads that receive them: fewest switches. Good when the process does nothing else on those threads.
    /// </summary>
    public bool InlineScheduling { get; init; }
}
