using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Reads the properties behind WITH.</summary>
internal static class PropertySyntax
{
    /// <summary>Properties with AND between them.</summary>
    public static SyntaxList<Property> Properties(TokenReader reader)
    {
        var properties = new PropertyCollector();
        reader.Conjunction(properties.Read);
        return properties.All;
    }

    /// <summary>WITH and properties, if there are any.</summary>
    public static SyntaxList<Property> OptionalProperties(TokenReader reader) => reader.Accept(Keyword.With) ? Properties(reader) : [];

    /// <summary>A map of texts.</summary>
    public static PropertyMap Map(TokenReader reader)
    {
        var keys = new HashSet<string>(StringComparer.Ordinal);
        return new PropertyMap(reader.List(
            TokenKind.LeftBrace,
            _ =>
            {
                var start = reader.Current;
                var key = TermSyntax.Term(reader);
                reader.Expect(TokenKind.Colon);
                var value = TermSyntax.Term(reader);
                var entry = new PropertyEntry(
                    TextOf(key) ?? throw Invalid(reader, start, $"Invalid property name: {key}", key),
                    TextOf(value) ?? throw Invalid(reader, start, $"Invalid property value: {value} for property: {key}", value));
                return keys.Add(entry.Key) ? entry
                    : throw SyntaxErrors.At(reader.Query, start.Start, $"Multiple definition for property {entry.Key}");
            },
            TokenKind.RightBrace,
            isEmptyAllowed: true));
    }

    private static string? TextOf(Term term) => term is Literal { IsNull: false } literal ? literal.Text : null;

    private static CqlSyntaxException Invalid(TokenReader reader, Token place, string problem, Term term) => SyntaxErrors.At(
        reader.Query, place.Start, problem + (term is BindMarker ? " (bind variables are not supported in DDL queries)" : ""));
}

/// <summary>The properties of one statement: none may occur twice.</summary>
internal sealed class PropertyCollector
{
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly List<Property> _properties = [];

    /// <summary>All that were read.</summary>
    public SyntaxList<Property> All => [.. _properties];

    /// <summary>Reads one.</summary>
    public Property Read(TokenReader reader)
    {
        var start = reader.Current;
        var name = NameSyntax.Name(reader);
        reader.Expect(TokenKind.Equal);
        var property = new Property(name, reader.Is(TokenKind.LeftBrace) ? PropertySyntax.Map(reader) : Single(reader));
        if (!_names.Add(name))
        {
            throw SyntaxErrors.At(reader.Query, start.Start, $"Multiple definition for property '{name}'");
        }

        _properties.Add(property);
        return property;
    }

    private static PropertyText Single(TokenReader reader)
    {
        if (reader.Current.IsLiteral)
        {
            return new PropertyText(TermSyntax.Literal(reader).Text);
        }

        var token = reader.Current;
        return token is { Kind: TokenKind.Word, IsName: true } && token.Keyword != Keyword.None
            ? new PropertyText(reader.NameOf(reader.Next()))
            : throw reader.Unexpected();
    }
}
