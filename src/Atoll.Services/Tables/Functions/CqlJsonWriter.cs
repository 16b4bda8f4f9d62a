using System.Globalization;
using System.Text;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>
/// Values as JSON (RFC 8259), the way toJson() and SELECT JSON write them: numbers as numbers, NaN and the infinities as null, collections
/// as arrays and objects, everything else as strings. <see cref="CqlJsonReader"/> reads it back.
/// </summary>
public static class CqlJsonWriter
{
    /// <summary>A valid value as JSON; "null" when there is none.</summary>
    public static string Encode(CqlType type, ReadOnlyMemory<byte>? value)
    {
        var text = new StringBuilder();
        Append(text, type, value);
        return text.ToString();
    }

    /// <summary>A row as a JSON object: what SELECT JSON returns.</summary>
    /// <param name="columns">The names and types of the columns.</param>
    /// <param name="row">Their values.</param>
    public static string EncodeRow(IReadOnlyList<(string Name, CqlType Type)> columns, IReadOnlyList<ReadOnlyMemory<byte>?> row)
    {
        var text = new StringBuilder("{");
        for (var i = 0; i < columns.Count; i++)
        {
            AppendName(text.Append(i > 0 ? ", " : ""), columns[i].Name);
            Append(text.Append(": "), columns[i].Type, row[i]);
        }

        return text.Append('}').ToString();
    }

    /// <summary>Appends a valid value as JSON.</summary>
    public static void Append(StringBuilder text, CqlType type, ReadOnlyMemory<byte>? value)
    {
        if (value is not { } some)
        {
            text.Append("null");
            return;
        }

        switch (type)
        {
            case ListType list:
                AppendElements(text, list.Element, some);
                break;
            case SetType set:
                AppendElements(text, set.Element, some);
                break;
            case MapType map:
                AppendMap(text, map, some);
                break;
            case TupleType tuple:
                AppendTuple(text, tuple, some);
                break;
            case UserType user:
                AppendUserType(text, user, some);
                break;
            default:
                AppendNative(text, type, some);
                break;
        }
    }

    /// <summary>Appends a JSON string.</summary>
    public static void AppendString(StringBuilder text, string content)
    {
        text.Append('"');
        foreach (var character in content)
        {
            _ = character switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                '\b' => text.Append("\\b"),
                '\f' => text.Append("\\f"),
                < ' ' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:X4}"),
                _ => text.Append(character),
            };
        }

        text.Append('"');
    }

    // A name with capitals has quotes of its own within the string's: INSERT JSON folds those without.
    private static void AppendName(StringBuilder text, string name) =>
        AppendString(text, name.Any(character => char.ToLowerInvariant(character) != character) ? $"\"{name}\"" : name);

    private static void AppendNative(StringBuilder text, CqlType type, ReadOnlyMemory<byte> value)
    {
        var plain = CqlFormat.Text(type, value);
        var isNumber = type.Code is CqlTypeCode.Bigint or CqlTypeCode.Counter or CqlTypeCode.Decimal or CqlTypeCode.Double
            or CqlTypeCode.Float or CqlTypeCode.Int or CqlTypeCode.Smallint or CqlTypeCode.Tinyint or CqlTypeCode.Varint;
        if (plain is "NaN" or "Infinity" or "-Infinity" && isNumber)
        {
            text.Append("null");
        }
        else if ((isNumber || type.Code == CqlTypeCode.Boolean) && plain.Length > 0)
        {
            text.Append(plain);
        }
        else
        {
            AppendString(text, plain);
        }
    }

    private static void AppendElements(StringBuilder text, CqlType element, ReadOnlyMemory<byte> value)
    {
        var between = "[";
        foreach (var part in CqlSequence.ReadCollection(value))
        {
            Append(text.Append(between), element, part);
            between = ", ";
        }

        text.Append(between == "[" ? "[]" : "]");
    }

    private static void AppendMap(StringBuilder text, MapType map, ReadOnlyMemory<byte> value)
    {
        var parts = CqlSequence.ReadCollection(value);
        text.Append('{');
        for (var i = 0; i + 1 < parts.Count; i += 2)
        {
            text.Append(i > 0 ? ", " : "");

            // Keys of JSON are strings: others become the text of their JSON.
            var key = Encode(map.Key, parts[i]);
            if (key.StartsWith('"'))
            {
                text.Append(key);
            }
            else
            {
                AppendString(text, key);
            }

            Append(text.Append(": "), map.Value, parts[i + 1]);
        }

        text.Append('}');
    }

    private static void AppendTuple(StringBuilder text, TupleType tuple, ReadOnlyMemory<byte> value)
    {
        var fields = CqlSequence.ReadTuple(value, tuple.Elements.Length);
        text.Append('[');
        for (var i = 0; i < fields.Length; i++)
        {
            Append(text.Append(i > 0 ? ", " : ""), tuple.Elements[i], fields[i]);
        }

        text.Append(']');
    }

    private static void AppendUserType(StringBuilder text, UserType user, ReadOnlyMemory<byte> value)
    {
        var fields = CqlSequence.ReadTuple(value, user.Fields.Length);
        text.Append('{');
        for (var i = 0; i < fields.Length; i++)
        {
            AppendName(text.Append(i > 0 ? ", " : ""), user.Fields[i].Name);
            Append(text.Append(": "), user.Fields[i].Type, fields[i]);
        }

        text.Append('}');
    }
}
