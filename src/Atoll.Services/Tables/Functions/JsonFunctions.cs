using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>toJson() of any type, and fromJson() to any.</summary>
internal static class JsonFunctions
{
    /// <summary>Their names.</summary>
    public static readonly IReadOnlyList<string> Names = ["from_json", "fromjson", "to_json", "tojson"];

    /// <summary>The function of a name for its type; null when the name is of another.</summary>
    /// <exception cref="CqlException">The arguments are not one of a known type, or nothing says what type is wanted.</exception>
    public static ICqlFunction? TryFind(string name, IReadOnlyList<CqlType?> argumentTypes, CqlType? expected)
    {
        if (name is not ("tojson" or "to_json" or "fromjson" or "from_json"))
        {
            return null;
        }

        if (argumentTypes.Count != 1)
        {
            throw CqlException.Invalid($"{name}() only takes one argument, got {argumentTypes.Count}");
        }

        return name is "tojson" or "to_json" ? ToJson(argumentTypes[0]) : FromJson(argumentTypes[0], expected);
    }

    private static NativeFunction ToJson(CqlType? type)
    {
        var known = type ?? throw CqlException.Invalid(
            "toJson() needs to know the type of its argument: use a type hint, example '(int) ?'");
        return new NativeFunction(
            "tojson", [known], CqlTypes.Text,
            (IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext _) =>
                CqlBytes.Of(CqlJsonWriter.Encode(known, arguments[0])));
    }

    private static NativeFunction FromJson(CqlType? argument, CqlType? expected)
    {
        if (argument is not null && !Signatures.IsAssignable(argument, CqlTypes.Text))
        {
            throw CqlException.Invalid($"fromJson() takes a text, and no {argument}");
        }

        var type = expected ?? throw CqlException.Invalid("fromJson() cannot be used in the selection clause of a SELECT statement");
        return new NativeFunction(
            "fromjson", [CqlTypes.Text], type,
            (IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext _) =>
                arguments[0] is { } json ? CqlJsonReader.Decode(type, CqlBytes.ToText(json.Span)) : null);
    }
}
