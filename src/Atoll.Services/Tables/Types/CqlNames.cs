namespace Atoll.Services.Tables.Types;

/// <summary>
/// Names in CQL text: one of lower-case letters, digits and underscores that begins with a letter and is no reserved word stands as it is;
/// any other is quoted.
/// </summary>
public static class CqlNames
{
    // The reserved words of CQL's grammar (Parser.g of Cassandra 4.1: all keywords but those that the rule of unreserved ones lists).
    private static readonly HashSet<string> Reserved = new(
        [
            "add", "allow", "alter", "and", "apply", "asc", "authorize", "batch", "begin", "by", "columnfamily", "create", "default",
            "delete", "desc", "describe", "drop", "entries", "execute", "from", "full", "grant", "if", "in", "index", "infinity",
            "insert", "into", "is", "keyspace", "limit", "materialized", "mbean", "mbeans", "modify", "nan", "norecursive", "not", "null",
            "of", "on", "or", "order", "primary", "rename", "replace", "revoke", "schema", "select", "set", "table", "to", "token",
            "truncate", "unlogged", "unset", "update", "use", "using", "view", "where", "with",
        ],
        StringComparer.Ordinal);

    /// <summary>The name as it must be written in CQL.</summary>
    public static string Quote(string name) =>
        NeedsQuotes(name) ? $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : name;

    /// <summary>A string literal of CQL.</summary>
    public static string Text(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private static bool NeedsQuotes(string name)
    {
        if (name.Length == 0 || !char.IsAsciiLetterLower(name[0]) || Reserved.Contains(name))
        {
            return true;
        }

        foreach (var character in name)
        {
            if (!char.IsAsciiLetterLower(character) && !char.IsAsciiDigit(character) && character != '_')
            {
                return true;
            }
        }

        return false;
    }
}
