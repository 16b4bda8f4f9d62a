using System.Collections.Frozen;

namespace Atoll.Services.Tables.Language;

/// <summary>The words of CQL that mean something, as far as others than the parser must know them.</summary>
public static class CqlKeywords
{
    /// <summary>The names of the native types, in small letters.</summary>
    public static readonly FrozenSet<string> NativeTypes = FrozenSet.ToFrozenSet(
        [
            "ascii", "bigint", "blob", "boolean", "counter", "date", "decimal", "double", "duration", "float", "inet", "int", "smallint",
            "text", "time", "timestamp", "timeuuid", "tinyint", "uuid", "varchar", "varint",
        ],
        StringComparer.Ordinal);

    /// <summary>
    /// The words that are written in quotes when they are names, in small letters. The parser takes a few of them without (default, mbean,
    /// mbeans, replace, unset), like Cassandra's, which quotes them all the same.
    /// </summary>
    public static readonly FrozenSet<string> Reserved = FrozenSet.ToFrozenSet(
        [
            "add", "allow", "alter", "and", "apply", "asc", "authorize", "batch", "begin", "by", "columnfamily", "create", "default",
            "delete", "desc", "describe", "drop", "entries", "execute", "false", "from", "full", "grant", "if", "in", "index", "infinity",
            "insert", "into", "is", "keyspace", "limit", "materialized", "mbean", "mbeans", "modify", "nan", "norecursive", "not", "null",
            "of", "on", "or", "order", "primary", "rename", "replace", "revoke", "schema", "select", "set", "table", "to", "token", "true",
            "truncate", "unlogged", "unset", "update", "use", "using", "view", "where", "with",
        ],
        StringComparer.Ordinal);

    /// <summary>Words that are names of columns, but neither of functions nor of types, unless quoted.</summary>
    internal static readonly FrozenSet<string> NeverCalled = FrozenSet.ToFrozenSet(
        ["cast", "distinct", "json", "key", "ttl", "writetime"], StringComparer.Ordinal);

    /// <summary>Whether a name may stand without quotes: small letters, digits and underscores behind a letter; not reserved.</summary>
    public static bool IsPlainName(string name)
    {
        if (name.Length == 0 || !char.IsAsciiLetterLower(name[0]))
        {
            return false;
        }

        foreach (var letter in name)
        {
            if (!char.IsAsciiLetterLower(letter) && !char.IsAsciiDigit(letter) && letter != '_')
            {
                return false;
            }
        }

        return !Reserved.Contains(name);
    }
}
