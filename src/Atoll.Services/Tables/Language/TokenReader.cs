using Atoll.Foundation;
using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>
/// What the parser reads from: the tokens of a query with a short view ahead, never back, so that parsing takes linear time; the bounds on
/// depth that keep the parser and whoever walks the tree from overflowing their stacks; and the numbering of bind markers.
/// </summary>
internal sealed class TokenReader
{
    // The longest look ahead is "(keyspace.type) x", five tokens behind the first.
    private const int Ahead = 8;

    private readonly Token[] _tokens = new Token[Ahead];
    private readonly List<BindMarker> _markers = [];
    private readonly Lexer _lexer;
    private int _first;
    private int _count;
    private int _depth;
    private int _operators;

    /// <summary>A reader at the first token.</summary>
    /// <exception cref="CqlSyntaxException">The query is too long.</exception>
    public TokenReader(string query)
    {
        Query = query;
        _lexer = new Lexer(query);
        if (query.Length > Limits.CqlQueryCharactersMax)
        {
            throw new CqlSyntaxException(1, 0, $"the query is longer than {Limits.CqlQueryCharactersMax} characters");
        }
    }

    /// <summary>The text.</summary>
    public string Query { get; }

    /// <summary>The bind markers so far.</summary>
    public SyntaxList<BindMarker> Markers => [.. _markers];

    /// <summary>The token that is read next.</summary>
    public Token Current => Peek(0);

    /// <summary>The token so many behind the current one.</summary>
    public Token Peek(int ahead)
    {
        while (_count <= ahead)
        {
            _tokens[(_first + _count) % Ahead] = _lexer.Next();
            _count++;
        }

        return _tokens[(_first + ahead) % Ahead];
    }

    /// <summary>Reads the current token.</summary>
    public Token Next()
    {
        var token = Current;
        _first = (_first + 1) % Ahead;
        _count--;
        return token;
    }

    /// <summary>Whether the current token is this keyword.</summary>
    public bool Is(Keyword keyword) => Current.Keyword == keyword;

    /// <summary>Whether the current token is of this kind.</summary>
    public bool Is(TokenKind kind) => Current.Kind == kind;

    /// <summary>Whether the next two tokens are these keywords.</summary>
    public bool Are(Keyword first, Keyword second) => Current.Keyword == first && Peek(1).Keyword == second;

    /// <summary>Reads the current token if it is this keyword.</summary>
    public bool Accept(Keyword keyword)
    {
        if (!Is(keyword))
        {
            return false;
        }

        Next();
        return true;
    }

    /// <summary>Reads the current token if it is of this kind.</summary>
    public bool Accept(TokenKind kind)
    {
        if (!Is(kind))
        {
            return false;
        }

        Next();
        return true;
    }

    /// <summary>Reads a keyword that must be there.</summary>
    /// <exception cref="CqlSyntaxException">It isn't.</exception>
    public void Expect(Keyword keyword)
    {
        if (!Accept(keyword))
        {
            throw SyntaxErrors.Mismatch(Query, Current, keyword.ToString().ToUpperInvariant());
        }
    }

    /// <summary>Reads keywords that must be there.</summary>
    /// <exception cref="CqlSyntaxException">They aren't.</exception>
    public void Expect(Keyword first, Keyword second)
    {
        Expect(first);
        Expect(second);
    }

    /// <summary>Reads a token that must be of this kind.</summary>
    /// <exception cref="CqlSyntaxException">It isn't.</exception>
    public Token Expect(TokenKind kind) =>
        Is(kind) ? Next() : throw SyntaxErrors.Mismatch(Query, Current, Token.Describe(kind));

    /// <summary>Reads IF EXISTS, if it is there.</summary>
    public bool AcceptIfExists()
    {
        if (!Accept(Keyword.If))
        {
            return false;
        }

        Expect(Keyword.Exists);
        return true;
    }

    /// <summary>Reads IF NOT EXISTS, if it is there.</summary>
    public bool AcceptIfNotExists()
    {
        if (!Accept(Keyword.If))
        {
            return false;
        }

        Expect(Keyword.Not, Keyword.Exists);
        return true;
    }

    /// <summary>Reads items with commas between them.</summary>
    public SyntaxList<T> List<T>(Func<TokenReader, T> item)
    {
        var items = new List<T>();
        do
        {
            items.Add(item(this));
        }
        while (Accept(TokenKind.Comma));

        return [.. items];
    }

