using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Reads terms. Those of selectors may name columns and parts of them; others may not.</summary>
internal static class TermSyntax
{
    /// <summary>A term without columns: of WHERE, VALUES, SET.</summary>
    public static Term Term(TokenReader reader) => Sum(reader, isSelector: false);

    /// <summary>A term that may have columns: of SELECT and GROUP BY.</summary>
    public static Term SelectorTerm(TokenReader reader) => Sum(reader, isSelector: true);

    /// <summary>An integer literal or a marker: of LIMIT, TTL, TIMESTAMP.</summary>
    public static Term Integer(TokenReader reader) =>
        reader.Is(TokenKind.Integer) ? Literal(reader) : IsMarker(reader) ? Marker(reader) : throw reader.Unexpected();

    /// <summary>Whether a marker comes next.</summary>
    public static bool IsMarker(TokenReader reader) => reader.Current.Kind is TokenKind.Question or TokenKind.Colon;

    /// <summary>A marker.</summary>
    public static BindMarker Marker(TokenReader reader)
    {
        if (reader.Accept(TokenKind.Question))
        {
            return reader.AddMarker(null);
        }

        reader.Expect(TokenKind.Colon);
        return reader.AddMarker(NameSyntax.Name(reader));
    }

    /// <summary>A tuple, and nothing else in parentheses.</summary>
    public static TupleLiteral Tuple(TokenReader reader) => Tuple(reader, isSelector: false);

    /// <summary>Whether a call of a function comes next: a name, perhaps with a keyspace, and a parenthesis.</summary>
    public static bool IsCall(TokenReader reader) =>
        (reader.Current.IsFunctionName && reader.Peek(1).Kind == TokenKind.LeftParenthesis)
        || (reader.Current.IsName && reader.Peek(1).Kind == TokenKind.Dot && reader.Peek(2).IsFunctionName
            && reader.Peek(3).Kind == TokenKind.LeftParenthesis);

    /// <summary>A literal that isn't null.</summary>
    public static Literal Literal(TokenReader reader)
    {
        var token = reader.Next();
        return token.Kind switch
        {
            TokenKind.String => new Literal(LiteralKind.String, reader.StringContent(token)),
            TokenKind.Integer => new Literal(LiteralKind.Integer, reader.Text(token)),
            TokenKind.Float => new Literal(LiteralKind.Float, reader.Text(token)),
            TokenKind.NotANumber or TokenKind.NegativeNotANumber => new Literal(LiteralKind.Float, "NaN"),
            TokenKind.Infinity => new Literal(LiteralKind.Float, "Infinity"),
            TokenKind.NegativeInfinity => new Literal(LiteralKind.Float, "-Infinity"),
            TokenKind.Boolean => new Literal(LiteralKind.Boolean, reader.NameOf(token)),
            TokenKind.Uuid => new Literal(LiteralKind.Uuid, reader.Text(token)),
            TokenKind.Blob => new Literal(LiteralKind.Blob, reader.Text(token)),
            TokenKind.Duration => new Literal(LiteralKind.Duration, reader.Text(token)),
            _ => throw SyntaxErrors.Unexpected(reader.Query, token),
        };
    }

    private static Term Sum(TokenReader reader, bool isSelector)
    {
        reader.Enter();
        var left = Product(reader, isSelector);
        while (true)
        {
            ArithmeticOperator operation;
            if (reader.Is(TokenKind.Plus))
            {
                // "[1] + c": what is prepended to a list ends before the column.
                if (!isSelector && IsColumnBehindPlus(reader))
                {
                    break;
                }

                operation = ArithmeticOperator.Add;
                reader.Next();
            }
            else if (reader.Is(TokenKind.Minus))
            {
                operation = ArithmeticOperator.Subtract;
                reader.Next();
            }
            else if (reader.IsNegativeNumber())
            {
                // "a -1" is a difference, although "-1" is a token.
                operation = ArithmeticOperator.Subtract;
                reader.SplitSign();
            }
            else
            {
                break;
            }

            reader.CountOperator();
            left = new Arithmetic(operation, left, Product(reader, isSelector));
        }

        reader.Leave();
        return left;
    }

