namespace Atoll.Services.Streams.Groups;

/// <summary>How a member reads.</summary>
public sealed record GroupReaderOptions
{
    /// <summary>What it calls itself.</summary>
    public string ClientId { get; init; } = "atoll";

    /// <summary>Where it is.</summary>
    public string ClientHost { get; init; } = "";

    /// <summary>Where partitions are read from of which the group has committed nothing.</summary>
    public PlaceInPartition From { get; init; } = PlaceInPartition.Earliest;

    /// <summary>How many bytes of a partition are fetched at once, unless a single batch has more.</summary>
    public int FetchBytes { get; init; } = TopicReader.FetchBytesDefault;

    /// <summary>How long it may be silent before others get its partitions.</summary>
    public TimeSpan Session { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Clock and timers.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
