using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>What a message of an anti-entropy exchange says. docs/eventual.md has the catalogue.</summary>
public enum SyncMessageKind : byte
{
    /// <summary>Let us compare this range.</summary>
    Open = 1,

    /// <summary>Yes; here is where I am.</summary>
    Opened = 2,

    /// <summary>These are my hashes of these nodes.</summary>
    Hashes = 3,

    /// <summary>Mine differ at these of them.</summary>
    Mismatches = 4,

    /// <summary>In this leaf, from here to there, I have these partitions.</summary>
    Partitions = 5,

    /// <summary>I need these of them; and I send you so many of mine.</summary>
    Wanted = 6,

    /// <summary>A partition.</summary>
    Data = 7,

    /// <summary>I have merged it, durably.</summary>
    Taken = 8,

    /// <summary>The exchange is over: we have all that both had.</summary>
    Close = 9,

    /// <summary>I can't: not the same range or tree, too busy, or your data may lack what I have dropped.</summary>
    Refused = 10,
}

/// <summary>A partition in a list.</summary>
/// <param name="Key">Its key, beginning with the token's eight bytes, big-endian.</param>
/// <param name="Hash">The hash of its version.</param>
public readonly record struct PartitionHash(ReadOnlyMemory<byte> Key, UInt128 Hash);

/// <summary>One message. Which fields mean something depends on the kind.</summary>
public readonly record struct SyncMessage
{
    /// <summary>What it says.</summary>
    public SyncMessageKind Kind { get; init; }

    /// <summary>The initiator's number for the exchange.</summary>
    public ulong Exchange { get; init; }

    /// <summary>The request that is answered, or part of which the message is.</summary>
    public ulong Sequence { get; init; }

    /// <summary>Open: the range's first token.</summary>
    public ulong FirstToken { get; init; }

    /// <summary>Open: the range's last token.</summary>
    public ulong LastToken { get; init; }

    /// <summary>Open: the tree's depth.</summary>
    public int Depth { get; init; }

    /// <summary>Open, Opened: where the sender is. Close: the initiator's, at the end.</summary>
    public HorizonReport Report { get; init; }

    /// <summary>Hashes, Mismatches: the nodes. Partitions: the leaf, alone.</summary>
    public ImmutableArray<int> Nodes { get; init; }

    /// <summary>Hashes: the sender's hash of each node.</summary>
    public ImmutableArray<UInt128> Hashes { get; init; }

    /// <summary>
    /// Partitions: the sender's, in the order of keys. Wanted: those that the sender needs; their hashes are the sender's own.
    /// </summary>
    public ImmutableArray<PartitionHash> Partitions { get; init; }

    /// <summary>Partitions: behind this key. Data, Taken: the partition's key.</summary>
    public ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>Partitions: through this key. Wanted: through this key the answer goes; empty: to the leaf's end.</summary>
    public ReadOnlyMemory<byte> ThroughKey { get; init; }

    /// <summary>Wanted: how many partitions the sender sends of its own.</summary>
    public int Offered { get; init; }

    /// <summary>Data: the version. Opaque.</summary>
    public ReadOnlyMemory<byte> Version { get; init; }

    /// <summary>Data: <see cref="RangeHorizon.Basis"/> as the sender read the version. Close: what the exchange proves.</summary>
    public HybridTime Stamp { get; init; }
}

/// <summary>
/// The bytes of a <see cref="SyncMessage"/>: kind, exchange, sequence, then the kind's fields. An unknown kind, a field out of range and
/// bytes left over make the message unreadable as a whole.
/// </summary>
public static class SyncMessageCodec
{
    /// <summary>Tree nodes in one message.</summary>
    public const int NodesMax = 4096;

    /// <summary>Partitions in one list.</summary>
    public const int PartitionsMax = 4096;

    /// <summary>Writes a message behind what the writer holds.</summary>
    public static void Write(WireWriter writer, in SyncMessage message)
    {
        writer.WriteByte((byte)message.Kind);
        writer.WriteVarint(message.Exchange);
        writer.WriteVarint(message.Sequence);
        switch (message.Kind)
        {
            case SyncMessageKind.Open:
                writer.WriteUInt64(message.FirstToken);
                writer.WriteUInt64(message.LastToken);
                writer.WriteByte((byte)message.Depth);
                message.Report.Write(writer);
                break;
            case SyncMessageKind.Opened:
                message.Report.Write(writer);
                break;
            case SyncMessageKind.Hashes:
                WriteNodes(writer, message.Nodes);
                foreach (var hash in message.Hashes)
                {
                    WriteHash(writer, hash);
                }

                break;
            case SyncMessageKind.Mismatches:
                WriteNodes(writer, message.Nodes);
                break;
            case SyncMessageKind.Partitions:
                WriteNodes(writer, message.Nodes);
                writer.WriteBytes(message.Key.Span);
                writer.WriteBytes(message.ThroughKey.Span);
                WritePartitions(writer, message.Partitions);
                break;
            case SyncMessageKind.Wanted:
                writer.WriteBytes(message.ThroughKey.Span);
                writer.WriteVarint((ulong)message.Offered);
                WritePartitions(writer, message.Partitions);
                break;
            case SyncMessageKind.Data:
                writer.WriteBytes(message.Key.Span);
                writer.WriteUInt64(message.Stamp.Value);
                writer.WriteBytes(message.Version.Span);
                break;
            case SyncMessageKind.Taken:
                writer.WriteBytes(message.Key.Span);
                break;
            case SyncMessageKind.Close:
                writer.WriteUInt64(message.Stamp.Value);
                message.Report.Write(writer);
                break;
        }
    }

