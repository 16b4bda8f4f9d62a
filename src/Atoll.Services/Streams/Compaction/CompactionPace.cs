namespace Atoll.Services.Streams.Compaction;

/// <summary>How much of a node compaction may take.</summary>
public sealed record CompactionPace
{
    /// <summary>As nodes do it.</summary>
    public static readonly CompactionPace Default = new();

    /// <summary>Bytes that are read and written in a second at most: a quarter of what a plain disk does.</summary>
    public long BytesPerSecond { get; init; } = 32 * 1024 * 1024;

    /// <summary>How often partitions are looked at.</summary>
    public TimeSpan LookInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Partitions that are looked at each time, in turn: to look at one takes some microseconds of its loop, and of ten thousand each has
    /// its turn within a minute.
    /// </summary>
    public int LooksAtOnce { get; init; } = 200;

    /// <summary>How long a partition is left alone that could not be compacted.</summary>
    public TimeSpan RestAfterFault { get; init; } = TimeSpan.FromMinutes(1);
}
