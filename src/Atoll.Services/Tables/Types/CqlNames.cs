using Atoll.Services.Tables.Language;

namespace Atoll.Services.Tables.Types;

/// <summary>
/// Names in CQL text: one of lower-case letters, digits and underscores that begins with a letter and is no reserved word stands as it is;
/// any other is quoted.
/// </summary>
public static class CqlNames
{
    /// <summary>The name as it must be written in CQL.</summary>
    public static string Quote(string name) =>
        CqlKeywords.IsPlainName(name) ? name : $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>A string literal of CQL.</summary>
    public static string Text(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}
