using System.Collections.Immutable;
using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Groups.Assigned;

/// <summary>The pieces that heartbeats, their answers and states of such groups are written with.</summary>
internal static class AssignedWire
{
    private const int GuidBytes = 16;

    internal static void WriteNames(WireWriter writer, IReadOnlyCollection<string> names)
    {
        writer.WriteVarint((ulong)names.Count);
        foreach (var name in names)
        {
            writer.WriteString(name);
        }
    }

    internal static List<string> ReadNames(ref WireReader reader)
    {
        var count = reader.ReadCount(GroupLimits.TopicsPerMemberMax);
        var names = new List<string>();
        for (var i = 0; i < count && reader.Ok; i++)
        {
            names.Add(reader.ReadString());
            if (names[^1].Length is 0 or > GroupLimits.NameCharactersMax)
            {
                reader.Fail();
            }
        }

        return names;
    }

    // The reader fails when they are not in order.
    internal static ImmutableArray<string> ReadNamesInOrder(ref WireReader reader)
    {
        var names = ReadNames(ref reader);
        if (!names.SequenceEqual(names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)))
        {
            reader.Fail();
        }

        return [.. names];
    }

    internal static void WritePartitions(WireWriter writer, IReadOnlyCollection<PartitionId> partitions)
    {
        writer.WriteVarint((ulong)partitions.Count);
        foreach (var (topic, partition) in partitions)
        {
            WriteGuid(writer, topic);
            GroupWire.WriteNumber(writer, partition);
        }
    }

    internal static List<PartitionId> ReadPartitions(ref WireReader reader)
    {
        var count = reader.ReadCount(GroupLimits.OffsetsPerCommandMax);
        var partitions = new List<PartitionId>();
        for (var i = 0; i < count && reader.Ok; i++)
        {
            partitions.Add(new PartitionId(ReadGuid(ref reader), GroupWire.ReadInt32(ref reader)));
            if (partitions[^1].Partition < 0)
            {
                reader.Fail();
            }
        }

        return partitions;
    }

    internal static void WriteTopics(WireWriter writer, IReadOnlyCollection<KeyValuePair<string, TopicShape>> topics)
    {
        writer.WriteVarint((ulong)topics.Count);
        foreach (var (name, shape) in topics)
        {
            writer.WriteString(name);
            WriteGuid(writer, shape.Id);
            GroupWire.WriteNumber(writer, shape.Partitions);
        }
    }

    // The reader fails when they are not in order, when one has no partitions, or when two are the same.
    internal static List<KeyValuePair<string, TopicShape>> ReadTopics(ref WireReader reader)
    {
        var count = reader.ReadCount(GroupLimits.TopicsPerGroupMax);
        var topics = new List<KeyValuePair<string, TopicShape>>();
        for (var i = 0; i < count && reader.Ok; i++)
        {
            var name = reader.ReadString();
            var shape = new TopicShape(ReadGuid(ref reader), GroupWire.ReadInt32(ref reader));
            if (shape.Partitions is <= 0 or > GroupLimits.OffsetsPerCommandMax
                || (topics.Count > 0 && string.CompareOrdinal(topics[^1].Key, name) >= 0)
                || name.Length is 0 or > GroupLimits.NameCharactersMax)
            {
                reader.Fail();
            }

            topics.Add(KeyValuePair.Create(name, shape));
        }

        if (topics.Select(static topic => topic.Value.Id).Distinct().Count() != topics.Count)
        {
            reader.Fail();
        }

        return topics;
    }

    internal static void WriteFacts(WireWriter writer, TopicFacts facts)
    {
        writer.WriteVarint(facts.Version);
        WriteNames(writer, facts.Matches);
        WriteTopics(writer, facts.Topics);
    }

    internal static TopicFacts ReadFacts(ref WireReader reader) =>
        new(reader.ReadVarint(), ReadNamesInOrder(ref reader), ReadTopics(ref reader));

    internal static void WriteHeartbeat(WireWriter writer, ConsumerHeartbeat beat)
    {
        writer.WriteString(beat.MemberId);
        GroupWire.WriteNumber(writer, beat.Epoch);
        GroupWire.WriteOptional(writer, beat.InstanceId);
        GroupWire.WriteOptional(writer, beat.RackId);
        writer.WriteString(beat.ClientId);
        writer.WriteString(beat.ClientHost);
        GroupWire.WriteNumber(writer, beat.RebalanceMilliseconds);
        writer.WriteBool(beat.Names is not null);
        WriteNames(writer, beat.Names ?? []);
        GroupWire.WriteOptional(writer, beat.Pattern);
        GroupWire.WriteOptional(writer, beat.Assignor);
        writer.WriteBool(beat.Owned is not null);
        WritePartitions(writer, beat.Owned ?? []);
        writer.WriteBool(beat.Facts is not null);
        if (beat.Facts is not null)
        {
            WriteFacts(writer, beat.Facts);
        }
    }

    internal static ConsumerHeartbeat ReadHeartbeat(ref WireReader reader, string group)
    {
        var beat = new ConsumerHeartbeat(group, reader.ReadString(), GroupWire.ReadInt32(ref reader))
        {
            InstanceId = GroupWire.ReadOptional(ref reader),
            RackId = GroupWire.ReadOptional(ref reader),
            ClientId = reader.ReadString(),
            ClientHost = reader.ReadString(),
            RebalanceMilliseconds = GroupWire.ReadInt32(ref reader),
        };
        var hasNames = reader.ReadBool();
        var names = ReadNames(ref reader);
        beat = beat with
        {
            Names = hasNames ? names : null,
            Pattern = GroupWire.ReadOptional(ref reader),
            Assignor = GroupWire.ReadOptional(ref reader),
        };
        var hasOwned = reader.ReadBool();
        var owned = ReadPartitions(ref reader);
        beat = beat with { Owned = hasOwned ? owned : null, Facts = reader.ReadBool() ? ReadFacts(ref reader) : null };
        if (!IsWithinBounds(beat) || (!hasNames && names.Count > 0) || (!hasOwned && owned.Count > 0))
        {
            reader.Fail();
        }

        return beat;
    }

    private static bool IsWithinBounds(ConsumerHeartbeat beat) =>
        beat.Epoch >= HeartbeatEpochs.LeaveForNow && beat.RebalanceMilliseconds is -1 or > 0
        && beat.InstanceId is null or { Length: > 0 and <= GroupLimits.NameCharactersMax }
        && new[] { beat.MemberId, beat.RackId, beat.ClientId, beat.ClientHost, beat.Assignor }
            .All(static name => name is null or { Length: <= GroupLimits.NameCharactersMax })
        && beat.Pattern is null or { Length: <= GroupLimits.PatternCharactersMax };

    private static void WriteGuid(WireWriter writer, Guid id)
    {
        Span<byte> bytes = stackalloc byte[GuidBytes];
        _ = id.TryWriteBytes(bytes, bigEndian: true, out _);
        writer.WriteRaw(bytes);
    }

    private static Guid ReadGuid(ref WireReader reader)
    {
        var bytes = reader.ReadRaw(GuidBytes);
        return bytes.Length == GuidBytes ? new Guid(bytes.Span, bigEndian: true) : Guid.Empty;
    }
}
