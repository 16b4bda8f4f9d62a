using System.Net;
using Atoll.Client.Hosting;
using Atoll.Client.Remote;
using Atoll.Commands;
using Atoll.Foundation;
using Atoll.Gateways.Cql.Wire;
using Atoll.Gateways.Kafka;
using Atoll.Gateways.Security;
using Atoll.Live.Networks;
using Atoll.Output;

namespace Atoll.Hosting;

/// <summary>What the settings of <c>atoll node</c> mean, checked.</summary>
internal static class NodeConfiguration
{
    /// <summary>Every setting, with what the help says about it.</summary>
    public static readonly IReadOnlyDictionary<string, string> Settings = new SortedDictionary<string, string>(StringComparer.Ordinal)
    {
        ["data"] = "Folder of the node's data. Default: atoll-data",
        ["listen"] = "Host or address to listen on. Default: 127.0.0.1",
        ["advertise"] = "Host by which others reach the node. Default: what it listens on",
        ["port"] = "Port for clients of the native protocol. Default: 4600",
        ["peer-port"] = "Port for other nodes. Default: 4601",
        ["http-port"] = "Port for HTTP; 0: none. Default: 4680",
        ["cql-port"] = "Port for CQL's native protocol; 0: none. As far from port on every node. Default: 9042",
        ["kafka-port"] = "Port for the Kafka protocol; 0: none. As far from port on every node. Default: 9092",
        ["name"] = "The node's name, unique in the cluster. Default: its client address",
        ["region"] = "The region that it stands in",
        ["zone"] = "The zone that fails as one",
        ["loops"] = "Event loops, when the data folder is new. Default: 1",
        ["bootstrap"] = "Found a new cluster when the data folder is new",
        ["join"] = "Client addresses of members to join through, HOST:PORT[,..]",
        ["tls-cert"] = "PEM file: the node's certificate, then those between it and the authority",
        ["tls-key"] = "PEM file: its private key",
        ["tls-ca"] = "PEM file: the authorities of the cluster's nodes",
        ["token-file"] = "File of the tokens that clients may come with, one a line; the first is the node's own",
        ["tokens"] = "The same tokens directly, separated by commas (a file is safer)",
        ["insecure"] = "Allow listening beyond this machine without TLS and tokens",
        ["store-memory"] = "MiB of memory for records, over all loops: blocks read, and writes on their way to the disk. Default: 256",
        ["version-window"] = "For how long versions of records are kept after they were replaced, for backups; at most 24h. Default: 10m",
        ["scrub-rate"] = "KiB that a loop with little to do reads in a second at least, to find damage on its disk. Default: 64",
        ["lease-reads"] = "Serve linearizable reads from the leader's lease; relies on clocks that run about as fast as each other",
        ["key-bytes-max"] = $"Longest key, 1 to {Limits.KeyBytesMax}; the same on every node. Default: {Limits.KeyBytesDefault}",
        ["value-bytes-max"] = $"Longest value, 1 to {Limits.ValueBytesMax}; the same on every node. Default: {Limits.ValueBytesDefault}",
        ["trace-endpoint"] = "Send OpenTelemetry traces there by OTLP. Default: $OTEL_EXPORTER_OTLP_ENDPOINT, or none",
        ["log"] = "Log level: trace, debug, info, warning, error, none. Default: info",
    };

    /// <summary>Which settings are flags.</summary>
    public static readonly IReadOnlySet<string> Flags = new HashSet<string>(StringComparer.Ordinal) { "bootstrap", "insecure",
        "lease-reads" };

