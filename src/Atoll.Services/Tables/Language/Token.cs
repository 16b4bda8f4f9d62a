namespace Atoll.Services.Tables.Language;

/// <summary>The kinds of tokens.</summary>
internal enum TokenKind
{
    /// <summary>The end of the text.</summary>
    End = 0,

    /// <summary>A word: a keyword or a name.</summary>
    Word,

    /// <summary>A name in quotes, perhaps empty.</summary>
    QuotedName,

    // Literals, in one block.
    String, Integer, Float, NotANumber, NegativeNotANumber, Infinity, NegativeInfinity, Boolean, Uuid, Blob, Duration,

    // Brackets and signs.
    LeftParenthesis, RightParenthesis, LeftBracket, RightBracket, LeftBrace, RightBrace, Less, LessOrEqual, Greater, GreaterOrEqual, Equal,
    NotEqual, Plus, Minus, PlusEqual, MinusEqual, Star, Slash, Percent, Comma, Dot, Range, Colon, Semicolon, Question,
}

/// <summary>A token: where it is in the text, and what it is.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Keyword">For a word: which one of the grammar's; None for other words.</param>
/// <param name="Start">Its first character.</param>
/// <param name="End">Behind its last character.</param>
internal readonly record struct Token(TokenKind Kind, Keyword Keyword, int Start, int End)
{
    /// <summary>Whether it is a literal (null is a word).</summary>
    public bool IsLiteral => Kind is >= TokenKind.String and <= TokenKind.Duration;

    /// <summary>Whether it is a name: a word that isn't reserved, or one in quotes that isn't empty.</summary>
    public bool IsName => Kind == TokenKind.Word ? !Keyword.IsReserved() : Kind == TokenKind.QuotedName && End - Start > 2;

    /// <summary>Whether it may name a column in a statement that makes none: a name, or two quotes with nothing between.</summary>
    public bool IsColumnName => IsName || Kind == TokenKind.QuotedName;

    /// <summary>Whether it may name a function.</summary>
    public bool IsFunctionName => Kind == TokenKind.Word ? Keyword.IsFunctionName() : IsName;

    /// <summary>How a kind is called in errors.</summary>
    public static string Describe(TokenKind kind) => kind switch
    {
        TokenKind.End => "EOF",
        TokenKind.Word or TokenKind.QuotedName => "a name",
        TokenKind.String => "a string",
        TokenKind.Integer => "an integer",
        TokenKind.Boolean => "true or false",
        TokenKind.LeftParenthesis => "'('",
        TokenKind.RightParenthesis => "')'",
        TokenKind.LeftBracket => "'['",
        TokenKind.RightBracket => "']'",
        TokenKind.LeftBrace => "'{'",
        TokenKind.RightBrace => "'}'",
        TokenKind.Less => "'<'",
        TokenKind.Greater => "'>'",
        TokenKind.Equal => "'='",
        TokenKind.Comma => "','",
        TokenKind.Dot => "'.'",
        TokenKind.Colon => "':'",
        _ => kind.ToString(),
    };
}
