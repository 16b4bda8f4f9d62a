using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Streams;

/// <summary>What an operator may choose for a partition. It is part of the state, so that all replicas cut and keep alike.</summary>
/// <param name="RetentionMilliseconds">How long records are kept after their timestamps; -1: for ever.</param>
/// <param name="RetentionBytes">Segments beyond so many bytes go, the oldest first; -1: none.</param>
/// <param name="SegmentBytes">A segment ends when it has so many.</param>
/// <param name="SegmentMilliseconds">A segment ends when it is so old and something is appended.</param>
public sealed record PartitionSettings(long RetentionMilliseconds, long RetentionBytes, long SegmentBytes, long SegmentMilliseconds)
{
    /// <summary>Batches of one segment: bounds the walk that looks for a timestamp in one.</summary>
    public const int SegmentBatchesMax = 64 * 1024;

    /// <summary>A week, any number of bytes, segments of 64 MiB or an hour.</summary>
    public static readonly PartitionSettings Default = new(7L * 24 * 60 * 60 * 1000, -1, 64L * 1024 * 1024, 60L * 60 * 1000);

    /// <summary>Whether each is possible.</summary>
    public bool IsValid => RetentionMilliseconds >= -1 && RetentionBytes >= -1 && SegmentBytes > 0 && SegmentMilliseconds > 0;

    internal void Write(WireWriter writer)
    {
        writer.WriteVarint(ZigZag.Encode(RetentionMilliseconds));
        writer.WriteVarint(ZigZag.Encode(RetentionBytes));
        writer.WriteVarint(ZigZag.Encode(SegmentBytes));
        writer.WriteVarint(ZigZag.Encode(SegmentMilliseconds));
    }

    internal static PartitionSettings Read(ref WireReader reader)
    {
        var settings = new PartitionSettings(
            ZigZag.Decode(reader.ReadVarint()), ZigZag.Decode(reader.ReadVarint()),
            ZigZag.Decode(reader.ReadVarint()), ZigZag.Decode(reader.ReadVarint()));
        if (!settings.IsValid)
        {
            reader.Fail();
        }

        return settings;
    }
}
