using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using Atoll.Foundation.Time;
using Atoll.Services.Records;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;

namespace Atoll.Gateways.Http;

/// <summary>
/// Records as JSON. A key or value that is UTF-8 is a string under its name; any other is base64 under the name with "Base64" behind it.
/// Versions are strings: they are 64-bit numbers, which not every JSON reader keeps exactly.
/// </summary>
public static class RecordJson
{
    /// <summary>Readable: nothing is escaped that need not be.</summary>
    public static readonly JsonWriterOptions WriterOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    /// <summary>A record as an object.</summary>
    public static void Write(Utf8JsonWriter writer, in Record record, bool keysOnly)
    {
        writer.WriteStartObject();
        WriteBytes(writer, "key", "keyBase64", record.Key.Span);
        if (record.Elements is { } elements)
        {
            WriteElements(writer, elements);
        }
        else if (!keysOnly)
        {
            WriteBytes(writer, "value", "valueBase64", record.Value.Span);
        }

        WriteTimes(writer, record.Version, record.ExpiresAt);

        if (record.Siblings is { } siblings && !keysOnly)
        {
            WriteSiblings(writer, siblings);
        }

        writer.WriteEndObject();
    }

    /// <summary>All concurrent writes of a record and their context as an object; with the key when it is given.</summary>
    public static void Write(Utf8JsonWriter writer, RecordSiblings siblings, ReadOnlySpan<byte> key)
    {
        writer.WriteStartObject();
        if (!key.IsEmpty)
        {
            WriteBytes(writer, "key", "keyBase64", key);
        }

        WriteSiblings(writer, siblings);
        writer.WriteEndObject();
    }

    /// <summary>A context as text: base64url.</summary>
    public static string Context(RecordSiblings siblings) => Base64Url.EncodeToString(siblings.Context.Span);

    /// <summary>The bytes of a context's text; empty text is no context.</summary>
    public static bool TryReadContext(string text, out byte[] context) => TryReadBase64Url(text, out context);

    private static void WriteTimes(Utf8JsonWriter writer, HybridTime version, HybridTime expiresAt)
    {
        writer.WriteString("version", Version(version));
        if (expiresAt != HybridTime.Zero)
        {
            writer.WriteString("expiresAt", Time(expiresAt));
        }
    }

