using System.Globalization;

namespace Atoll.Gateways.Http;

/// <summary>Durations as people write them: a number and a unit ("250ms", "30s", "5m", "12h", "7d"); a bare number is seconds.</summary>
public static class DurationText
{
    // 28,500 years: below where TimeSpan ends, at 9.2e14.
    private const double MillisecondsMax = 9e14;

    /// <summary>Reads a duration that is longer than nothing.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        var trimmed = text.AsSpan().Trim();
        var unitLength = 0;
        while (unitLength < trimmed.Length && char.IsAsciiLetter(trimmed[^(unitLength + 1)]))
        {
            unitLength++;
        }

        double milliseconds = trimmed[^unitLength..] switch
        {
            "ms" => 1,
            "" or "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => 0,
        };
        duration = default;
        if (milliseconds == 0
            || !double.TryParse(trimmed[..^unitLength], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            || number * milliseconds is not (> 0 and < MillisecondsMax))
        {
            return false;
        }

        duration = TimeSpan.FromMilliseconds(number * milliseconds);
        return duration > TimeSpan.Zero;
    }
}
