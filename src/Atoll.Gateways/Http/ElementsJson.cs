using System.Text;
using System.Text.Json;
using Atoll.Services.Errors;
using Atoll.StateMachines.Eventual;

namespace Atoll.Gateways.Http;

/// <summary>
/// Reads the body of a change of a set or a map: {"put":[...],"remove":[...]}, each element as text, or as an object with its name and,
/// when it is put in a map, its value.
/// </summary>
internal static class ElementsJson
{
    /// <summary>The changes.</summary>
    /// <exception cref="InvalidRequestException">The body is none; the message says where.</exception>
    public static List<ElementChange> Parse(ReadOnlyMemory<byte> body) => Json.Read(body, Changes);

    private static List<ElementChange> Changes(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidRequestException("the body must be an object with \"put\" or \"remove\", or both");
        }

        var changes = new List<ElementChange>();
        foreach (var member in root.EnumerateObject())
        {
            var isRemoval = member.Name switch
            {
                "put" => false,
                "remove" => true,
                _ => throw new InvalidRequestException($"the body has \"{member.Name}\"; there are \"put\" and \"remove\""),
            };
            if (member.Value.ValueKind != JsonValueKind.Array)
            {
                throw new InvalidRequestException($"\"{member.Name}\" must be an array of elements");
            }

            changes.AddRange(member.Value.EnumerateArray().Select((element, at) => Change(member.Name, at, element, isRemoval)));
        }

        return changes;
    }

    private static ElementChange Change(string list, int position, JsonElement element, bool isRemoval)
    {
        if (element.ValueKind == JsonValueKind.String)
        {
            return new ElementChange(Encoding.UTF8.GetBytes(element.GetString()!), default, isRemoval);
        }

        if (element.ValueKind != JsonValueKind.Object || !RecordJson.TryReadBytes(element, "name", "nameBase64", out var name))
        {
            throw new InvalidRequestException(
                $"element {position} of \"{list}\" must be text, or an object with either \"name\" (text) or \"nameBase64\"");
        }

        byte[] value = [];
        var hasValue = element.TryGetProperty("value", out _) || element.TryGetProperty("valueBase64", out _);
        if (hasValue && (isRemoval || !RecordJson.TryReadBytes(element, "value", "valueBase64", out value)))
        {
            throw new InvalidRequestException(
                $"element {position} of \"{list}\" has a value " + (isRemoval ? "and is removed" : "that is neither text nor base64"));
        }

        return new ElementChange(name, value, isRemoval);
    }
}
