using Atoll.Foundation.Identity;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Streams;

namespace Atoll.Gateways.Kafka.Fetches;

/// <summary>A partition that a client fetches from.</summary>
/// <param name="TopicName">The topic's name; empty where the client names it by its identity.</param>
/// <param name="TopicId">The topic's identity; empty where the client names it by its name.</param>
/// <param name="Index">The partition's number.</param>
public readonly record struct FetchKey(string TopicName, Guid TopicId, int Index);

/// <summary>What a client wants of a partition.</summary>
/// <param name="Key">The partition.</param>
/// <param name="Offset">From which offset on.</param>
/// <param name="BytesMax">At most so many bytes, or one batch.</param>
public sealed record FetchWish(FetchKey Key, long Offset, int BytesMax);

/// <summary>What a client gets of a partition.</summary>
/// <param name="Key">The partition.</param>
/// <param name="Error">Why it gets nothing.</param>
/// <param name="HighWatermark">The offset behind the last record; -1 when it is not known.</param>
/// <param name="LastStable">The first offset that may belong to an open transaction; -1 when it is not known.</param>
/// <param name="LogStart">The first offset that there is; -1 when it is not known.</param>
/// <param name="Aborted">Aborted transactions among the records; null for readers of all of them.</param>
/// <param name="Records">The batches.</param>
/// <param name="Leader">Who leads, with an error that says that it is not this node.</param>
/// <param name="Nearest">A replica that is nearer to the client, which gets the records there (KIP-392).</param>
public sealed record FetchOutcome(
    FetchKey Key, KafkaError Error, long HighWatermark = -1, long LastStable = -1, long LogStart = -1,
    IReadOnlyList<FetchResponse.AbortedTransaction>? Aborted = null, ReadOnlyMemory<byte> Records = default,
    PartitionLeader? Leader = null, NodeId? Nearest = null)
{
    /// <summary>Whether the client learns something by it, so that it is not to wait for more.</summary>
    public bool IsNews => Error != KafkaError.None || Records.Length > 0 || Nearest is not null;
}
