using Atoll.Foundation.Identity;

namespace Atoll.Services.Streams.Feeds;

/// <summary>What happened to a feed.</summary>
public enum FeedNewsKind
{
    /// <summary>This node copies the shard from here on.</summary>
    Begins = 0,

    /// <summary>A step is in the topic.</summary>
    Copied = 1,

    /// <summary>Changes were no longer kept when they were to be copied: a snapshot begins, and readers are told.</summary>
    Behind = 2,

    /// <summary>It cannot go on for now, and tries again.</summary>
    Waits = 3,

    /// <summary>Something happened that nobody expected; it tries again.</summary>
    Fails = 4,
}

/// <summary>Something that happened to a feed on this node.</summary>
/// <param name="Kind">What.</param>
/// <param name="Feed">The feed's name.</param>
/// <param name="Shard">The shard; none when it is about all.</param>
/// <param name="Detail">Words for people.</param>
public sealed record FeedNews(FeedNewsKind Kind, string Feed, ShardId Shard, string Detail)
{
    /// <summary>Copied: how many records it was.</summary>
    public int Records { get; init; }
}
