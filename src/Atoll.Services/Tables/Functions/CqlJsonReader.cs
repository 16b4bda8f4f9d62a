using System.Text.Json;
using Atoll.Foundation;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>
/// JSON as values, the way fromJson() and INSERT JSON read it: what <see cref="CqlJsonWriter"/> writes, and strings for anything that is
/// not a text, a collection as a string of JSON included. Errors are Invalid, and say what was expected and what was there.
/// </summary>
public static class CqlJsonReader
{
    // What types nest, and an object around it.
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = Limits.CqlNestingMax + 2 };

    private const int ShownMax = 100;

    /// <summary>The value that a JSON text is of a type; null for null.</summary>
    /// <exception cref="CqlException">It is no JSON, or none of the type.</exception>
    public static ReadOnlyMemory<byte>? Decode(CqlType type, string json)
    {
        using var document = Parse(json, problem => $"Could not decode JSON string '{Shown(json)}': {problem}");
        return Decode(type, document.RootElement);
    }

    /// <summary>The values of a row: what INSERT JSON sets.</summary>
    /// <param name="json">An object. Its names are folded to small letters unless they have double quotes of their own.</param>
    /// <param name="typeOf">The type of a column; null when there is no such column.</param>
    /// <returns>The value of each column that is named: null for null. When a name occurs twice, the last counts.</returns>
    /// <exception cref="CqlException">It is no JSON object, or one with other columns or other values.</exception>
    public static IReadOnlyDictionary<string, ReadOnlyMemory<byte>?> DecodeRow(string json, Func<string, CqlType?> typeOf)
    {
        string Describe(string problem) => $"Could not decode JSON string as a map: {problem}. (String was: {Shown(json)})";
        using var document = Parse(json, Describe);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw CqlException.Invalid(Describe("it is no object"));
        }

        var row = new SortedDictionary<string, ReadOnlyMemory<byte>?>(StringComparer.Ordinal);
        foreach (var property in document.RootElement.EnumerateObject())
        {
            var name = Fold(NameOf(property));
            var type = typeOf(name)
                ?? throw CqlException.Invalid($"JSON values map contains unrecognized column: {Shown(name)}");
            try
            {
                row[name] = Decode(type, property.Value);
            }
            catch (CqlException error)
            {
                throw new CqlException(
                    CqlErrorCode.Invalid, $"Error decoding JSON value for {Shown(name)}: {error.Message}", innerException: error);
            }
        }

        return row;
    }

    private static JsonDocument Parse(string json, Func<string, string> describe)
    {
        try
        {
            return JsonDocument.Parse(json, Options);
        }
        catch (JsonException error)
        {
            throw new CqlException(CqlErrorCode.Invalid, describe(error.Message), innerException: error);
        }
    }

    private static ReadOnlyMemory<byte>? Decode(CqlType type, JsonElement json)
    {
        if (json.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (type is NativeType)
        {
            return Native(type, json);
        }

        if (json.ValueKind == JsonValueKind.String)
        {
            // A collection within a string, as map keys have it.
            var nested = TextOf(json);
            using var document = Parse(nested, problem => $"Could not decode JSON string '{Shown(nested)}': {problem}");
            return document.RootElement.ValueKind switch
            {
                JsonValueKind.String => throw Expected(type, document.RootElement),
                _ => Decode(type, document.RootElement),
            };
        }

        return type switch
        {
            ListType list => CqlSequence.WriteList([.. Elements(type, list.Element, json)]),
            SetType set => CqlSequence.WriteList(
                [.. new SortedSet<ReadOnlyMemory<byte>>(Elements(type, set.Element, json), CqlComparer.Of(set.Element))]),
            MapType map => Map(map, json),
            TupleType tuple => Tuple(tuple, json),
            UserType user => User(user, json),
            _ => throw Expected(type, json),
        };
    }

    private static ReadOnlyMemory<byte> Native(CqlType type, JsonElement json)
    {
        var takes = type.Code switch
        {
            CqlTypeCode.Boolean => json.ValueKind is JsonValueKind.True or JsonValueKind.False,
            CqlTypeCode.Bigint or CqlTypeCode.Counter or CqlTypeCode.Decimal or CqlTypeCode.Double or CqlTypeCode.Float
                or CqlTypeCode.Int or CqlTypeCode.Smallint or CqlTypeCode.Tinyint or CqlTypeCode.Varint or CqlTypeCode.Timestamp =>
                json.ValueKind == JsonValueKind.Number,
            _ => false,
        };
        if (takes)
        {
            return CqlLiterals.Parse(type, json.GetRawText());
        }

        if (json.ValueKind != JsonValueKind.String)
        {
            throw Expected(type, json);
        }

        return CqlLiterals.Parse(type, TextOf(json));
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Elements(CqlType type, CqlType element, JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Array)
        {
            throw Expected(type, json);
        }

        foreach (var item in json.EnumerateArray())
        {
            yield return Decode(element, item) ?? throw CqlException.Invalid($"Invalid null element in {Kind(type)}");
        }
    }

    private static byte[] Map(MapType map, JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw Expected(map, json);
        }

        var entries = new SortedDictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>(CqlComparer.Of(map.Key));
        foreach (var property in json.EnumerateObject())
        {
            var key = Key(map.Key, NameOf(property)) ?? throw CqlException.Invalid("Invalid null key in map");
            entries[key] = Decode(map.Value, property.Value) ?? throw CqlException.Invalid("Invalid null value in map");
        }

        return CqlSequence.WriteMap([.. entries.SelectMany(entry => new[] { entry.Key, entry.Value })]);
    }

    private static ReadOnlyMemory<byte>? Key(CqlType type, string name) =>
        type is NativeType ? CqlLiterals.Parse(type, name) : Decode(type, name);

    private static byte[] Tuple(TupleType tuple, JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Array)
        {
            throw Expected(tuple, json);
        }

        var count = json.GetArrayLength();
        if (count > tuple.Elements.Length)
        {
            throw CqlException.Invalid($"Tuple contains extra items (expected {tuple.Elements.Length}): {Shown(json.GetRawText())}");
        }

        if (count < tuple.Elements.Length)
        {
            throw CqlException.Invalid($"Tuple is missing items (expected {tuple.Elements.Length}): {Shown(json.GetRawText())}");
        }

        return CqlSequence.WriteTuple([.. json.EnumerateArray().Select((item, index) => Decode(tuple.Elements[index], item))]);
    }

    private static byte[] User(UserType user, JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw Expected(user, json);
        }

        var fields = new ReadOnlyMemory<byte>?[user.Fields.Length];
        foreach (var property in json.EnumerateObject())
        {
            var name = Fold(NameOf(property));
            var position = user.IndexOf(name);
            if (position < 0)
            {
                throw CqlException.Invalid($"Unknown fields [{Shown(name)}] in value of user defined type {user.Name}");
            }

            fields[position] = Decode(user.Fields[position].Type, property.Value);
        }

        return CqlSequence.WriteTuple(fields);
    }

    private static string Fold(string name) =>
        name.Length >= 2 && name[0] == '"' && name[^1] == '"' ? name[1..^1] : name.ToLowerInvariant();

    private static string TextOf(JsonElement json)
    {
        try
        {
            return json.GetString()!;
        }
        catch (InvalidOperationException error)
        {
            // "\ud800": escapes can spell what no text is.
            throw new CqlException(
                CqlErrorCode.Invalid, $"{Shown(json.GetRawText())} is no Unicode text", innerException: error);
        }
    }

    private static string NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException error)
        {
            throw new CqlException(CqlErrorCode.Invalid, "a name is no Unicode text", innerException: error);
        }
    }

    private static CqlException Expected(CqlType type, JsonElement json) => CqlException.Invalid(
        $"Expected {Article(type)}, but got a {json.ValueKind switch
        {
            JsonValueKind.Object => "Map",
            JsonValueKind.Array => "List",
            JsonValueKind.True or JsonValueKind.False => "Boolean",
            _ => json.ValueKind.ToString(),
        }}: {Shown(json.GetRawText())}");

    private static string Article(CqlType type) => type.Code switch
    {
        CqlTypeCode.Varchar => "a UTF-8 string",
        CqlTypeCode.Ascii => "an ascii string",
        CqlTypeCode.List or CqlTypeCode.Set => "a list representing a " + Kind(type),
        CqlTypeCode.Map or CqlTypeCode.UserType => "a map",
        CqlTypeCode.Tuple => "a list representation of a tuple",
        CqlTypeCode.Int or CqlTypeCode.Inet => $"an {type} value",
        CqlTypeCode.Bigint or CqlTypeCode.Boolean or CqlTypeCode.Tinyint or CqlTypeCode.Smallint or CqlTypeCode.Varint
            or CqlTypeCode.Decimal or CqlTypeCode.Double or CqlTypeCode.Float or CqlTypeCode.Counter => $"a {type} value",
        _ => $"a string representation of a {type} value",
    };

    private static string Kind(CqlType type) => type.Code == CqlTypeCode.Set ? "set" : "list";

    private static string Shown(string text) => text.Length <= ShownMax ? text : text[..ShownMax] + "...";
}
