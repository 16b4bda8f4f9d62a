using System.Net;
using System.Net.Security;
using Atoll.Client.Hosting;
using Atoll.Gateways.Security;

namespace Atoll.Hosting;

/// <summary>A node of the program: the node itself and its doors.</summary>
internal sealed record NodeHostOptions
{
    public required EmbeddedNodeOptions Node { get; init; }

    public IPEndPoint? NativeEndPoint { get; init; }

    public IPEndPoint? HttpEndPoint { get; init; }

    /// <summary>Where CQL listens; null: nowhere.</summary>
    public IPEndPoint? CqlEndPoint { get; init; }

    /// <summary>Where drivers reach it; null: where it listens.</summary>
    public IPEndPoint? CqlAdvertised { get; init; }

    /// <summary>Where the Kafka protocol listens; null: nowhere.</summary>
    public IPEndPoint? KafkaEndPoint { get; init; }

    /// <summary>The host by which its clients reach it; null: the address that it listens on.</summary>
    public string? KafkaAdvertised { get; init; }

    /// <summary>The certificate towards clients; null: plain connections.</summary>
    public Func<SslStreamCertificateContext>? Certificate { get; init; }

    /// <summary>PEM file of the authorities that other nodes' client endpoints have certificates of; empty without TLS.</summary>
    public string AuthorityFile { get; init; } = "";

    public AccessTokens Tokens { get; init; } = AccessTokens.None;

    /// <summary>The token that this node itself uses towards other nodes' client endpoints (for the status of the whole cluster).</summary>
    public string OwnToken { get; init; } = "";

    public Uri? TraceEndpoint { get; init; }

    public bool InlineScheduling { get; init; }
}