    // Without a value: an element of a set, or nothing under the key.
    private static void WriteElements(Utf8JsonWriter writer, IReadOnlyList<RecordElement> elements)
    {
        writer.WriteStartArray("elements");
        foreach (var element in elements)
        {
            writer.WriteStartObject();
            WriteBytes(writer, "name", "nameBase64", element.Name.Span);
            if (!element.Value.IsEmpty)
            {
                WriteBytes(writer, "value", "valueBase64", element.Value.Span);
            }

            WriteTimes(writer, element.Version, element.ExpiresAt);

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteSiblings(Utf8JsonWriter writer, RecordSiblings siblings)
    {
        writer.WriteString("context", Context(siblings));
        writer.WriteStartArray("siblings");
        foreach (var sibling in siblings.Siblings)
        {
            writer.WriteStartObject();
            if (sibling.IsDeletion)
            {
                writer.WriteBoolean("deleted", true);
            }
            else
            {
                WriteBytes(writer, "value", "valueBase64", sibling.Value.Span);
            }

            WriteTimes(writer, sibling.Version, sibling.ExpiresAt);

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>A change as an object, with the token to go on behind it.</summary>
    public static void Write(Utf8JsonWriter writer, in WatchEvent change, string token)
    {
        writer.WriteStartObject();
        writer.WriteString("event", JsonNamingPolicy.CamelCase.ConvertName(change.Kind.ToString()));
        if (change.Kind != WatchEventKind.Progress)
        {
            WriteBytes(writer, "key", "keyBase64", change.Key.Span);
            if (change.Kind == WatchEventKind.Put)
            {
                WriteBytes(writer, "value", "valueBase64", change.Value.Span);
            }

            writer.WriteString("version", Version(change.Version));
        }

        writer.WriteString("token", token);
        writer.WriteEndObject();
    }

    internal static void Write(Utf8JsonWriter writer, SpaceRegions regions)
    {
        if (!regions.Factors.IsEmpty)
        {
            writer.WriteStartObject("regions");
            foreach (var (region, replicas) in regions.Factors)
            {
                writer.WriteNumber(region, replicas);
            }

            writer.WriteEndObject();
        }

        if (!regions.Allowed.IsEmpty)
        {
            writer.WriteStartArray("allowedRegions");
            foreach (var region in regions.Allowed)
            {
                writer.WriteStringValue(region);
            }

            writer.WriteEndArray();
        }
    }

    /// <summary>A space as an object; with its shards when they are given.</summary>
    public static void Write(Utf8JsonWriter writer, SpaceInfo space, IReadOnlyList<ShardInfo>? shards)
    {
        writer.WriteStartObject();
        writer.WriteString("name", space.Name);
        writer.WriteNumber("id", space.Id.Value);
        writer.WriteString("replication", JsonNamingPolicy.CamelCase.ConvertName(space.Options.FaultModel.ToString()));
        if (space.Options.Conflicts != ConflictRule.LastWrite)
        {
            writer.WriteString("conflicts", JsonNamingPolicy.CamelCase.ConvertName(space.Options.Conflicts.ToString()));
        }

        writer.WriteNumber("replicas", space.Options.Replicas);
        writer.WriteString("partitioning", JsonNamingPolicy.CamelCase.ConvertName(space.Options.Partitioning.ToString()));
        writer.WriteNumber("shards", space.Options.ShardCount);
        if (space.Options.Regions is { } regions)
        {
            Write(writer, regions);
        }

        writer.WriteString("created", Time(space.Created));
        if (shards is not null)
        {
            writer.WriteStartArray("placement");
            foreach (var shard in shards)
            {
                writer.WriteStartObject();
                writer.WriteNumber("shard", shard.Id.Value);
                writer.WriteString("hashLow", shard.HashLow.ToString("x16", CultureInfo.InvariantCulture));
                writer.WriteString("hashHigh", shard.HashHigh.ToString("x16", CultureInfo.InvariantCulture));
                writer.WriteStartArray("replicas");
                foreach (var replica in shard.Replicas)
                {
                    writer.WriteNumberValue(replica.Value);
                }

                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    /// <summary>A version as decimal text.</summary>
    public static string Version(HybridTime version) => version.Value.ToString(CultureInfo.InvariantCulture);

    /// <summary>A version as a strong entity tag (RFC 9110, 8.8.3).</summary>
    public static string ETag(HybridTime version) => $"\"{Version(version)}\"";

    /// <summary>A hybrid time as RFC 3339 text in UTC; its logical part is left out.</summary>
    public static string Time(HybridTime time) =>
        DateTimeOffset.FromUnixTimeMilliseconds(Math.Min(time.UnixMilliseconds, DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()))
            .UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>Bytes under one of two names.</summary>
    public static void WriteBytes(Utf8JsonWriter writer, string textName, string base64Name, ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes))
        {
            writer.WriteString(textName, bytes);
        }
        else
        {
            writer.WriteBase64String(base64Name, bytes);
        }
    }

    /// <summary>The bytes of one of two members of an object.</summary>
    /// <returns>False when both or neither are there, or one is not what it must be.</returns>
    public static bool TryReadBytes(JsonElement element, string textName, string base64Name, out byte[] bytes)
    {
        bytes = [];
        var hasText = element.TryGetProperty(textName, out var text);
        var hasBase64 = element.TryGetProperty(base64Name, out var base64);
        if (hasText == hasBase64 || (hasText ? text : base64).ValueKind != JsonValueKind.String)
        {
            return false;
        }

        if (hasText)
        {
            bytes = System.Text.Encoding.UTF8.GetBytes(text.GetString()!);
            return true;
        }

        return base64.TryGetBytesFromBase64(out bytes!) || TryReadBase64Url(base64.GetString()!, out bytes);
    }

    private static bool TryReadBase64Url(string text, out byte[] bytes)
    {
        bytes = new byte[Base64Url.GetMaxDecodedLength(text.Length)];

        // Not TryDecodeFromChars: that one throws on characters that are not of the alphabet.
        var isDone = Base64Url.DecodeFromChars(text, bytes, out _, out var length) == OperationStatus.Done;
        bytes = bytes[..length];
        return isDone;
    }
}