    /// <summary>Reads items with AND between them.</summary>
    public SyntaxList<T> Conjunction<T>(Func<TokenReader, T> item)
    {
        var items = new List<T>();
        do
        {
            items.Add(item(this));
        }
        while (Accept(Keyword.And));

        return [.. items];
    }

    /// <summary>Reads items with commas between them and brackets around; with none between the brackets only if that is allowed.</summary>
    public SyntaxList<T> List<T>(TokenKind open, Func<TokenReader, T> item, TokenKind close, bool isEmptyAllowed = false)
    {
        Expect(open);
        if (isEmptyAllowed && Accept(close))
        {
            return [];
        }

        var items = List(item);
        Expect(close);
        return items;
    }

    /// <summary>The text of a token as written.</summary>
    public string Text(Token token) => Query[token.Start..token.End];

    /// <summary>The content of a string: without quotes, and two of them inside for one.</summary>
    public string StringContent(Token token) => Query[token.Start] == '$'
        ? Query[(token.Start + 2)..(token.End - 2)]
        : Query[(token.Start + 1)..(token.End - 1)].Replace("''", "'", StringComparison.Ordinal);

    /// <summary>The name that a word (in small letters) or a quoted name (verbatim) stands for.</summary>
    public string NameOf(Token token) => token.Kind == TokenKind.QuotedName
        ? Query[(token.Start + 1)..(token.End - 1)].Replace("\"\"", "\"", StringComparison.Ordinal)
        : Text(token).ToLowerInvariant();

    /// <summary>Whether the current token is this word, which is no keyword.</summary>
    public bool IsWord(string word) => Current is { Kind: TokenKind.Word, Keyword: Keyword.None }
        && Query.AsSpan(Current.Start, Current.End - Current.Start).Equals(word, StringComparison.OrdinalIgnoreCase);

    /// <summary>Takes the minus off the current token, a negative number, which so becomes positive.</summary>
    public void SplitSign()
    {
        var token = Current;
        var kind = token.Kind switch
        {
            TokenKind.NegativeInfinity => TokenKind.Infinity,
            TokenKind.NegativeNotANumber => TokenKind.NotANumber,
            _ => token.Kind,
        };
        _tokens[_first] = token with { Kind = kind, Start = token.Start + 1 };
    }

    /// <summary>Whether the current token is a number or a duration that begins with a minus.</summary>
    public bool IsNegativeNumber() =>
        Current.Kind is TokenKind.Integer or TokenKind.Float or TokenKind.Duration or TokenKind.NegativeInfinity
            or TokenKind.NegativeNotANumber
        && Query[Current.Start] == '-';

    /// <summary>A new bind marker.</summary>
    /// <exception cref="CqlSyntaxException">There are too many.</exception>
    public BindMarker AddMarker(string? name)
    {
        if (_markers.Count == Limits.CqlMarkersMax)
        {
            throw Error($"more than {Limits.CqlMarkersMax} bind markers");
        }

        var marker = new BindMarker(_markers.Count, name);
        _markers.Add(marker);
        return marker;
    }

    /// <summary>Goes one level deeper.</summary>
    /// <exception cref="CqlSyntaxException">That is too deep.</exception>
    public void Enter()
    {
        if (_depth == Limits.CqlNestingMax)
        {
            throw Error($"nested more than {Limits.CqlNestingMax} levels deep");
        }

        if (_depth++ == 0)
        {
            _operators = 0;
        }
    }

    /// <summary>Comes back from a level.</summary>
    public void Leave() => _depth--;

    /// <summary>
    /// Counts an operator of the outermost term: a chain of them (1 + 1 + 1, a.b.c) makes a deep tree without the parser going deep.
    /// </summary>
    /// <exception cref="CqlSyntaxException">There are too many.</exception>
    public void CountOperator()
    {
        if (++_operators > Limits.CqlOperatorsMax)
        {
            throw Error($"more than {Limits.CqlOperatorsMax} operators in a term");
        }
    }

    /// <summary>An error at the current token.</summary>
    public CqlSyntaxException Error(string problem) => SyntaxErrors.At(Query, Current.Start, problem);

    /// <summary>The error that the current token fits nowhere.</summary>
    public CqlSyntaxException Unexpected() => SyntaxErrors.Unexpected(Query, Current);
}
