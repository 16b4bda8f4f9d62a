using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Live.Networks;

/// <summary>Who a node is to the others, and how patient it is with them.</summary>
public sealed record PeerTransportOptions
{
    /// <summary>The cluster that the node belongs to; connections of other clusters are refused.</summary>
    public required ulong ClusterId { get; init; }

    /// <summary>The node itself.</summary>
    public required NodeId Self { get; init; }

    /// <summary>Where to listen: "host:port", "[::1]:port"; port 0 lets the system choose.</summary>
    public required string Listen { get; init; }

    /// <summary>Certificates, or null for plain connections.</summary>
    public PeerTls? Tls { get; init; }

    /// <summary>The lowest protocol version spoken. One version apart can talk, for rolling upgrades.</summary>
    public ushort ProtocolVersionMin { get; init; } = 1;

    /// <summary>The highest protocol version spoken.</summary>
    public ushort ProtocolVersionMax { get; init; } = 1;

    /// <summary>A connection that is silent this long says "I am here", both ways.</summary>
    public Duration KeepAliveInterval { get; init; } = Duration.FromMilliseconds(500);

    /// <summary>
    /// A connection on which nothing was heard for this long is given up: five keep-alives, so that a pause of a second or two does
    /// not cost a connection.
    /// </summary>
    public Duration SilenceTimeout { get; init; } = Duration.FromMilliseconds(2_500);

    /// <summary>From the connection's start to the end of both greetings; who is slower is a stranger or stuck.</summary>
    public Duration GreetingTimeout { get; init; } = Duration.FromSeconds(2);

    /// <summary>The pause after a failed dial; it doubles up to <see cref="RedialPauseMax"/>, give or take a half at random.</summary>
    public Duration RedialPauseMin { get; init; } = Duration.FromMilliseconds(50);

    /// <summary>The longest pause between dials: a node that comes back is noticed within about this time.</summary>
    public Duration RedialPauseMax { get; init; } = Duration.FromSeconds(1);
}
