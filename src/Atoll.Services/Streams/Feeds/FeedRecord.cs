using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;

namespace Atoll.Services.Streams.Feeds;

/// <summary>What a record of a feed tells.</summary>
internal enum FeedOperation
{
    /// <summary>A record was written; of a table: a row, or some of its columns expired.</summary>
    Put = ChangeKind.Put,

    /// <summary>A record was deleted.</summary>
    Delete = ChangeKind.Delete,

    /// <summary>A record's time to live ended.</summary>
    Expire = ChangeKind.Expire,

    /// <summary>All rows of the shard were deleted at once: it has no key, and is told to every partition.</summary>
    Truncate = ChangeKind.Truncate,

    /// <summary>A record is there: it may have been written long ago.</summary>
    Snapshot,
}

/// <summary>A change, or a record that a snapshot found.</summary>
/// <param name="Operation">What is told.</param>
/// <param name="Key">The record's key.</param>
/// <param name="Value">Its value; null when it has none any more.</param>
/// <param name="Version">Its version.</param>
internal readonly record struct FeedRecord(
    FeedOperation Operation, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte>? Value, HybridTime Version)
{
    /// <summary>What chooses the topic's partition: records that have it in common stay in order.</summary>
    public ReadOnlyMemory<byte> PartitionedBy { get; init; } = Key;
}

/// <summary>What comes next into the topic, and where the feed is behind it.</summary>
/// <param name="Records">The records, those of a key in the order of their versions.</param>
/// <param name="Next">Where the feed is then.</param>
internal sealed record FeedStep(IReadOnlyList<FeedRecord> Records, FeedPosition Next)
{
    /// <summary>Whether more is there already.</summary>
    public bool More { get; init; }

    /// <summary>Whether changes were found to be no longer kept; then there are no records.</summary>
    public bool IsLoss { get; init; }

    /// <summary>Whether the snapshot begins with it.</summary>
    public bool BeginsSnapshot { get; init; }

    /// <summary>Whether the snapshot ends with it.</summary>
    public bool EndsSnapshot { get; init; }
}
