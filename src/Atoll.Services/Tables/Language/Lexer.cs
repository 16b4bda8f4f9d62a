namespace Atoll.Services.Tables.Language;

/// <summary>
/// Cuts CQL into tokens, one at a time: nothing is kept, each character is looked at a bounded number of times, and a token is only its
/// place in the text.
/// </summary>
internal sealed class Lexer(string query)
{
    private const int UuidLength = 36;

    private int _position;

    /// <summary>The next token.</summary>
    /// <exception cref="CqlSyntaxException">What follows is none.</exception>
    public Token Next()
    {
        SkipBlanks();
        var start = _position;
        if (start == query.Length)
        {
            return new Token(TokenKind.End, Keyword.None, start, start);
        }

        var first = query[start];
        if (char.IsAsciiHexDigit(first) && IsUuid(start))
        {
            return Take(TokenKind.Uuid, start + UuidLength);
        }

        return first switch
        {
            'P' when Durations.EndOfIso(query, start) is > 0 and var end => Take(TokenKind.Duration, end),
            _ when char.IsAsciiLetter(first) => Word(),
            _ when char.IsAsciiDigit(first) => Number(start),
            '\'' => Quoted('\'', TokenKind.String),
            '"' => Quoted('"', TokenKind.QuotedName),
            '$' when At(start + 1) == '$' => DollarString(),
            '-' => Minus(),
            _ => Sign(first),
        };
    }

    private char At(int position) => position < query.Length ? query[position] : '\0';

    private Token Take(TokenKind kind, int end, Keyword keyword = Keyword.None)
    {
        var token = new Token(kind, keyword, _position, end);
        _position = end;
        return token;
    }

    private void SkipBlanks()
    {
        while (_position < query.Length)
        {
            var character = query[_position];
            var next = At(_position + 1);
            if (character is ' ' or '\t' or '\n' or '\r')
            {
                _position++;
            }
            else if ((character == '-' && next == '-') || (character == '/' && next == '/'))
            {
                var length = query.AsSpan(_position).IndexOfAny('\n', '\r');
                _position = length < 0 ? query.Length : _position + length;
            }
            else if (character == '/' && next == '*')
            {
                var end = query.IndexOf("*/", _position + 2, StringComparison.Ordinal);
                _position = end >= 0 ? end + 2 : throw SyntaxErrors.At(query, _position, "a comment begins with /* and never ends");
            }
            else
            {
                return;
            }
        }
    }

    private Token Word()
    {
        var end = EndOfWord(_position);
        var word = query.AsSpan(_position, end - _position);
        if (Keywords.Find(word) is var keyword and not Keyword.None)
        {
            return Take(TokenKind.Word, end, keyword);
        }

        var kind = word.Length switch
        {
            4 when word.Equals("true", StringComparison.OrdinalIgnoreCase) => TokenKind.Boolean,
            5 when word.Equals("false", StringComparison.OrdinalIgnoreCase) => TokenKind.Boolean,
            3 when word.Equals("nan", StringComparison.OrdinalIgnoreCase) => TokenKind.NotANumber,
            8 when word.Equals("infinity", StringComparison.OrdinalIgnoreCase) => TokenKind.Infinity,
            _ => TokenKind.Word,
        };
        return Take(kind, end);
    }

    private int EndOfWord(int position)
    {
        while (position < query.Length && Durations.IsOfWord(query[position]))
        {
            position++;
        }

        return position;
    }

    private Token Minus()
    {
        var next = At(_position + 1);
        if (char.IsAsciiDigit(next))
        {
            return Number(_position + 1);
        }

        if (next == 'P' && Durations.EndOfIso(query, _position + 1) is > 0 and var end)
        {
            return Take(TokenKind.Duration, end);
        }

        var endOfWord = EndOfWord(_position + 1);
        var word = query.AsSpan(_position + 1, endOfWord - _position - 1);
        return word.Equals("nan", StringComparison.OrdinalIgnoreCase) ? Take(TokenKind.NegativeNotANumber, endOfWord)
            : word.Equals("infinity", StringComparison.OrdinalIgnoreCase) ? Take(TokenKind.NegativeInfinity, endOfWord)
            : next == '=' ? Take(TokenKind.MinusEqual, _position + 2)
            : Take(TokenKind.Minus, _position + 1);
    }