    /// <summary>Reads a message; false when the bytes are none. Byte strings are slices of the input.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out SyncMessage message)
    {
        var reader = new WireReader(bytes);
        message = new SyncMessage
        {
            Kind = (SyncMessageKind)reader.ReadByte(), Exchange = reader.ReadVarint(), Sequence = reader.ReadVarint(),
        };
        switch (message.Kind)
        {
            case SyncMessageKind.Open:
                message = message with
                {
                    FirstToken = reader.ReadUInt64(),
                    LastToken = reader.ReadUInt64(),
                    Depth = reader.ReadByte(),
                    Report = HorizonReport.Read(ref reader),
                };
                break;
            case SyncMessageKind.Opened:
                message = message with { Report = HorizonReport.Read(ref reader) };
                break;
            case SyncMessageKind.Hashes:
                var nodes = ReadNodes(ref reader);
                message = message with { Nodes = nodes, Hashes = ReadHashes(ref reader, nodes.Length) };
                break;
            case SyncMessageKind.Mismatches:
                message = message with { Nodes = ReadNodes(ref reader) };
                break;
            case SyncMessageKind.Partitions:
                message = message with
                {
                    Nodes = ReadNodes(ref reader),
                    Key = reader.ReadBytes(),
                    ThroughKey = reader.ReadBytes(),
                    Partitions = ReadPartitions(ref reader),
                };
                if (message.Nodes.Length != 1)
                {
                    reader.Fail();
                }

                break;
            case SyncMessageKind.Wanted:
                message = message with
                {
                    ThroughKey = reader.ReadBytes(), Offered = reader.ReadCount(PartitionsMax), Partitions = ReadPartitions(ref reader),
                };
                break;
            case SyncMessageKind.Data:
                message = message with
                {
                    Key = reader.ReadBytes(), Stamp = new HybridTime(reader.ReadUInt64()), Version = reader.ReadBytes(),
                };
                break;
            case SyncMessageKind.Taken:
                message = message with { Key = reader.ReadBytes() };
                break;
            case SyncMessageKind.Close:
                message = message with { Stamp = new HybridTime(reader.ReadUInt64()), Report = HorizonReport.Read(ref reader) };
                break;
            case SyncMessageKind.Refused:
                break;
            default:
                reader.Fail();
                break;
        }

        var fits = message.Depth <= MerkleTree.DepthMax && message.FirstToken <= message.LastToken
            && message.Key.Length <= Limits.KeyBytesMax && message.ThroughKey.Length <= Limits.KeyBytesMax;
        if (!reader.OkAtEnd || !fits)
        {
            message = default;
            return false;
        }

        return true;
    }

    private static void WriteHash(WireWriter writer, UInt128 hash)
    {
        writer.WriteUInt64((ulong)hash);
        writer.WriteUInt64((ulong)(hash >> 64));
    }

    private static UInt128 ReadHash(ref WireReader reader)
    {
        var low = reader.ReadUInt64();
        return new UInt128(reader.ReadUInt64(), low);
    }

    private static void WriteNodes(WireWriter writer, ImmutableArray<int> nodes)
    {
        writer.WriteVarint((ulong)nodes.Length);
        foreach (var node in nodes)
        {
            writer.WriteVarint((ulong)node);
        }
    }

    private static ImmutableArray<int> ReadNodes(ref WireReader reader)
    {
        var count = reader.ReadCount(Math.Min(NodesMax, reader.Remaining));
        var nodes = ImmutableArray.CreateBuilder<int>(count);
        for (var i = 0; i < count && reader.Ok; i++)
        {
            nodes.Add(reader.ReadCount((2 << MerkleTree.DepthMax) - 1));
        }

        return nodes.ToImmutable();
    }

    private static ImmutableArray<UInt128> ReadHashes(ref WireReader reader, int count)
    {
        if (reader.Remaining < count * 16)
        {
            reader.Fail();
            return [];
        }

        var hashes = ImmutableArray.CreateBuilder<UInt128>(count);
        for (var i = 0; i < count; i++)
        {
            hashes.Add(ReadHash(ref reader));
        }

        return hashes.ToImmutable();
    }

    private static void WritePartitions(WireWriter writer, ImmutableArray<PartitionHash> partitions)
    {
        writer.WriteVarint((ulong)partitions.Length);
        foreach (var partition in partitions)
        {
            writer.WriteBytes(partition.Key.Span);
            WriteHash(writer, partition.Hash);
        }
    }

    private static ImmutableArray<PartitionHash> ReadPartitions(ref WireReader reader)
    {
        var count = reader.ReadCount(Math.Min(PartitionsMax, reader.Remaining));
        var partitions = ImmutableArray.CreateBuilder<PartitionHash>(count);
        for (var i = 0; i < count && reader.Ok; i++)
        {
            var partition = new PartitionHash(reader.ReadBytes(), ReadHash(ref reader));
            var isInOrder = i == 0 || partitions[i - 1].Key.Span.SequenceCompareTo(partition.Key.Span) < 0;
            if (!isInOrder || partition.Key.Length > Limits.KeyBytesMax)
            {
                reader.Fail();
            }

            partitions.Add(partition);
        }

        return reader.Ok ? partitions.ToImmutable() : [];
    }
}
