using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Reads what only selectors have: aliases, parts of columns, count(*), writetime and ttl.</summary>
internal static class SelectorSyntax
{
    /// <summary>What SELECT returns; empty for *.</summary>
    public static SyntaxList<Selector> Selectors(TokenReader reader) => reader.Accept(TokenKind.Star) ? [] : reader.List(Selector);

    /// <summary>Whether what SELECT returns may begin behind the current token, which then is a keyword and no column.</summary>
    public static bool IsKeywordBefore(TokenReader reader)
    {
        var next = reader.Peek(1);
        if (next.Kind == TokenKind.Star)
        {
            return reader.Peek(2).Keyword == Keyword.From;
        }

        if (next.Keyword == Keyword.As)
        {
            // "json AS x" gives the column another name; "json as, b" and "json as(1)" have a column or a function of that name.
            return !reader.Peek(2).IsName;
        }

        return next.IsLiteral || next.IsName || next.Keyword is Keyword.Token or Keyword.Null
            || next.Kind is TokenKind.LeftParenthesis or TokenKind.LeftBracket or TokenKind.LeftBrace or TokenKind.Question
                or TokenKind.Colon or TokenKind.Minus;
    }

    /// <summary>Fields, elements and slices behind a term.</summary>
    public static Term Modifiers(TokenReader reader, Term term)
    {
        while (reader.Current.Kind is TokenKind.Dot or TokenKind.LeftBracket)
        {
            reader.CountOperator();
            if (reader.Accept(TokenKind.Dot))
            {
                term = new FieldTerm(term, NameSyntax.Name(reader));
                continue;
            }

            reader.Expect(TokenKind.LeftBracket);
            term = Part(reader, term);
            reader.Expect(TokenKind.RightBracket);
        }

        return term;
    }

    /// <summary>count(*), writetime(column) or ttl(column), if that comes next.</summary>
    public static Term? TrySpecial(TokenReader reader)
    {
        if (reader.Peek(1).Kind != TokenKind.LeftParenthesis)
        {
            return null;
        }

        var keyword = reader.Current.Keyword;
        if (keyword == Keyword.Count)
        {
            return TryCountRows(reader);
        }

        if (keyword is not (Keyword.WriteTime or Keyword.Ttl))
        {
            return null;
        }

        reader.Next();
        reader.Expect(TokenKind.LeftParenthesis);
        reader.Enter();
        var column = Modifiers(reader, new ColumnTerm(NameSyntax.Name(reader)));
        reader.Leave();
        reader.Expect(TokenKind.RightParenthesis);
        return keyword == Keyword.WriteTime ? new WriteTimeTerm(column) : new TimeToLiveTerm(column);
    }

    private static Selector Selector(TokenReader reader)
    {
        var term = TermSyntax.SelectorTerm(reader);
        return new Selector(term, reader.Accept(Keyword.As) ? NameSyntax.Name(reader) : null);
    }

    private static CountRows? TryCountRows(TokenReader reader)
    {
        var argument = reader.Peek(2);
        var isRows = argument.Kind == TokenKind.Star
            || (argument.Kind == TokenKind.Integer && reader.Text(argument) == "1" && reader.Peek(3).Kind == TokenKind.RightParenthesis);
        if (!isRows)
        {
            return null;
        }

        reader.Next();
        reader.Expect(TokenKind.LeftParenthesis);
        reader.Next();
        reader.Expect(TokenKind.RightParenthesis);
        return new CountRows();
    }

    private static Term Part(TokenReader reader, Term collection)
    {
        if (reader.Accept(TokenKind.Range))
        {
            return new SliceTerm(collection, null, TermSyntax.Term(reader));
        }

        var first = TermSyntax.Term(reader);
        return !reader.Accept(TokenKind.Range) ? new ElementTerm(collection, first)
            : new SliceTerm(collection, first, reader.Is(TokenKind.RightBracket) ? null : TermSyntax.Term(reader));
    }
}