    private static bool IsColumnBehindPlus(TokenReader reader)
    {
        var (name, next) = (reader.Peek(1), reader.Peek(2));
        var isCall = next.Kind is TokenKind.LeftParenthesis or TokenKind.Dot;
        return name.IsColumnName && !isCall;
    }

    private static Term Product(TokenReader reader, bool isSelector)
    {
        var left = Signed(reader, isSelector);
        while (reader.Current.Kind is TokenKind.Star or TokenKind.Slash or TokenKind.Percent)
        {
            reader.CountOperator();
            var operation = reader.Next().Kind switch
            {
                TokenKind.Star => ArithmeticOperator.Multiply,
                TokenKind.Slash => ArithmeticOperator.Divide,
                _ => ArithmeticOperator.Modulo,
            };
            left = new Arithmetic(operation, left, Signed(reader, isSelector));
        }

        return left;
    }

    private static Term Signed(TokenReader reader, bool isSelector)
    {
        if (!reader.Is(TokenKind.Minus))
        {
            return Modified(reader, isSelector);
        }

        reader.Enter();
        reader.Next();
        var negation = new Negation(Signed(reader, isSelector));
        reader.Leave();
        return negation;
    }

    /// <summary>A simple term; among selectors, perhaps with fields, elements and slices behind it.</summary>
    private static Term Modified(TokenReader reader, bool isSelector)
    {
        var term = Simple(reader, isSelector);
        return isSelector ? SelectorSyntax.Modifiers(reader, term) : term;
    }

    private static Term Simple(TokenReader reader, bool isSelector)
    {
        var token = reader.Current;
        if (token.IsLiteral)
        {
            return Literal(reader);
        }

        switch (token.Kind)
        {
            case TokenKind.Question or TokenKind.Colon:
                return Marker(reader);
            case TokenKind.LeftBracket:
                return new ListLiteral(reader.List(
                    TokenKind.LeftBracket, Element(isSelector), TokenKind.RightBracket, isEmptyAllowed: true));
            case TokenKind.LeftBrace:
                return Braces(reader, isSelector);
            case TokenKind.LeftParenthesis:
                return IsTypeHint(reader, isSelector) ? TypeHint(reader, isSelector) : Tuple(reader, isSelector);
            case TokenKind.Word or TokenKind.QuotedName:
                return Word(reader, isSelector);
            default:
                throw reader.Unexpected();
        }
    }

    private static Term Word(TokenReader reader, bool isSelector)
    {
        var isCalled = reader.Peek(1).Kind == TokenKind.LeftParenthesis;
        if (reader.Accept(Keyword.Null))
        {
            return Syntax.Literal.Null;
        }

        if (reader.Is(Keyword.Cast) && isCalled)
        {
            reader.Next();
            reader.Expect(TokenKind.LeftParenthesis);
            var value = Sum(reader, isSelector);
            reader.Expect(Keyword.As);
            var type = TypeNameSyntax.Native(reader);
            reader.Expect(TokenKind.RightParenthesis);
            return new Cast(value, type);
        }

        if (isSelector && SelectorSyntax.TrySpecial(reader) is { } special)
        {
            return special;
        }

        if (IsCall(reader))
        {
            var name = NameSyntax.Function(reader);
            return new FunctionCall(name, reader.List(
                TokenKind.LeftParenthesis, Element(isSelector), TokenKind.RightParenthesis, isEmptyAllowed: true));
        }

        return isSelector ? new ColumnTerm(NameSyntax.Name(reader)) : throw reader.Unexpected();
    }

    private static Func<TokenReader, Term> Element(bool isSelector) => isSelector ? SelectorTerm : Term;

