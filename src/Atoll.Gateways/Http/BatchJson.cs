using System.Globalization;
using System.Text.Json;
using Atoll.Foundation;
using Atoll.Foundation.Time;
using Atoll.Services.Errors;
using Atoll.StateMachines.Records;

namespace Atoll.Gateways.Http;

/// <summary>Reads the body of a batch.</summary>
internal static class BatchJson
{
    /// <summary>The operations, one at least.</summary>
    /// <exception cref="InvalidRequestException">The body is not a batch; the message says where.</exception>
    public static List<RecordOperation> Parse(ReadOnlyMemory<byte> body) => Json.Read(body, Operations);

    private static List<RecordOperation> Operations(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object
            || !root.TryGetProperty("operations", out var list) || list.ValueKind != JsonValueKind.Array)
        {
            throw new InvalidRequestException("the body must be an object with an array \"operations\"");
        }

        if (list.GetArrayLength() is 0 or > Limits.BatchOperationsMax)
        {
            throw new InvalidRequestException($"a batch has 1 to {Limits.BatchOperationsMax} operations, not {list.GetArrayLength()}");
        }

        var operations = new List<RecordOperation>(list.GetArrayLength());
        foreach (var element in list.EnumerateArray())
        {
            operations.Add(ParseOperation(element, operations.Count));
        }

        return operations;
    }

    private static RecordOperation ParseOperation(JsonElement element, int position)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Bad(position, "is not an object");
        }

        if (!RecordJson.TryReadBytes(element, "key", "keyBase64", out var key))
        {
            throw Bad(position, "needs either \"key\" (text) or \"keyBase64\"");
        }

        HybridTime? expected = null;
        if (element.TryGetProperty("expectedVersion", out var version))
        {
            if (!ulong.TryParse(
                version.ValueKind == JsonValueKind.String ? version.GetString() : version.GetRawText(),
                NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                throw Bad(position, "has an \"expectedVersion\" that is not a version");
            }

            expected = new HybridTime(number);
        }

        var kind = element.TryGetProperty("op", out var op) && op.ValueKind == JsonValueKind.String ? op.GetString() : null;
        switch (kind)
        {
            case "put":
                return RecordJson.TryReadBytes(element, "value", "valueBase64", out var value)
                    ? RecordOperation.Put(key, value, expected, TimeToLive(element, position))
                    : throw Bad(position, "needs either \"value\" (text) or \"valueBase64\"");
            case "delete":
                return RecordOperation.Delete(key, expected);
            case "check":
                return expected is { } demanded
                    ? RecordOperation.Check(key, demanded)
                    : throw Bad(position, "is a check and needs \"expectedVersion\"");
            default:
                throw Bad(position, "needs \"op\": \"put\", \"delete\" or \"check\"");
        }
    }

    private static long TimeToLive(JsonElement element, int position) => !element.TryGetProperty("ttl", out var text) ? 0
        : text.ValueKind == JsonValueKind.String && DurationText.TryParse(text.GetString()!, out var span)
            ? (long)Math.Ceiling(span.TotalMilliseconds)
            : throw Bad(position, "has a \"ttl\" that is not a duration such as \"30s\"");

    private static InvalidRequestException Bad(int position, string what) => new($"operation {position} {what}");
}
