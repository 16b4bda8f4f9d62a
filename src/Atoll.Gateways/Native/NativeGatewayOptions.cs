using Atoll.Foundation;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Gateways.Security;
using Atoll.Services.Native;

namespace Atoll.Gateways.Native;

/// <summary>What the native gateway needs to know, and its bounds.</summary>
public sealed record NativeGatewayOptions
{
    /// <summary>The cluster, told to clients in the handshake.</summary>
    public ulong ClusterId { get; init; }

    /// <summary>This node, told to clients in the handshake.</summary>
    public NodeId Node { get; init; }

    /// <summary>The tokens that clients may come with.</summary>
    public AccessTokens Tokens { get; init; } = AccessTokens.None;

    /// <summary>Clock and timers.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>How long a client may take for its hello.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long the rest of a frame may take once it has begun; also how long a client may take nothing of what it is sent.
    /// </summary>
    public TimeSpan FrameTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest frame content.</summary>
    public int FrameBytesMax { get; init; } = NativeProtocol.FrameBytesMax;

    /// <summary>Requests of one connection that may be under way; more are answered "overloaded".</summary>
    public int InFlightMax { get; init; } = Limits.ClientRequestsInFlightMax;

    /// <summary>Connections at once.</summary>
    public int ConnectionsMax { get; init; } = 10_000;

    /// <summary>Bytes of answers that may wait for a client that reads slowly; beyond it nothing more is read from it.</summary>
    public int OutgoingBytesMax { get; init; } = 4 * 1024 * 1024;

    /// <summary>The node's hybrid time, for the handshake.</summary>
    public HybridTime Now => HybridTime.FromUnixMilliseconds(Math.Max(0, Time.GetUtcNow().ToUnixTimeMilliseconds()));
}
