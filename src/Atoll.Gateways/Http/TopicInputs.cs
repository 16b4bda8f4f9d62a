using System.Globalization;
using System.Text.Json;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.StateMachines.Streams;
using Microsoft.AspNetCore.Http;

namespace Atoll.Gateways.Http;

/// <summary>What requests about topics say, checked. Everything wrong is an <see cref="InvalidRequestException"/> in plain words.</summary>
internal static class TopicInputs
{
    /// <summary>Settings with some of them set, or, by null, not set any more.</summary>
    public static TopicSettings Changed(TopicSettings settings, IReadOnlyDictionary<string, string?>? changes)
    {
        foreach (var (name, value) in changes ?? new Dictionary<string, string?>())
        {
            if (settings.TrySet(name, value, out settings) is { } fault)
            {
                throw new InvalidRequestException(fault);
            }
        }

        return settings;
    }

    /// <summary>The place of the query parameter "from".</summary>
    public static PlaceInPartition Place(HttpContext context, PlaceInPartition otherwise) => context.Request.Query["from"].ToString() switch
    {
        "" => otherwise,
        var words => PlaceInPartition.TryParse(words, out var place) ? place
            : throw new InvalidRequestException($"the query parameter from is {PlaceInPartition.Words}, not \"{words}\""),
    };

    /// <summary>The partitions that the query names, each once, ascending; all of the topic when it names none.</summary>
    public static int[] Partitions(HttpContext context, Topic topic)
    {
        var chosen = context.Request.Query["partition"];
        return chosen.Count == 0
            ? [.. Enumerable.Range(0, topic.Partitions.Length)]
            : [.. chosen.Select(text => Partition(text ?? "", topic)).Distinct().Order()];
    }

    /// <summary>The records of a body, one at least.</summary>
    /// <param name="body">The body.</param>
    /// <param name="now">The time of records that have none, in milliseconds since 1970.</param>
    public static List<RecordToAppend> Records(ReadOnlyMemory<byte> body, long now) => Json.Read(body, root => Records(root, now));

    private static int Partition(string text, Topic topic) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && topic.Partition(number) is not null ? number
            : throw new InvalidRequestException(
                $"topic \"{topic.Name}\" has the partitions 0 to {topic.Partitions.Length - 1}, not \"{text}\"");

    private static List<RecordToAppend> Records(JsonElement root, long now)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("records", out var list)
            || list.ValueKind != JsonValueKind.Array || list.GetArrayLength() == 0)
        {
            throw new InvalidRequestException("the body must be an object with an array \"records\" that is not empty");
        }

        var records = new List<RecordToAppend>(list.GetArrayLength());
        foreach (var element in list.EnumerateArray())
        {
            records.Add(Record(element, records.Count, now));
        }

        return records;
    }

    private static RecordToAppend Record(JsonElement element, int position, long now)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Bad(position, "is not an object");
        }

        int? partition = null;
        var timestamp = now;
        IReadOnlyList<RecordHeaderField> headers = [];
        foreach (var member in element.EnumerateObject())
        {
            switch (member.Name)
            {
                case "key" or "keyBase64" or "value" or "valueBase64":
                    break;
                case "partition" when member.Value.ValueKind == JsonValueKind.Number && member.Value.TryGetInt32(out var number):
                    partition = number;
                    break;
                case "timestamp" when member.Value.ValueKind == JsonValueKind.Number && member.Value.TryGetInt64(out var time) && time >= 0:
                    timestamp = time;
                    break;
                case "headers" when member.Value.ValueKind == JsonValueKind.Array:
                    headers = [.. member.Value.EnumerateArray().Select(header => Header(header, position))];
                    break;
                default:
                    throw Bad(position, $"has a member \"{member.Name}\" that is not known, or not what it should be");
            }
        }

        return new RecordToAppend(
            partition, timestamp, Bytes(element, "key", "keyBase64", position), Bytes(element, "value", "valueBase64", position), headers);
    }

    private static RecordHeaderField Header(JsonElement element, int position) =>
        element.ValueKind == JsonValueKind.Object && Bytes(element, "name", "nameBase64", position) is { } name
            ? new RecordHeaderField(name, Bytes(element, "value", "valueBase64", position))
            : throw Bad(position, "has a header without a name");

    // Null and absent are the same: nothing.
    private static ReadOnlyMemory<byte>? Bytes(JsonElement element, string textName, string base64Name, int position)
    {
        var hasText = element.TryGetProperty(textName, out var text) && text.ValueKind != JsonValueKind.Null;
        if (!hasText && (!element.TryGetProperty(base64Name, out var base64) || base64.ValueKind == JsonValueKind.Null))
        {
            return null;
        }

        return RecordJson.TryReadBytes(element, textName, base64Name, out var bytes) ? bytes
            : throw Bad(position, $"has either \"{textName}\" (text) or \"{base64Name}\"");
    }

    private static InvalidRequestException Bad(int position, string what) => new($"record {position} {what}");
}

/// <summary>What is chosen when a topic is created.</summary>
/// <param name="Partitions">How many partitions; null for 1.</param>
/// <param name="Replicas">
/// Copies of each; null for those of the regions together, or else 3, or 1 where the cluster has fewer than three nodes.
/// </param>
/// <param name="Settings">Settings by their names.</param>
/// <param name="Regions">How many copies in which region; null: spread over all that are allowed.</param>
/// <param name="AllowedRegions">The regions that may store the topic's data; null: all.</param>
/// <param name="Replication">"strong"; others are refused.</param>
public sealed record TopicBody(
    int? Partitions = null, int? Replicas = null, IReadOnlyDictionary<string, string?>? Settings = null,
    IReadOnlyDictionary<string, int>? Regions = null, IReadOnlyList<string?>? AllowedRegions = null, string Replication = "strong");

/// <summary>Changes of a topic.</summary>
/// <param name="Partitions">How many partitions it shall have: as many as it has, or more; null for no change.</param>
/// <param name="Settings">Settings by their names; null gives one its default again.</param>
public sealed record TopicChangeBody(int? Partitions = null, IReadOnlyDictionary<string, string?>? Settings = null);
