using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Streams;

/// <summary>The positions of a partition.</summary>
/// <param name="LogStart">The first offset that there is.</param>
/// <param name="LastStable">The first offset that may belong to an open transaction.</param>
/// <param name="HighWatermark">The offset behind the last record.</param>
public readonly record struct PartitionPositions(long LogStart, long LastStable, long HighWatermark)
{
    internal void Write(WireWriter writer)
    {
        writer.WriteVarint((ulong)LogStart);
        writer.WriteVarint((ulong)LastStable);
        writer.WriteVarint((ulong)HighWatermark);
    }

    internal static PartitionPositions Read(ref WireReader reader) =>
        new((long)reader.ReadVarint(), (long)reader.ReadVarint(), (long)reader.ReadVarint());
}

/// <summary>Where batches are.</summary>
/// <param name="Status">Ok, or OffsetOutOfRange, or Invalid.</param>
/// <param name="Positions">The partition's positions.</param>
/// <param name="Batches">The batches, ascending; the first may begin before the offset that was asked for.</param>
/// <param name="Aborted">Aborted transactions with records among them; only for readers of committed ones.</param>
public sealed record FetchPlaces(
    PartitionStatus Status, PartitionPositions Positions, IReadOnlyList<BatchPlace> Batches, IReadOnlyList<AbortedTransaction> Aborted)
{
    private const int PlaceBytesMin = 5;
    private const int AbortedBytesMin = 10;

    /// <summary>Writes it.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Status);
        Positions.Write(writer);
        writer.WriteVarint((ulong)Batches.Count);
        foreach (var place in Batches)
        {
            writer.WriteVarint((ulong)place.BaseOffset);
            place.Write(writer);
        }

        writer.WriteVarint((ulong)Aborted.Count);
        foreach (var aborted in Aborted)
        {
            writer.WriteUInt64((ulong)aborted.ProducerId);
            writer.WriteVarint((ulong)aborted.FirstOffset);
            writer.WriteVarint((ulong)aborted.MarkerOffset);
        }
    }

    /// <summary>Reads it; null when the bytes are none.</summary>
    public static FetchPlaces? TryRead(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var status = (PartitionStatus)reader.ReadByte();
        var positions = PartitionPositions.Read(ref reader);
        var batches = new BatchPlace[reader.ReadCount(reader.Remaining / PlaceBytesMin)];
        for (var i = 0; i < batches.Length && reader.Ok; i++)
        {
            var offset = (long)reader.ReadVarint();
            batches[i] = BatchPlace.Read(ref reader) with { BaseOffset = offset };
        }

        var aborted = new AbortedTransaction[reader.ReadCount(reader.Remaining / AbortedBytesMin)];
        for (var i = 0; i < aborted.Length && reader.Ok; i++)
        {
            aborted[i] = new AbortedTransaction((long)reader.ReadUInt64(), (long)reader.ReadVarint(), (long)reader.ReadVarint());
        }

        return reader.OkAtEnd ? new FetchPlaces(status, positions, batches, aborted) : null;
    }
}

/// <summary>An offset that was asked for.</summary>
/// <param name="Status">Ok, or Invalid.</param>
/// <param name="Offset">The offset; -1 when no record has such a timestamp.</param>
/// <param name="Timestamp">The largest timestamp of the batch there; -1 when none was asked for, or found.</param>
/// <param name="LeaderEpoch">The epoch of the batch, or of the end that was asked for; -1 when there is none.</param>
/// <param name="Batch">
/// The batch, when a timestamp was asked for and found: <see cref="Offset"/> is its first record's, or the log start, and which record of
/// it has the timestamp is for the reader of the batch to find.
/// </param>
public readonly record struct FoundOffset(PartitionStatus Status, long Offset, long Timestamp, int LeaderEpoch, BatchPlace? Batch)
{
    /// <summary>Nothing is there.</summary>
    internal static readonly FoundOffset None = new(PartitionStatus.Ok, -1, -1, -1, null);

    /// <summary>A batch that was looked for by its timestamp.</summary>
    internal static FoundOffset Of(in BatchPlace place, long logStart) => new(
        PartitionStatus.Ok, Math.Max(place.BaseOffset, logStart), place.MaxTimestamp, place.LeaderEpoch, place);

    /// <summary>Writes it.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Status);
        writer.WriteVarint(ZigZag.Encode(Offset));
        writer.WriteVarint(ZigZag.Encode(Timestamp));
        writer.WriteVarint(ZigZag.Encode(LeaderEpoch));
        writer.WriteBool(Batch is not null);
        if (Batch is { } place)
        {
            writer.WriteVarint((ulong)place.BaseOffset);
            place.Write(writer);
        }
    }

    /// <summary>Reads it; false when the bytes are none.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out FoundOffset found)
    {
        var reader = new WireReader(bytes);
        found = new FoundOffset(
            (PartitionStatus)reader.ReadByte(), ZigZag.Decode(reader.ReadVarint()), ZigZag.Decode(reader.ReadVarint()),
            (int)ZigZag.Decode(reader.ReadVarint()), null);
        if (reader.ReadBool())
        {
            var offset = (long)reader.ReadVarint();
            found = found with { Batch = BatchPlace.Read(ref reader) with { BaseOffset = offset } };
        }

        return reader.OkAtEnd;
    }
}