    /// <summary>How to start the node.</summary>
    /// <exception cref="CommandException">A setting is wrong, or they do not fit together.</exception>
    public static NodeHostOptions Build(NodeSettings settings)
    {
        var host = settings.Text("listen") ?? "127.0.0.1";
        var advertised = settings.Text("advertise") ?? host;
        var (port, peerPort, httpPort) = (
            settings.Number("port", 4600, 1, 65535), settings.Number("peer-port", 4601, 1, 65535),
                settings.Number("http-port", 4680, 0, 65535));
        var cqlPort = settings.Number("cql-port", CqlProtocol.DefaultPort, 0, 65535);
        var native = EndPoints.Resolve(host, port);
        if (settings.Text("advertise") is null && (native.Address.Equals(IPAddress.Any) || native.Address.Equals(IPAddress.IPv6Any)))
        {
            throw new CommandException($"listening on {host} says nothing about where others reach the node: give advertise, too");
        }

        var tokens = Tokens(settings, out var ownToken);
        var tls = Tls(settings);
        var kafkaPort = settings.Number("kafka-port", KafkaGatewayOptions.DefaultPort, 0, 65535);
        RequireSafety(settings, native.Address, tls is not null, tokens.AreRequired);
        var authority = tls is null ? "" : settings.Text("tls-ca") ?? "";
        var joins = settings.Text("join")?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (joins is not null && settings.Flag("bootstrap"))
        {
            throw new CommandException("a node either founds a cluster (bootstrap) or joins one (join)");
        }

        return new NodeHostOptions
        {
            Node = new EmbeddedNodeOptions
            {
                DataFolder = settings.Text("data") ?? "atoll-data",
                PeerListen = EndPoints.Resolve(host, peerPort).ToString(),
                PeerAddress = EndPoints.Format(advertised, peerPort),
                ClientAddress = EndPoints.Format(advertised, port),
                HttpAddress = httpPort == 0 ? "" : EndPoints.Format(advertised, httpPort),
                Name = settings.Text("name") ?? "",
                Region = settings.Text("region") ?? "",
                Zone = settings.Text("zone") ?? "",
                Loops = settings.Number("loops", 1, 1, Limits.LoopsMax),
                Bootstrap = settings.Flag("bootstrap"),
                Join = joins is null ? null : Join(joins, ownToken, authority),
                PeerTls = tls,
                StoreMemoryBytes = settings.Number("store-memory", 256, 8, 1024 * 1024) * 1024L * 1024,
                VersionWindow = settings.Duration("version-window", TimeSpan.FromMinutes(10), TimeSpan.FromHours(24)),
                ScrubBytesPerSecond = settings.Number("scrub-rate", 64, 1, 1024 * 1024) * 1024L,
                LeaseReads = settings.Flag("lease-reads"),
                KeyBytesMax = settings.Number("key-bytes-max", Limits.KeyBytesDefault, 1, Limits.KeyBytesMax),
                ValueBytesMax = settings.Number("value-bytes-max", Limits.ValueBytesDefault, 1, Limits.ValueBytesMax),
            },
            NativeEndPoint = native,
            HttpEndPoint = httpPort == 0 ? null : EndPoints.Resolve(host, httpPort),
            CqlEndPoint = cqlPort == 0 ? null : EndPoints.Resolve(host, cqlPort),
            CqlAdvertised = cqlPort == 0 ? null : EndPoints.Resolve(advertised, cqlPort),
            KafkaEndPoint = kafkaPort == 0 ? null : EndPoints.Resolve(host, kafkaPort),
            KafkaAdvertised = advertised,
            Certificate = tls is null ? null : () => tls.Certificate, // the same file as towards nodes
            AuthorityFile = authority,
            Tokens = tokens,
            OwnToken = ownToken,
            TraceEndpoint = settings.Text("trace-endpoint") is not { } endpoint ? null
                : Uri.TryCreate(endpoint, UriKind.Absolute, out var uri) ? uri
                : throw new CommandException($"trace-endpoint must be a URL, not \"{endpoint}\""),
        };
    }

    private static RemoteOptions Join(string[] nodes, string token, string authority)
    {
        try
        {
            return new RemoteOptions { Nodes = nodes, Token = token, Tls = ClientOptions.ReadTls(authority),
                ClientName = "joining node" }.Validated();
        }
        catch (ArgumentException error)
        {
            throw new CommandException($"join: {error.Message}");
        }
    }

    private static AccessTokens Tokens(NodeSettings settings, out string own)
    {
        try
        {
            if (settings.Text("token-file") is { } file)
            {
                own = File.ReadLines(file).Select(line => line.Trim()).FirstOrDefault(line => line.Length > 0 && line[0] != '#') ?? "";
                return AccessTokens.FromFile(file);
            }

            var tokens = settings.Text("tokens")?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
            own = tokens.FirstOrDefault() ?? "";
            return AccessTokens.Of(tokens);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandException($"tokens: {error.Message}");
        }
    }

    private static PeerTls? Tls(NodeSettings settings)
    {
        var (cert, key, authority) = (settings.Text("tls-cert"), settings.Text("tls-key"), settings.Text("tls-ca"));
        if (cert is null && key is null && authority is null)
        {
            return null;
        }

        if (cert is null || key is null || authority is null)
        {
            throw new CommandException("TLS needs all of tls-cert, tls-key and tls-ca");
        }

        try
        {
            return PeerTls.Load(cert, key, authority);
        }
        catch (PeerTlsException error)
        {
            throw new CommandException($"TLS: {error.Message}");
        }
    }

    private static void RequireSafety(NodeSettings settings, IPAddress address, bool hasTls, bool hasTokens)
    {
        if (settings.Flag("insecure") || IPAddress.IsLoopback(address) || (hasTls && hasTokens))
        {
            return;
        }

        var missing = (hasTls, hasTokens) switch
        {
            (false, false) => "TLS (--tls-cert, --tls-key, --tls-ca) and access tokens (--token-file)",
            (false, true) => "TLS (--tls-cert, --tls-key, --tls-ca)",
            _ => "access tokens (--token-file)",
        };
        throw new CommandException(
            $"listening on {address} lets other machines in, and {missing} are missing. Give them, or listen on 127.0.0.1, "
            + "or say --insecure when the network itself is trusted");
    }
}