    /// <summary>A number, blob or duration whose digits begin there, behind the minus if there is one.</summary>
    private Token Number(int digits)
    {
        if (digits == _position && query[digits] == '0' && At(digits + 1) is 'x' or 'X')
        {
            var endOfBlob = digits + 2;
            while (char.IsAsciiHexDigit(At(endOfBlob)))
            {
                endOfBlob++;
            }

            return Take(TokenKind.Blob, endOfBlob);
        }

        var end = Durations.EndOfDigits(query, digits);
        if (Durations.EndOfUnits(query, digits) is > 0 and var endOfDuration)
        {
            return Take(TokenKind.Duration, endOfDuration);
        }

        var isFloat = false;
        if (At(end) == '.')
        {
            // "1..2" is a range of integers, "1...2" one that begins with the float "1.".
            if (At(end + 1) == '.')
            {
                return At(end + 2) == '.' ? Take(TokenKind.Float, end + 1) : Take(TokenKind.Integer, end);
            }

            isFloat = true;
            end = Durations.EndOfDigits(query, end + 1);
        }

        if (At(end) is 'e' or 'E')
        {
            var exponent = At(end + 1) is '+' or '-' ? end + 2 : end + 1;
            if (char.IsAsciiDigit(At(exponent)))
            {
                return Take(TokenKind.Float, Durations.EndOfDigits(query, exponent));
            }
        }

        return Take(isFloat ? TokenKind.Float : TokenKind.Integer, end);
    }

    private Token Quoted(char quote, TokenKind kind)
    {
        var position = _position + 1;
        while (true)
        {
            var end = query.IndexOf(quote, position);
            if (end < 0)
            {
                throw SyntaxErrors.At(query, query.Length, $"mismatched character '<EOF>' expecting '{quote}'");
            }

            if (At(end + 1) != quote)
            {
                return Take(kind, end + 1);
            }

            position = end + 2;
        }
    }

    private Token DollarString()
    {
        var end = query.IndexOf("$$", _position + 2, StringComparison.Ordinal);
        return end >= 0
            ? Take(TokenKind.String, end + 2)
            : throw SyntaxErrors.At(query, query.Length, "mismatched character '<EOF>' expecting '$$'");
    }

    private Token Sign(char first)
    {
        var next = At(_position + 1);
        var kind = (first, next) switch
        {
            ('<', '=') => TokenKind.LessOrEqual,
            ('>', '=') => TokenKind.GreaterOrEqual,
            ('!', '=') => TokenKind.NotEqual,
            ('+', '=') => TokenKind.PlusEqual,
            ('.', '.') => TokenKind.Range,
            _ => TokenKind.End,
        };
        if (kind != TokenKind.End)
        {
            return Take(kind, _position + 2);
        }

        kind = first switch
        {
            '(' => TokenKind.LeftParenthesis,
            ')' => TokenKind.RightParenthesis,
            '[' => TokenKind.LeftBracket,
            ']' => TokenKind.RightBracket,
            '{' => TokenKind.LeftBrace,
            '}' => TokenKind.RightBrace,
            '<' => TokenKind.Less,
            '>' => TokenKind.Greater,
            '=' => TokenKind.Equal,
            '+' => TokenKind.Plus,
            '*' => TokenKind.Star,
            '/' => TokenKind.Slash,
            '%' => TokenKind.Percent,
            ',' => TokenKind.Comma,
            '.' => TokenKind.Dot,
            ':' => TokenKind.Colon,
            ';' => TokenKind.Semicolon,
            '?' => TokenKind.Question,
            _ => throw SyntaxErrors.UnknownCharacter(query, _position),
        };
        return Take(kind, _position + 1);
    }

    private bool IsUuid(int start)
    {
        if (query.Length - start < UuidLength || query[start + 8] != '-')
        {
            return false;
        }

        for (var i = 0; i < UuidLength; i++)
        {
            var character = query[start + i];
            if (i is 8 or 13 or 18 or 23 ? character != '-' : !char.IsAsciiHexDigit(character))
            {
                return false;
            }
        }

        return true;
    }
}
