using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Reads what follows WHERE and IF.</summary>
internal static class RelationSyntax
{
    /// <summary>WHERE and its relations.</summary>
    public static SyntaxList<Relation> Where(TokenReader reader)
    {
        reader.Expect(Keyword.Where);
        return reader.Conjunction(Relation);
    }

    /// <summary>WHERE and its relations, if there is one.</summary>
    public static SyntaxList<Relation> OptionalWhere(TokenReader reader) => reader.Is(Keyword.Where) ? Where(reader) : [];

    /// <summary>IF EXISTS, or IF and conditions, or nothing.</summary>
    public static (bool IfExists, SyntaxList<Condition> Conditions) Conditions(TokenReader reader)
    {
        if (!reader.Accept(Keyword.If))
        {
            return (false, []);
        }

        // A column may be called "exists".
        var isColumn = reader.Peek(1).Kind is TokenKind.Equal or TokenKind.Less or TokenKind.LessOrEqual or TokenKind.Greater
            or TokenKind.GreaterOrEqual or TokenKind.NotEqual or TokenKind.LeftBracket or TokenKind.Dot
            || reader.Peek(1).Keyword is Keyword.In or Keyword.Contains;
        return !isColumn && reader.Accept(Keyword.Exists) ? (true, []) : (false, reader.Conjunction(Condition));
    }

    /// <summary>A column, an element of one, or a field of one.</summary>
    public static ColumnTarget Target(TokenReader reader)
    {
        var column = NameSyntax.ColumnName(reader);
        if (reader.Accept(TokenKind.Dot))
        {
            return new ColumnField(column, NameSyntax.Name(reader));
        }

        if (!reader.Accept(TokenKind.LeftBracket))
        {
            return new WholeColumn(column);
        }

        var key = TermSyntax.Term(reader);
        reader.Expect(TokenKind.RightBracket);
        return new ColumnElement(column, key);
    }

    private static Condition Condition(TokenReader reader)
    {
        var target = Target(reader);
        if (reader.Accept(Keyword.In))
        {
            return new InCondition(target, Values(reader, TermSyntax.Term));
        }

        var comparison = target is WholeColumn && reader.Is(Keyword.Contains) ? Contains(reader) : Comparison(reader);
        return new ComparisonCondition(target, comparison, TermSyntax.Term(reader));
    }

    private static Relation Relation(TokenReader reader)
    {
        if (reader.Accept(Keyword.Token))
        {
            var columns = Columns(reader);
            return new TokenRelation(columns, Comparison(reader), TermSyntax.Term(reader));
        }

        if (reader.Is(TokenKind.LeftParenthesis))
        {
            return reader.Peek(1).IsColumnName && reader.Peek(2).Kind is TokenKind.Comma or TokenKind.RightParenthesis
                ? OfTuple(reader) : InParentheses(reader);
        }

        if (reader.Peek(1).Kind == TokenKind.LeftParenthesis && reader.IsWord("expr"))
        {
            reader.Next();
            reader.Next();
            var index = NameSyntax.IndexName(reader);
            reader.Expect(TokenKind.Comma);
            var relation = new IndexExpressionRelation(new QualifiedName(null, index), TermSyntax.Term(reader));
            reader.Expect(TokenKind.RightParenthesis);
            return relation;
        }

        return OfColumn(reader, NameSyntax.ColumnName(reader));
    }

    private static Relation OfColumn(TokenReader reader, string column)
    {
        switch (reader.Current.Keyword)
        {
            case Keyword.Like:
                reader.Next();
                return new ColumnRelation(column, RelationOperator.Like, TermSyntax.Term(reader));
            case Keyword.Is:
                reader.Next();
                reader.Expect(Keyword.Not, Keyword.Null);
                return new NotNullRelation(column);
            case Keyword.In:
                reader.Next();
                return new InRelation(column, Values(reader, TermSyntax.Term));
            case Keyword.Contains:
                return new ColumnRelation(column, Contains(reader), TermSyntax.Term(reader));
            default:
                break;
        }

        if (!reader.Accept(TokenKind.LeftBracket))
        {
            return new ColumnRelation(column, Comparison(reader), TermSyntax.Term(reader));
        }

        var key = TermSyntax.Term(reader);
        reader.Expect(TokenKind.RightBracket);
        return new ElementRelation(column, key, Comparison(reader), TermSyntax.Term(reader));
    }

    private static Relation OfTuple(TokenReader reader)
    {
        var columns = Columns(reader);
        if (reader.Accept(Keyword.In))
        {
            return new TupleInRelation(columns, Values(reader, TupleOrMarker));
        }

        return new TupleRelation(columns, Comparison(reader), TupleOrMarker(reader));
    }

    private static Relation InParentheses(TokenReader reader)
    {
        reader.Enter();
        reader.Expect(TokenKind.LeftParenthesis);
        var relation = Relation(reader);
        reader.Expect(TokenKind.RightParenthesis);
        reader.Leave();
        return relation;
    }

    private static SyntaxList<string> Columns(TokenReader reader) =>
        reader.List(TokenKind.LeftParenthesis, NameSyntax.ColumnName, TokenKind.RightParenthesis);

    private static Term TupleOrMarker(TokenReader reader) =>
        TermSyntax.IsMarker(reader) ? TermSyntax.Marker(reader) : TermSyntax.Tuple(reader);

    private static InValues Values(TokenReader reader, Func<TokenReader, Term> value) => TermSyntax.IsMarker(reader)
        ? new InMarker(TermSyntax.Marker(reader))
        : new InList(reader.List(TokenKind.LeftParenthesis, value, TokenKind.RightParenthesis, isEmptyAllowed: true));

    private static RelationOperator Contains(TokenReader reader)
    {
        reader.Expect(Keyword.Contains);
        return reader.Accept(Keyword.Key) ? RelationOperator.ContainsKey : RelationOperator.Contains;
    }

    private static RelationOperator Comparison(TokenReader reader)
    {
        RelationOperator? comparison = reader.Current.Kind switch
        {
            TokenKind.Equal => RelationOperator.Equal,
            TokenKind.Less => RelationOperator.Less,
            TokenKind.LessOrEqual => RelationOperator.LessOrEqual,
            TokenKind.Greater => RelationOperator.Greater,
            TokenKind.GreaterOrEqual => RelationOperator.GreaterOrEqual,
            TokenKind.NotEqual => RelationOperator.NotEqual,
            _ => null,
        };
        if (comparison is not { } found)
        {
            throw reader.Unexpected();
        }

        reader.Next();
        return found;
    }
}
