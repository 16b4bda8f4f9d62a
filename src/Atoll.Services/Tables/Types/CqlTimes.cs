using System.Globalization;
using System.Text.RegularExpressions;

namespace Atoll.Services.Tables.Types;

/// <summary>
/// Timestamps, dates and times as text. Years go from -5877641 to 5881580 in Cassandra's dates; Atoll reads and writes the proleptic
/// Gregorian calendar for all of them.
/// </summary>
public static class CqlTimes
{
    /// <summary>Nanoseconds of a day.</summary>
    public const long NanosecondsPerDay = 86_400_000_000_000;

    private const long MillisecondsPerDay = 86_400_000;

    // [0-9] throughout: \d also stands for the digits of other scripts, which no number is read from.
    private static readonly Regex Timestamp = new(
        @"^(-?[0-9]{1,7})-([0-9]{1,2})-([0-9]{1,2})(?:[ T]([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]{1,9}))?)?)?"
        + @"(?:\s*(Z|z|UTC|GMT|(?:(?:UTC|GMT)?([+-])([0-9]{2}):?([0-9]{2})?)))?\z",
        RegexOptions.CultureInvariant);

    private static readonly Regex Date = new(@"^(-?[0-9]{1,7})-([0-9]{1,2})-([0-9]{1,2})\z", RegexOptions.CultureInvariant);

    private static readonly Regex Time = new(
        @"^([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:\.([0-9]{1,9}))?\z", RegexOptions.CultureInvariant);

    /// <summary>Reads "2026-02-03 04:05:06.789+0100" and shorter; without a zone it is UTC. Also a number of milliseconds.</summary>
    public static bool TryParseTimestamp(string text, out long milliseconds)
    {
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out milliseconds))
        {
            return true;
        }

        if (Timestamp.Match(text) is not { Success: true } match
            || !TryDays(match, out var days)
            || !TryTimeOfDay(match, 4, out var nanoseconds))
        {
            return false;
        }

        var offsetMinutes = 0L;
        if (match.Groups[9].Success)
        {
            offsetMinutes = (Number(match, 10) * 60) + Number(match, 11);
            offsetMinutes = match.Groups[9].Value == "-" ? -offsetMinutes : offsetMinutes;
        }

        milliseconds = (days * MillisecondsPerDay) + (nanoseconds / 1_000_000) - (offsetMinutes * 60_000);
        return Math.Abs(offsetMinutes) <= 18 * 60;
    }

    /// <summary>Reads "2026-02-03", or the number that the date is serialized as.</summary>
    public static bool TryParseDate(string text, out uint date)
    {
        if (uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out date))
        {
            return true;
        }

        if (Date.Match(text) is not { Success: true } match || !TryDays(match, out var days)
            || days is < -(long)CqlBytes.DateEpoch or >= CqlBytes.DateEpoch)
        {
            return false;
        }

        date = (uint)(days + CqlBytes.DateEpoch);
        return true;
    }

    /// <summary>Reads "04:05:06.789012345", or a number of nanoseconds.</summary>
    public static bool TryParseTime(string text, out long nanoseconds)
    {
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out nanoseconds))
        {
            return nanoseconds < NanosecondsPerDay;
        }

        return Time.Match(text) is { Success: true } match && TryTimeOfDay(match, 1, out nanoseconds);
    }

    /// <summary>"2026-02-03T04:05:06.789Z", or with a space instead of the T.</summary>
    public static string FormatTimestamp(long milliseconds, char separator)
    {
        var days = Math.DivRem(milliseconds, MillisecondsPerDay, out var rest);
        if (rest < 0)
        {
            days--;
            rest += MillisecondsPerDay;
        }

        return string.Create(
            CultureInfo.InvariantCulture,
            $"{FormatDate(days)}{separator}{rest / 3_600_000:00}:{rest / 60_000 % 60:00}:{rest / 1000 % 60:00}.{rest % 1000:000}Z");
    }

    /// <summary>"2026-02-03" of days since 1970-01-01.</summary>
    public static string FormatDate(long days)
    {
        // Days to date without tables, from years that begin in March (Hinnant, "chrono-compatible low-level date algorithms").
        var shifted = days + 719_468;
        var era = FloorDivide(shifted, 146_097);
        var dayOfEra = shifted - (era * 146_097);
        var yearOfEra = (dayOfEra - (dayOfEra / 1_460) + (dayOfEra / 36_524) - (dayOfEra / 146_096)) / 365;
        var dayOfYear = dayOfEra - ((365 * yearOfEra) + (yearOfEra / 4) - (yearOfEra / 100));
        var monthFromMarch = ((5 * dayOfYear) + 2) / 153;
        var day = dayOfYear - (((153 * monthFromMarch) + 2) / 5) + 1;
        var month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
        var year = yearOfEra + (era * 400) + (month <= 2 ? 1 : 0);
        return string.Create(CultureInfo.InvariantCulture, $"{year:0000}-{month:00}-{day:00}");
    }

    /// <summary>"04:05:06.789012345".</summary>
    public static string FormatTime(long nanoseconds)
    {
        var seconds = nanoseconds / 1_000_000_000;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{seconds / 3600:00}:{seconds / 60 % 60:00}:{seconds % 60:00}.{nanoseconds % 1_000_000_000:000000000}");
    }

    private static bool TryDays(Match match, out long days)
    {
        var (year, month, day) = (Number(match, 1), Number(match, 2), Number(match, 3));
        days = 0;
        if (month is < 1 or > 12 || day < 1 || day > DaysInMonth(year, month))
        {
            return false;
        }

        var shiftedYear = month <= 2 ? year - 1 : year;
        var era = FloorDivide(shiftedYear, 400);
        var yearOfEra = shiftedYear - (era * 400);
        var dayOfYear = (((153 * (month > 2 ? month - 3 : month + 9)) + 2) / 5) + day - 1;
        var dayOfEra = (yearOfEra * 365) + (yearOfEra / 4) - (yearOfEra / 100) + dayOfYear;
        days = (era * 146_097) + dayOfEra - 719_468;
        return true;
    }

    private static long DaysInMonth(long year, long month) => month switch
    {
        2 => year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28,
        4 or 6 or 9 or 11 => 30,
        _ => 31,
    };

    private static bool TryTimeOfDay(Match match, int first, out long nanoseconds)
    {
        var (hours, minutes, seconds) = (Number(match, first), Number(match, first + 1), Number(match, first + 2));
        var fraction = match.Groups[first + 3].Success
            ? long.Parse(match.Groups[first + 3].Value.PadRight(9, '0'), NumberStyles.None, CultureInfo.InvariantCulture)
            : 0;
        nanoseconds = (((((hours * 60) + minutes) * 60) + seconds) * 1_000_000_000) + fraction;
        return hours < 24 && minutes < 60 && seconds < 60;
    }

    private static long FloorDivide(long value, long by) => value >= 0 ? value / by : ((value + 1) / by) - 1;

    private static long Number(Match match, int group) => match.Groups[group].Success
        ? long.Parse(match.Groups[group].ValueSpan, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)
        : 0;
}
