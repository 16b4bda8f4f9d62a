using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>Every timeout, bound and pace of anti-entropy, in one table.</summary>
public sealed record SyncOptions
{
    /// <summary>Levels of a range's tree below its root: 1024 leaves take 32 KiB.</summary>
    public int TreeDepth { get; init; } = 10;

    /// <summary>Hashes in one message.</summary>
    public int HashesPerMessage { get; init; } = 256;

    /// <summary>Partitions listed at a time.</summary>
    public int PartitionsPerPage { get; init; } = 256;

    /// <summary>Partitions that one exchange sends in a second, each way.</summary>
    public int PartitionsPerSecond { get; init; } = 2000;

    /// <summary>Silence after which the step at hand is asked again.</summary>
    public Duration ResendAfter { get; init; } = Duration.FromSeconds(2);

    /// <summary>Silence after which an exchange is given up.</summary>
    public Duration GiveUpAfter { get; init; } = Duration.FromSeconds(20);

    /// <summary>How long two replicas leave a range alone after they have compared it. It bounds how long replicas differ.</summary>
    public Duration Interval { get; init; } = Duration.FromSeconds(60);

    /// <summary>The first wait after an exchange that failed; it doubles up to <see cref="Interval"/>.</summary>
    public Duration RetryAfter { get; init; } = Duration.FromSeconds(2);

    /// <summary>Exchanges that a node conducts at once.</summary>
    public int ExchangesMax { get; init; } = 2;

    /// <summary>Says what is wrong with the table, or null when nothing is.</summary>
    public string? Validate() =>
        TreeDepth < 0 || TreeDepth > MerkleTree.DepthMax ? "TreeDepth must be between 0 and 16."
        : HashesPerMessage < 1 || HashesPerMessage > SyncMessageCodec.NodesMax ? "HashesPerMessage must be between 1 and 4096."
        : PartitionsPerPage < 1 || PartitionsPerPage > SyncMessageCodec.PartitionsMax ? "PartitionsPerPage must be between 1 and 4096."
        : PartitionsPerSecond < 1 || ExchangesMax < 1 ? "PartitionsPerSecond and ExchangesMax must be positive."
        : ResendAfter <= Duration.Zero || GiveUpAfter < ResendAfter ? "ResendAfter must be positive, and GiveUpAfter at least as long."
        : RetryAfter <= Duration.Zero || Interval < RetryAfter ? "RetryAfter must be positive, and Interval at least as long."
        : null;
}
