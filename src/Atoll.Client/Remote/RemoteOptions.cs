using System.Globalization;
using System.Net.Security;
using Atoll.Foundation;
using Atoll.Services.Native;

namespace Atoll.Client.Remote;

/// <summary>How to reach a cluster.</summary>
public sealed record RemoteOptions
{
    /// <summary>
    /// Addresses ("host:port" or "host") of some nodes; the others are learnt from the directory. One that answers is enough.
    /// </summary>
    public IReadOnlyList<string> Nodes { get; init; } = ["127.0.0.1:4600"];

    /// <summary>The access token, or empty.</summary>
    public string Token { get; init; } = "";

    /// <summary>What this client calls itself in the nodes' logs.</summary>
    public string ClientName { get; init; } = "atoll-client";

    /// <summary>Whether connections use TLS; null: no. The options' target host is filled in when empty.</summary>
    public SslClientAuthenticationOptions? Tls { get; init; }

    /// <summary>How long connecting and the handshake may take together.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>The wait before a failed connection is tried again; doubled up to <see cref="ReconnectMax"/>.</summary>
    public TimeSpan ReconnectBase { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest wait between two tries to connect.</summary>
    public TimeSpan ReconnectMax { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A connection with requests under way that has been silent for so long is pinged.</summary>
    public TimeSpan PingAfter { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// A node that leaves a ping unanswered for so long is taken for paused or cut off: its requests are tried at other nodes (each
    /// with its identity, so that none takes effect twice), and new ones go there until it is heard again. Nodes answer pings whatever
    /// their load.
    /// </summary>
    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromMilliseconds(750);

    /// <summary>A connection whose ping has been unanswered for so long is closed.</summary>
    public TimeSpan GiveUpAfter { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Requests that may be under way on one connection.</summary>
    public int InFlightMax { get; init; } = Limits.ClientRequestsInFlightMax;

    /// <summary>Whether nodes are used that only the directory named; false keeps to <see cref="Nodes"/> (through a tunnel, say).</summary>
    public bool Discover { get; init; } = true;

    /// <summary>Clock and timers.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Checks that the options make sense.</summary>
    /// <exception cref="ArgumentException">They do not; the message says what is wrong.</exception>
    public RemoteOptions Validated()
    {
        if (Nodes.Count == 0)
        {
            throw new ArgumentException("at least one node address is needed", nameof(Nodes));
        }

        foreach (var node in Nodes)
        {
            _ = ParseAddress(node);
        }

        if (PingAfter <= TimeSpan.Zero || PingTimeout <= TimeSpan.Zero || GiveUpAfter < PingTimeout)
        {
            throw new ArgumentException(
                $"{nameof(PingAfter)} and {nameof(PingTimeout)} must be above zero, {nameof(GiveUpAfter)} not below");
        }

        if (InFlightMax is < 1 or > NodeLink.SlotsMax)
        {
            throw new ArgumentException($"requests in flight must be 1 to {NodeLink.SlotsMax}", nameof(InFlightMax));
        }

        return this;
    }

    /// <summary>Splits "host:port", "host" or "[v6]:port".</summary>
    /// <exception cref="ArgumentException">It is none of these.</exception>
    public static (string Host, int Port) ParseAddress(string address)
    {
        var text = address.Trim();
        var bracket = text.StartsWith('[') ? text.IndexOf(']', StringComparison.Ordinal) : -1;
        var colon = text.LastIndexOf(':');
        var bareV6 = bracket < 0 && text.Count(c => c == ':') > 1;
        var host = bracket > 0 ? text[1..bracket] : colon < 0 || bareV6 ? text : text[..colon];
        var port = NativeProtocol.DefaultPort;
        var hasPort = colon > bracket && !bareV6 && (bracket < 0 || colon == bracket + 1);
        if (host.Length == 0
            || (bracket > 0 && !hasPort && bracket != text.Length - 1)
            || (hasPort && (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port)
                || port is < 1 or > 65535)))
        {
            throw new ArgumentException($"\"{address}\" is not a node address; it must look like host:port");
        }

        return (host, port);
    }
}
