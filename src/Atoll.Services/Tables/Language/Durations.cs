namespace Atoll.Services.Tables.Language;

/// <summary>Where the literal of a duration ends: <c>1h30m</c>, <c>P1Y2M3DT4H5M6S</c>, <c>P2W</c>, <c>P0001-02-03T04:05:06</c>.</summary>
internal static class Durations
{
    /// <summary>Whether a word goes on with this character.</summary>
    public static bool IsOfWord(char character) => char.IsAsciiLetterOrDigit(character) || character == '_';

    /// <summary>Behind the digits that begin there, if any do.</summary>
    public static int EndOfDigits(ReadOnlySpan<char> text, int position)
    {
        while (position < text.Length && char.IsAsciiDigit(text[position]))
        {
            position++;
        }

        return position;
    }

    /// <summary>Behind the numbers with units that begin there (a digit does); 0 when the first has no unit.</summary>
    public static int EndOfUnits(ReadOnlySpan<char> text, int position)
    {
        var end = 0;
        while (true)
        {
            var unit = EndOfDigits(text, position);
            var length = unit == position ? 0 : UnitLength(text, unit);
            if (length == 0)
            {
                return end;
            }

            end = unit + length;
            position = end;
        }
    }

    /// <summary>Behind the duration of ISO 8601 that begins there with P; 0 when it is none, or the beginning of a longer word.</summary>
    public static int EndOfIso(ReadOnlySpan<char> text, int start)
    {
        var position = start + 1;
        var end = EndOfFields(text, position);
        if (end == 0)
        {
            end = EndOf(text, position, "YMD");
            var time = end == 0 ? position : end;
            if (At(text, time) == 'T' && EndOf(text, time + 1, "HMS") is > 0 and var endOfTime)
            {
                end = endOfTime;
            }

            var week = EndOfDigits(text, position);
            if (end == 0 && week > position && At(text, week) == 'W')
            {
                end = week + 1;
            }
        }

        return end > 0 && !IsOfWord(At(text, end)) ? end : 0;
    }

    private static char At(ReadOnlySpan<char> text, int position) => position < text.Length ? text[position] : '\0';

    private static int UnitLength(ReadOnlySpan<char> text, int position)
    {
        var first = char.ToLowerInvariant(At(text, position));
        var second = char.ToLowerInvariant(At(text, position + 1));
        return (first, second) switch
        {
            ('m', 'o') or ('m', 's') or ('u', 's') or ('\u00b5', 's') or ('n', 's') => 2,
            ('y' or 'w' or 'd' or 'h' or 'm' or 's', _) => 1,
            _ => 0,
        };
    }

    /// <summary>Behind numbers with these designators, each at most once and in this order; 0 when there is none.</summary>
    private static int EndOf(ReadOnlySpan<char> text, int position, string designators)
    {
        var end = 0;
        foreach (var designator in designators)
        {
            var digits = EndOfDigits(text, position);
            if (digits > position && At(text, digits) == designator)
            {
                position = digits + 1;
                end = position;
            }
        }

        return end;
    }

    /// <summary>Behind fields of fixed width; 0 when they are not those.</summary>
    private static int EndOfFields(ReadOnlySpan<char> text, int start)
    {
        const string Pattern = "dddd-dd-ddTdd:dd:dd";
        if (text.Length - start < Pattern.Length)
        {
            return 0;
        }

        for (var i = 0; i < Pattern.Length; i++)
        {
            var character = text[start + i];
            if (Pattern[i] == 'd' ? !char.IsAsciiDigit(character) : character != Pattern[i])
            {
                return 0;
            }
        }

        return start + Pattern.Length;
    }
}