    private static TupleLiteral Tuple(TokenReader reader, bool isSelector) =>
        new(reader.List(TokenKind.LeftParenthesis, Element(isSelector), TokenKind.RightParenthesis));

    private static TypeHint TypeHint(TokenReader reader, bool isSelector)
    {
        reader.Enter();
        reader.Expect(TokenKind.LeftParenthesis);
        var type = TypeNameSyntax.Type(reader);
        reader.Expect(TokenKind.RightParenthesis);
        var hint = new TypeHint(type, Simple(reader, isSelector));
        reader.Leave();
        return hint;
    }

    /// <summary>
    /// Whether the parenthesis begins a type. Among selectors a name alone may also be a column, so there a term must follow.
    /// </summary>
    private static bool IsTypeHint(TokenReader reader, bool isSelector)
    {
        var first = reader.Peek(1);
        if (first.Keyword is Keyword.List or Keyword.Set or Keyword.Map or Keyword.Tuple or Keyword.Frozen
            && reader.Peek(2).Kind == TokenKind.Less)
        {
            return true;
        }

        if (!first.IsName)
        {
            return false;
        }

        var close = reader.Peek(2).Kind == TokenKind.Dot && reader.Peek(3).IsName ? 4 : 2;
        return reader.Peek(close).Kind == TokenKind.RightParenthesis
            && (!isSelector || IsBeginOfTerm(reader.Peek(close + 1), first.Keyword.IsNativeType()));
    }

    private static bool IsBeginOfTerm(Token token, bool isBehindNativeType) =>
        token.IsLiteral
        || token.Kind is TokenKind.Question or TokenKind.LeftParenthesis or TokenKind.LeftBracket or TokenKind.LeftBrace
        || (token.IsName && token.Keyword is not (Keyword.As or Keyword.Per))
        || token.Keyword is Keyword.Null or Keyword.Token
        || (token.Kind == TokenKind.Colon && isBehindNativeType);

    /// <summary>A set, a map, or a value of a user type.</summary>
    private static Term Braces(TokenReader reader, bool isSelector)
    {
        reader.Expect(TokenKind.LeftBrace);
        if (reader.Accept(TokenKind.RightBrace))
        {
            return new SetLiteral([]);
        }

        Term literal;
        if (!isSelector && reader.Current.IsName && reader.Peek(1).Kind == TokenKind.Colon)
        {
            literal = new UserTypeLiteral(reader.List(Field));
        }
        else
        {
            var first = Sum(reader, isSelector);
            literal = reader.Is(TokenKind.Colon) ? Map(reader, first, isSelector) : Set(reader, first, isSelector);
        }

        reader.Expect(TokenKind.RightBrace);
        return literal;
    }

    private static FieldValue Field(TokenReader reader)
    {
        var name = NameSyntax.Name(reader);
        reader.Expect(TokenKind.Colon);
        return new FieldValue(name, Term(reader));
    }

    private static SetLiteral Set(TokenReader reader, Term first, bool isSelector) =>
        new(reader.Accept(TokenKind.Comma) ? [first, .. reader.List(Element(isSelector))] : [first]);

    private static Term Map(TokenReader reader, Term firstKey, bool isSelector)
    {
        reader.Expect(TokenKind.Colon);
        var entries = new List<MapEntry> { new(firstKey, Sum(reader, isSelector)) };
        while (reader.Accept(TokenKind.Comma))
        {
            var key = Sum(reader, isSelector);
            reader.Expect(TokenKind.Colon);
            entries.Add(new MapEntry(key, Sum(reader, isSelector)));
        }

        return entries.TrueForAll(entry => entry.Key is ColumnTerm)
            ? new UserTypeLiteral([.. entries.Select(entry => new FieldValue(((ColumnTerm)entry.Key).Name, entry.Value))])
            : new MapLiteral([.. entries]);
    }
}
