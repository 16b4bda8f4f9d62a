using System.Text.Json;
using Atoll.Services.Streams;

namespace Atoll.Gateways.Http;

/// <summary>
/// Topics and their records as members of JSON objects that, but for one, their callers begin and end. Keys, values and headers that are
/// not UTF-8 are base64 under names of their own, as in <see cref="RecordJson"/>.
/// </summary>
public static class TopicJson
{
    /// <summary>A topic and all its settings.</summary>
    public static void Write(Utf8JsonWriter writer, Topic topic)
    {
        writer.WriteString("name", topic.Name);
        writer.WriteString("id", topic.Id);
        writer.WriteNumber("partitionCount", topic.Partitions.Length);
        writer.WriteNumber("replicas", topic.Space.Options.Replicas);
        if (topic.Space.Options.Regions is { } regions)
        {
            RecordJson.Write(writer, regions);
        }

        writer.WriteStartObject("settings");
        foreach (var setting in TopicSetting.All)
        {
            writer.WriteString(setting.Name, topic.Settings[setting]);
        }

        writer.WriteEndObject();
    }

    /// <summary>Where the partitions of a topic are, and how far they go.</summary>
    public static void Write(Utf8JsonWriter writer, Topic topic, IReadOnlyList<PartitionEnds> ends)
    {
        writer.WriteStartArray("partitions");
        for (var partition = 0; partition < ends.Count; partition++)
        {
            writer.WriteStartObject();
            writer.WriteNumber("partition", partition);
            writer.WriteString("shard", $"{topic.Partitions[partition].Id}");
            writer.WriteNumber("firstOffset", ends[partition].First);
            writer.WriteNumber("nextOffset", ends[partition].Next);
            writer.WriteStartArray("nodes");
            foreach (var node in topic.Partitions[partition].Replicas)
            {
                writer.WriteStringValue($"{node}");
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>A record, and where it is, as an object.</summary>
    public static void WriteObject(Utf8JsonWriter writer, TopicRecord record)
    {
        writer.WriteStartObject();
        Write(writer, record);
        writer.WriteEndObject();
    }

    /// <summary>A record, and where it is.</summary>
    public static void Write(Utf8JsonWriter writer, TopicRecord record)
    {
        writer.WriteNumber("partition", record.Partition);
        writer.WriteNumber("offset", record.Offset);
        writer.WriteNumber("timestamp", record.Timestamp);
        if (record.Key is { } key)
        {
            RecordJson.WriteBytes(writer, "key", "keyBase64", key.Span);
        }

        if (record.Value is { } value)
        {
            RecordJson.WriteBytes(writer, "value", "valueBase64", value.Span);
        }
        else
        {
            writer.WriteBoolean("tombstone", true);
        }

        if (record.Headers.Count > 0)
        {
            writer.WriteStartArray("headers");
            foreach (var header in record.Headers)
            {
                writer.WriteStartObject();
                RecordJson.WriteBytes(writer, "name", "nameBase64", header.Name.Span);
                if (header.Value is { } bytes)
                {
                    RecordJson.WriteBytes(writer, "value", "valueBase64", bytes.Span);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }
    }
}
