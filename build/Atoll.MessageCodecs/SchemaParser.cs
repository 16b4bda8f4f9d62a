using System.Globalization;
using Microsoft.CodeAnalysis.Text;

namespace Atoll.MessageCodecs;

/// <summary>Reads a schema; its notation is in the comment at the beginning of the schema itself.</summary>
internal sealed class SchemaParser
{
    private const int FieldIndent = 4;

    private static readonly HashSet<string> Types = new(StringComparer.Ordinal)
    {
        "bool", "int8", "int16", "uint16", "int32", "int64", "float64", "uuid", "string", "bytes", "records", "error",
    };

    // The struct that fields of each depth belong to; null where the fields of that depth would repeat those of a struct that is known.
    private readonly Stack<StructDefinition?> _open = [];
    private MessageDefinition? _message;
    private int _line;

    /// <summary>The calls in the order of the schema.</summary>
    public List<ApiDefinition> Apis { get; } = [];

    /// <summary>What was not understood.</summary>
    public List<SchemaFault> Faults { get; } = [];

    /// <summary>Reads all lines.</summary>
    public void Parse(SourceText text)
    {
        foreach (var line in text.Lines)
        {
            _line = line.LineNumber;
            var content = line.ToString();
            var words = content.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0 || words[0].StartsWith('#'))
            {
                continue;
            }

            var indent = content.Length - content.TrimStart(' ').Length;
            switch (words[0])
            {
                case "api" when indent == 0:
                    BeginApi(words);
                    break;
                case "request" or "response" when indent == 2 && words.Length == 1:
                    BeginMessage(words[0] == "request");
                    break;
                default:
                    AddField(words, indent);
                    break;
            }
        }
    }

    private void BeginApi(string[] words)
    {
        _message = null;
        var flexible = VersionRange.None;
        if (words.Length is not (4 or 6)
            || !int.TryParse(words[2], NumberStyles.None, CultureInfo.InvariantCulture, out var key)
            || !VersionRange.TryParse(words[3], out var versions) || versions.Max == int.MaxValue
            || (words.Length == 6 && (words[4] != "flexible" || !VersionRange.TryParse(words[5], out flexible))))
        {
            Fault("expected: api <name> <key> <versions> [flexible <versions>]");
            return;
        }

        if (Apis.Exists(api => api.Key == key || api.Name == words[1]))
        {
            Fault($"api {words[1]} {key} is there twice");
        }

        Apis.Add(new ApiDefinition(words[1], key, versions, flexible));
    }

    private void BeginMessage(bool isRequest)
    {
        if (Apis.Count == 0)
        {
            Fault("a message outside of an api");
            return;
        }

        _message = isRequest ? Apis[^1].Request : Apis[^1].Response;
        _open.Clear();
        _open.Push(_message.Top);
    }

    private void AddField(string[] words, int indent)
    {
        var depth = (indent - FieldIndent) / 2;
        if (_message is null || indent < FieldIndent || indent % 2 != 0 || depth >= _open.Count)
        {
            Fault("a field at the wrong place");
            return;
        }

        while (_open.Count > depth + 1)
        {
            _open.Pop();
        }

        if (_open.Peek() is not { } parent)
        {
            Fault("the fields of this struct are written where it is named first");
        }
        else if (ReadField(words) is { } field)
        {
            if (parent.Fields.Exists(other => other.Name == field.Name && !other.Versions.Intersect(field.Versions).IsEmpty))
            {
                Fault($"{field.Name} is there twice");
            }

            parent.Fields.Add(field);
        }
    }

    private FieldDefinition? ReadField(string[] words)
    {
        if (words.Length < 2)
        {
            Fault("expected: <name> <type> [<versions>] [null [<versions>]] [tag <number>] [= <default>]");
            return null;
        }

        var isArray = words[1].StartsWith('[') && words[1].EndsWith(']');
        var type = isArray ? words[1][1..^1] : words[1];
        var at = 2;
        var versions = TakeRange(words, ref at) ?? Apis[^1].Versions;
        var nullable = VersionRange.None;
        if (Take(words, ref at, "null"))
        {
            nullable = TakeRange(words, ref at) ?? versions;
        }

        var tag = -1;
        if (Take(words, ref at, "tag")
            && (at == words.Length || !int.TryParse(words[at++], NumberStyles.None, CultureInfo.InvariantCulture, out tag)))
        {
            Fault("a tag is a number");
        }

        var fallback = Take(words, ref at, "=") && at < words.Length ? words[at++] : "";
        if (at < words.Length)
        {
            Fault($"\"{words[at]}\" is not understood here");
        }

        return new FieldDefinition(words[0], type, isArray, versions, nullable, tag, fallback, Open(type));
    }

    /// <summary>The struct of a type, when it is one; fields that follow deeper are its.</summary>
    private StructDefinition? Open(string type)
    {
        if (Types.Contains(type))
        {
            return null;
        }

        if (!char.IsAsciiLetterUpper(type.FirstOrDefault()))
        {
            Fault($"there is no type \"{type}\"");
            return null;
        }

        var known = _message!.Structs.Find(candidate => candidate.Name == type);
        var definition = known ?? new StructDefinition(type);
        if (known is null)
        {
            _message.Structs.Add(definition);
        }

        _open.Push(known is null ? definition : null);
        return definition;
    }

    private static VersionRange? TakeRange(string[] words, ref int at)
    {
        if (at == words.Length || !VersionRange.TryParse(words[at], out var range))
        {
            return null;
        }

        at++;
        return range;
    }

    private static bool Take(string[] words, ref int at, string word)
    {
        var isThere = at < words.Length && words[at] == word;
        at += isThere ? 1 : 0;
        return isThere;
    }

    private void Fault(string message) => Faults.Add(new SchemaFault(_line, message));
}
