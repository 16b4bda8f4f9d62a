using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Groups;

/// <summary>The pieces that commands, answers and states of groups are written with.</summary>
internal static class GroupWire
{
    internal static void WriteOptional(WireWriter writer, string? value)
    {
        writer.WriteBool(value is not null);
        if (value is not null)
        {
            writer.WriteString(value);
        }
    }

    internal static string? ReadOptional(ref WireReader reader) => reader.ReadBool() ? reader.ReadString() : null;

    internal static void WriteIdentity(WireWriter writer, in MemberIdentity identity)
    {
        writer.WriteString(identity.MemberId);
        WriteOptional(writer, identity.InstanceId);
    }

    internal static MemberIdentity ReadIdentity(ref WireReader reader) => new(reader.ReadString(), ReadOptional(ref reader));

    internal static void WriteNumber(WireWriter writer, long value) => writer.WriteVarint(ZigZag.Encode(value));

    internal static long ReadInt64(ref WireReader reader) => ZigZag.Decode(reader.ReadVarint());

    internal static int ReadInt32(ref WireReader reader)
    {
        var value = ReadInt64(ref reader);
        if (value is < int.MinValue or > int.MaxValue)
        {
            reader.Fail();
            return 0;
        }

        return (int)value;
    }

    internal static short ReadInt16(ref WireReader reader)
    {
        var value = ReadInt64(ref reader);
        if (value is < short.MinValue or > short.MaxValue)
        {
            reader.Fail();
            return 0;
        }

        return (short)value;
    }

    internal static void WriteTransaction(WireWriter writer, in ProducerTransaction transaction)
    {
        WriteNumber(writer, transaction.ProducerId);
        WriteNumber(writer, transaction.Epoch);
        WriteNumber(writer, transaction.Number);
    }

    // The reader fails when there is no such transaction.
    internal static ProducerTransaction ReadTransaction(ref WireReader reader)
    {
        var transaction = new ProducerTransaction(ReadInt64(ref reader), ReadInt16(ref reader), ReadInt32(ref reader));
        if (transaction.ProducerId < 0 || transaction.Epoch < 0 || transaction.Number < 0)
        {
            reader.Fail();
        }

        return transaction;
    }

    internal static void WriteProtocols(WireWriter writer, IReadOnlyCollection<GroupProtocol> protocols)
    {
        writer.WriteVarint((ulong)protocols.Count);
        foreach (var (name, metadata) in protocols)
        {
            writer.WriteString(name);
            writer.WriteBytes(metadata.Span);
        }
    }

    internal static List<GroupProtocol> ReadProtocols(ref WireReader reader)
    {
        var count = reader.ReadCount(GroupLimits.ProtocolsMax);
        var protocols = new List<GroupProtocol>();
        for (var i = 0; i < count && reader.Ok; i++)
        {
            protocols.Add(new GroupProtocol(reader.ReadString(), reader.ReadBytes()));
        }

        return protocols;
    }

    internal static void WritePlace(WireWriter writer, in TopicPartition place)
    {
        writer.WriteString(place.Topic);
        WriteNumber(writer, place.Partition);
    }

    internal static TopicPartition ReadPlace(ref WireReader reader) => new(reader.ReadString(), ReadInt32(ref reader));

    internal static void WriteOffset(WireWriter writer, in OffsetToCommit offset)
    {
        WritePlace(writer, offset.Place);
        WriteNumber(writer, offset.Committed.Offset);
        WriteNumber(writer, offset.Committed.LeaderEpoch);
        WriteOptional(writer, offset.Committed.Metadata);
    }

    internal static OffsetToCommit ReadOffset(ref WireReader reader) => new(
        ReadPlace(ref reader), new CommittedOffset(ReadInt64(ref reader), ReadInt32(ref reader), ReadOptional(ref reader)));

    internal static void WritePlaces(WireWriter writer, IReadOnlyCollection<TopicPartition> places)
    {
        writer.WriteVarint((ulong)places.Count);
        foreach (var place in places)
        {
            WritePlace(writer, place);
        }
    }

    internal static List<TopicPartition> ReadPlaces(ref WireReader reader)
    {
        var count = reader.ReadCount(GroupLimits.OffsetsPerCommandMax);
        var places = new List<TopicPartition>();
        for (var i = 0; i < count && reader.Ok; i++)
        {
            places.Add(ReadPlace(ref reader));
        }

        return places;
    }
}
