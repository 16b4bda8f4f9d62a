using System.Net;
using Atoll.Foundation;
using Atoll.Gateways.Cql.Security;

namespace Atoll.Gateways.Cql;

/// <summary>What the CQL gateway needs to know, and its bounds.</summary>
public sealed record CqlGatewayOptions
{
    /// <summary>Who may come in.</summary>
    public ICqlAuthenticator Authenticator { get; init; } = OpenAuthenticator.Instance;

    /// <summary>Where clients reach this node, for traces.</summary>
    public IPEndPoint Coordinator { get; init; } = new(IPAddress.Loopback, Wire.CqlProtocol.DefaultPort);

    /// <summary>Clock and timers.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>How long a client may take until it may send statements.</summary>
    public TimeSpan StartupTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long the rest of a frame may take once it has begun; also how long a client may take nothing of what it is sent.
    /// </summary>
    public TimeSpan FrameTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a client may send nothing while nothing is under way for it. Drivers send a heartbeat every half minute; who waits for
    /// events may wait as long as it likes.
    /// </summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>
    /// The longest body of a request, in bytes, before and after compression: a mutation of the longest, and what is around it.
    /// </summary>
    public int BodyBytesMax { get; init; } = 16 * 1024 * 1024;

    /// <summary>Statements of one connection that may be under way; beyond it nothing more is read from it until one is done.</summary>
    public int InFlightMax { get; init; } = Limits.ClientRequestsInFlightMax;

    /// <summary>Connections at once.</summary>
    public int ConnectionsMax { get; init; } = 10_000;

    /// <summary>Bytes of answers that may wait for a client that reads slowly; beyond it nothing more is read from it.</summary>
    public int OutgoingBytesMax { get; init; } = 4 * 1024 * 1024;

    /// <summary>Prepared statements that are kept for all connections; the one used least recently makes room for another.</summary>
    public int PreparedStatementsMax { get; init; } = 10_000;
}
