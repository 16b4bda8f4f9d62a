using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Streams;

/// <summary>The kinds of queries of a partition, as they stand in the first byte.</summary>
public enum PartitionQueryKind : byte
{
    /// <summary>Where the batches from an offset on are: a <see cref="PartitionFetch"/>.</summary>
    Fetch = 0x41,

    /// <summary>The first batch with a timestamp, or an end of the partition: a <see cref="PartitionFind"/>.</summary>
    Find = 0x42,

    /// <summary>Where a leader's epoch ended: the epoch (zigzag varint).</summary>
    EpochEnd = 0x43,

    /// <summary>How far compaction has come: a <see cref="CompactionStatus"/>.</summary>
    Compaction = 0x44,

    /// <summary>Which producers are remembered: <see cref="KnownProducers"/>.</summary>
    Producers = 0x45,
}

/// <summary>Asks where batches are.</summary>
/// <param name="Offset">The first offset that is wanted; it may be within a batch.</param>
/// <param name="BytesMax">The answer ends before the batch that would be over it, but has at least one.</param>
/// <param name="IsCommitted">
/// Whether only records before the last stable offset are wanted, with the transactions among them that were aborted.
/// </param>
public readonly record struct PartitionFetch(long Offset, int BytesMax, bool IsCommitted);

/// <summary>Asks for an offset.</summary>
/// <param name="Timestamp">
/// Milliseconds since 1970: the first batch with this timestamp or a later one; or <see cref="Latest"/>, <see cref="Earliest"/>,
/// <see cref="MaxTimestamp"/>.
/// </param>
/// <param name="IsCommitted">Whether <see cref="Latest"/> is the last stable offset.</param>
public readonly record struct PartitionFind(long Timestamp, bool IsCommitted)
{
    /// <summary>The offset behind the last record.</summary>
    public const long Latest = -1;

    /// <summary>The first offset that there is.</summary>
    public const long Earliest = -2;

    /// <summary>The first batch with the largest timestamp of all.</summary>
    public const long MaxTimestamp = -3;
}

/// <summary>The queries of a partition.</summary>
public static class PartitionQuery
{
    /// <summary>Writes a query.</summary>
    public static void Write(WireWriter writer, in PartitionFetch fetch)
    {
        writer.WriteByte((byte)PartitionQueryKind.Fetch);
        writer.WriteVarint(ZigZag.Encode(fetch.Offset));
        writer.WriteVarint((ulong)fetch.BytesMax);
        writer.WriteBool(fetch.IsCommitted);
    }

    /// <summary>Writes a query.</summary>
    public static void Write(WireWriter writer, in PartitionFind find)
    {
        writer.WriteByte((byte)PartitionQueryKind.Find);
        writer.WriteVarint(ZigZag.Encode(find.Timestamp));
        writer.WriteBool(find.IsCommitted);
    }

    /// <summary>Writes a query.</summary>
    public static void WriteEpochEnd(WireWriter writer, int epoch)
    {
        writer.WriteByte((byte)PartitionQueryKind.EpochEnd);
        writer.WriteVarint(ZigZag.Encode(epoch));
    }

    /// <summary>Writes a query.</summary>
    public static void WriteCompaction(WireWriter writer) => writer.WriteByte((byte)PartitionQueryKind.Compaction);

    /// <summary>Writes a query.</summary>
    public static void WriteProducers(WireWriter writer) => writer.WriteByte((byte)PartitionQueryKind.Producers);

    /// <summary>What the first byte says; anything may follow.</summary>
    public static PartitionQueryKind KindOf(ReadOnlySpan<byte> query) => query.IsEmpty ? default : (PartitionQueryKind)query[0];

    /// <summary>Reads a query; false when the bytes are none.</summary>
    public static bool TryReadFetch(ReadOnlyMemory<byte> query, out PartitionFetch fetch)
    {
        var reader = Begin(query, PartitionQueryKind.Fetch);
        fetch = new PartitionFetch(ZigZag.Decode(reader.ReadVarint()), reader.ReadCount(int.MaxValue), reader.ReadBool());
        return reader.OkAtEnd;
    }

    /// <summary>Reads a query; false when the bytes are none.</summary>
    public static bool TryReadFind(ReadOnlyMemory<byte> query, out PartitionFind find)
    {
        var reader = Begin(query, PartitionQueryKind.Find);
        find = new PartitionFind(ZigZag.Decode(reader.ReadVarint()), reader.ReadBool());
        return reader.OkAtEnd && find.Timestamp >= PartitionFind.MaxTimestamp;
    }

    /// <summary>Reads a query; false when the bytes are none.</summary>
    public static bool TryReadEpochEnd(ReadOnlyMemory<byte> query, out long epoch)
    {
        var reader = Begin(query, PartitionQueryKind.EpochEnd);
        epoch = ZigZag.Decode(reader.ReadVarint());
        return reader.OkAtEnd;
    }

    private static WireReader Begin(ReadOnlyMemory<byte> query, PartitionQueryKind kind)
    {
        var reader = new WireReader(query);
        if (reader.ReadByte() != (byte)kind)
        {
            reader.Fail();
        }

        return reader;
    }
}
