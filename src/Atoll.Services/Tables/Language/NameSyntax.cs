using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Reads names.</summary>
internal static class NameSyntax
{
    /// <summary>A name: a word that isn't reserved, or anything in quotes.</summary>
    public static string Name(TokenReader reader) =>
        reader.Current.IsName ? reader.NameOf(reader.Next()) : throw reader.Unexpected();

    /// <summary>The name of a column that is used, not made: it may also be empty.</summary>
    public static string ColumnName(TokenReader reader) =>
        reader.Current.IsColumnName ? reader.NameOf(reader.Next()) : throw reader.Unexpected();

    /// <summary>The name of a keyspace.</summary>
    public static string Keyspace(TokenReader reader) => Name(reader, "keyspace");

    /// <summary>The name of a table or a view, perhaps with its keyspace.</summary>
    public static QualifiedName Table(TokenReader reader) => Qualified(reader, "table");

    /// <summary>The name of an index, perhaps with its keyspace.</summary>
    public static QualifiedName Index(TokenReader reader) => Qualified(reader, "index");

    /// <summary>The name of an index alone.</summary>
    public static string IndexName(TokenReader reader) => Name(reader, "index");

    /// <summary>The name of a role: also a string.</summary>
    public static string Role(TokenReader reader) =>
        reader.Is(TokenKind.String) ? reader.StringContent(reader.Next()) : Name(reader, "role");

    /// <summary>The name of a user as CREATE USER takes it: case matters even without quotes, and double ones are refused.</summary>
    public static string User(TokenReader reader)
    {
        if (reader.Is(TokenKind.QuotedName))
        {
            throw reader.Error("Quoted strings are not supported for user names and USER is deprecated, please use ROLE");
        }

        return reader.Is(TokenKind.String) ? reader.StringContent(reader.Next())
            : reader.Current is { Kind: TokenKind.Word, Keyword: Keyword.None } ? reader.Text(reader.Next())
            : throw reader.Unexpected();
    }

    /// <summary>The name of a function, perhaps with its keyspace.</summary>
    public static QualifiedName Function(TokenReader reader)
    {
        var keyspace = KeyspaceBefore(reader);
        return new QualifiedName(keyspace, FunctionName(reader));
    }

    /// <summary>The name of a function alone.</summary>
    public static string FunctionName(TokenReader reader) =>
        reader.Current.IsFunctionName ? reader.NameOf(reader.Next()) : throw reader.Unexpected();

    /// <summary>The name of a user type, perhaps with its keyspace.</summary>
    public static QualifiedName UserType(TokenReader reader)
    {
        var keyspace = KeyspaceBefore(reader);
        var token = reader.Current;
        if (!token.IsName || (token.Kind == TokenKind.Word && !token.Keyword.IsTypeName()))
        {
            throw reader.Unexpected();
        }

        var name = reader.NameOf(token);
        if (token.Kind == TokenKind.Word && name is "byte" or "complex" or "enum" or "interval" or "macaddr" or "bitstring")
        {
            throw reader.Error($"Invalid (reserved) user type name {name}");
        }

        reader.Next();
        return new QualifiedName(keyspace, name);
    }

    private static QualifiedName Qualified(TokenReader reader, string what)
    {
        var first = Name(reader, what);
        return reader.Accept(TokenKind.Dot) ? new QualifiedName(first, Name(reader, what)) : new QualifiedName(null, first);
    }

    private static string? KeyspaceBefore(TokenReader reader)
    {
        if (!reader.Current.IsName || reader.Peek(1).Kind != TokenKind.Dot)
        {
            return null;
        }

        var keyspace = Name(reader);
        reader.Expect(TokenKind.Dot);
        return keyspace;
    }

    private static string Name(TokenReader reader, string what) =>
        reader.Is(TokenKind.Question) ? throw reader.Error($"Bind variables cannot be used for {what} names") : Name(reader);
}
