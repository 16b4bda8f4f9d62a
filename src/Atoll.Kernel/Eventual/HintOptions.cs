using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>Every bound and pace of the hints that a node keeps for others, in one table.</summary>
public sealed record HintOptions
{
    /// <summary>Bytes of hints for one absent node; beyond it, anti-entropy is cheaper.</summary>
    public long BytesPerPeerMax { get; init; } = 256L * 1024 * 1024;

    /// <summary>Bytes of hints for all absent nodes.</summary>
    public long BytesMax { get; init; } = 1024L * 1024 * 1024;

    /// <summary>Bytes that are handed to one node in a second: its ordinary work comes first.</summary>
    public long BytesPerSecond { get; init; } = 8L * 1024 * 1024;

    /// <summary>Hints under way to one node; fewer while it refuses some of them.</summary>
    public int InFlightMax { get; init; } = 32;

    /// <summary>Silence after which a hint is sent again.</summary>
    public Duration ResendAfter { get; init; } = Duration.FromSeconds(5);

    /// <summary>How long a node that refuses a hint is left alone; it doubles while it takes none.</summary>
    public Duration PauseAfterRefusal { get; init; } = Duration.FromMilliseconds(100);

    /// <summary>The longest that a node that refuses hints is left alone.</summary>
    public Duration PauseMax { get; init; } = Duration.FromSeconds(10);

    /// <summary>Says what is wrong with the table, or null when nothing is.</summary>
    public string? Validate() =>
        BytesPerPeerMax < 1 || BytesMax < BytesPerPeerMax ? "BytesPerPeerMax must be positive, and BytesMax at least as much."
        : BytesPerSecond < 1 || InFlightMax < 1 ? "BytesPerSecond and InFlightMax must be positive."
        : ResendAfter <= Duration.Zero || PauseAfterRefusal <= Duration.Zero ? "ResendAfter and PauseAfterRefusal must be positive."
        : PauseMax < PauseAfterRefusal ? "PauseMax must be at least PauseAfterRefusal."
        : null;
}
