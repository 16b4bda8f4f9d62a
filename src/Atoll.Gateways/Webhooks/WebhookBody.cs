using System.Text.Json;
using Atoll.Gateways.Http;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Subscriptions;

namespace Atoll.Gateways.Webhooks;

/// <summary>Deliveries: which records go together, and what is posted for them.</summary>
internal static class WebhookBody
{
    /// <summary>How many of the records go together: as many as the subscription allows, one at least.</summary>
    public static int CountOf(IReadOnlyList<TopicRecord> records, int from, Subscription subscription)
    {
        var bytes = 0L;
        var count = 0;
        while (from + count < records.Count && count < subscription.RecordsMax)
        {
            bytes += BytesOf(records[from + count]);
            if (count > 0 && bytes > subscription.BytesMax)
            {
                break;
            }

            count++;
        }

        return count;
    }

    /// <summary>What is posted: subscription, topic, partition and records, as JSON.</summary>
    public static byte[] Write(Subscription subscription, IReadOnlyList<TopicRecord> records)
    {
        var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, RecordJson.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("subscription", subscription.Name);
            writer.WriteString("topic", subscription.Topic);
            writer.WriteNumber("partition", records[0].Partition);
            writer.WriteStartArray("records");
            foreach (var record in records)
            {
                TopicJson.WriteObject(writer, record);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return buffer.ToArray();
    }

    private static long BytesOf(TopicRecord record) => (record.Key?.Length ?? 0) + (record.Value?.Length ?? 0)
        + record.Headers.Sum(static header => header.Name.Length + (long)(header.Value?.Length ?? 0));
}
