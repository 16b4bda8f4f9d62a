using Atoll.Gateways.Security;

namespace Atoll.Gateways.Kafka;

/// <summary>The bounds of the Kafka gateway.</summary>
public sealed record KafkaGatewayOptions
{
    /// <summary>The port that clients try when they are told none.</summary>
    public const int DefaultPort = 9092;

    /// <summary>Who may come in: the tokens are passwords, for any name.</summary>
    public AccessTokens Tokens { get; init; } = AccessTokens.None;

    /// <summary>Clock and timers.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// How long the rest of a request may take once it has begun; also how long a client may take nothing of what it is sent.
    /// </summary>
    public TimeSpan FrameTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a client may send nothing while nothing is under way for it: Kafka's brokers wait as long.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The longest request, in bytes: batches of several partitions, each of which has a bound of its own.</summary>
    public int RequestBytesMax { get; init; } = 64 * 1024 * 1024;

    /// <summary>Bytes of all requests of all connections that are read or under way; beyond it no more are read for the moment.</summary>
    public long RequestBytesTotalMax { get; init; } = 256L * 1024 * 1024;

    /// <summary>Requests of one connection that may be under way; beyond it nothing more is read from it until one is done.</summary>
    public int InFlightMax { get; init; } = 64;

    /// <summary>Connections at once.</summary>
    public int ConnectionsMax { get; init; } = 10_000;

    /// <summary>The most bytes of batches in one answer to a fetch, but for its first batch.</summary>
    public int FetchBytesMax { get; init; } = 32 * 1024 * 1024;

    /// <summary>The longest that a fetch waits for news, whatever the client asks for.</summary>
    public TimeSpan FetchWaitMax { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Fetch sessions at once; a client that gets none says with each fetch all that it wants.</summary>
    public int FetchSessionsMax { get; init; } = 1_000;

    /// <summary>The longest that an append waits to be committed, whatever the client asks for.</summary>
    public TimeSpan AppendTimeoutMax { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Whether a topic that a client asks for is created when it says that it may be.</summary>
    public bool CreatesTopics { get; init; } = true;
}
