using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Streams;

/// <summary>A producer that a partition remembers.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Epoch">Its epoch.</param>
/// <param name="LastSequence">Its number of the last record that it appended in this epoch; -1 when there is none.</param>
/// <param name="LastActiveMs">When it was heard of last, in milliseconds of the partition's time since 1970.</param>
/// <param name="TransactionStart">The first offset of its open transaction; -1 when none is open.</param>
public readonly record struct KnownProducer(long Id, short Epoch, int LastSequence, long LastActiveMs, long TransactionStart);

/// <summary>The producers that a partition remembers.</summary>
/// <param name="Status">Ok, or Invalid.</param>
/// <param name="Producers">They, by their numbers.</param>
public sealed record KnownProducers(PartitionStatus Status, IReadOnlyList<KnownProducer> Producers)
{
    private const int ProducerBytesMin = 13;

    /// <summary>Writes it.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Status);
        writer.WriteVarint((ulong)Producers.Count);
        foreach (var producer in Producers)
        {
            writer.WriteUInt64((ulong)producer.Id);
            writer.WriteUInt16((ushort)producer.Epoch);
            writer.WriteVarint(ZigZag.Encode(producer.LastSequence));
            writer.WriteVarint(ZigZag.Encode(producer.LastActiveMs));
            writer.WriteVarint(ZigZag.Encode(producer.TransactionStart));
        }
    }

    /// <summary>Reads it; null when the bytes are none.</summary>
    public static KnownProducers? TryRead(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var status = (PartitionStatus)reader.ReadByte();
        var producers = new KnownProducer[reader.ReadCount(reader.Remaining / ProducerBytesMin)];
        for (var i = 0; i < producers.Length && reader.Ok; i++)
        {
            producers[i] = new KnownProducer(
                (long)reader.ReadUInt64(), (short)reader.ReadUInt16(), (int)ZigZag.Decode(reader.ReadVarint()),
                ZigZag.Decode(reader.ReadVarint()), ZigZag.Decode(reader.ReadVarint()));
        }

        return reader.OkAtEnd ? new KnownProducers(status, producers) : null;
    }
}
