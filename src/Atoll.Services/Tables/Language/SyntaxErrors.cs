using System.Text;

namespace Atoll.Services.Tables.Language;

/// <summary>
/// Errors with their place. They begin like Cassandra's, because programs and people look for its words, and show what stands around:
/// "line 1:9 mismatched input 'form' expecting FROM (SELECT * [form]...)".
/// </summary>
internal static class SyntaxErrors
{
    private const int ShownBefore = 32;
    private const int ShownOfToken = 40;

    /// <summary>A token that fits nowhere.</summary>
    public static CqlSyntaxException Unexpected(string query, Token token) =>
        At(query, token.Start, $"no viable alternative at input '{Shown(query, token)}'{Around(query, token)}");

    /// <summary>A token where only one other would do.</summary>
    public static CqlSyntaxException Mismatch(string query, Token token, string expected) =>
        At(query, token.Start, $"mismatched input '{Shown(query, token)}' expecting {expected}{Around(query, token)}");

    /// <summary>A character with which no token begins.</summary>
    public static CqlSyntaxException UnknownCharacter(string query, int position)
    {
        var isPair = position + 1 < query.Length && char.IsSurrogatePair(query[position], query[position + 1]);
        var character = isPair ? query.Substring(position, 2) : OneLine(query.AsSpan(position, 1));
        return At(query, position, $"no viable alternative at character '{character}'");
    }

    /// <summary>Any error at a place.</summary>
    public static CqlSyntaxException At(string query, int position, string problem)
    {
        var before = query.AsSpan(0, position);
        var line = before.Count('\n') + 1;
        return new CqlSyntaxException(line, position - before.LastIndexOf('\n') - 1, problem);
    }

    private static string Shown(string query, Token token)
    {
        var text = query.AsSpan(token.Start, token.End - token.Start);
        return token.Kind == TokenKind.End ? "<EOF>" : text.Length <= ShownOfToken ? OneLine(text) : OneLine(text[..ShownOfToken]) + "...";
    }

    private static string Around(string query, Token token)
    {
        var from = Math.Max(0, token.Start - ShownBefore);
        return new StringBuilder(" (").Append(from > 0 ? "..." : "")
            .Append(OneLine(query.AsSpan(from, token.Start - from)))
            .Append('[').Append(Shown(query, token)).Append(']')
            .Append(token.End < query.Length ? "..." : "")
            .Append(')').ToString();
    }

    private static string OneLine(ReadOnlySpan<char> text)
    {
        var line = new StringBuilder(text.Length);
        foreach (var character in text)
        {
            // Half of a pair would make a text that has no UTF-8.
            line.Append(char.IsControl(character) || char.IsSurrogate(character) ? ' ' : character);
        }

        return line.ToString();
    }
}
