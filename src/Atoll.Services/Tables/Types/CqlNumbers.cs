using System.Globalization;

namespace Atoll.Services.Tables.Types;

/// <summary>
/// Floating-point numbers as Java writes them, which is what clients of Cassandra have always seen: the fewest digits that read back to the
/// same number, at least one behind the point, and an exponent below 10^-3 and from 10^7 on.
/// </summary>
public static class CqlNumbers
{
    /// <summary>"1.0", "1.0E10", "NaN", "Infinity".</summary>
    public static string Format(double value) => double.IsFinite(value)
        ? Java(value.ToString("R", CultureInfo.InvariantCulture))
        : Special(value);

    /// <summary>The same of a float.</summary>
    public static string Format(float value) => float.IsFinite(value)
        ? Java(value.ToString("R", CultureInfo.InvariantCulture))
        : Special(value);

    /// <summary>Reads a number; also NaN, Infinity and -Infinity.</summary>
    public static bool TryParse(string text, out double value)
    {
        value = text switch
        {
            "NaN" or "nan" or "NAN" => double.NaN,
            "Infinity" or "infinity" or "INFINITY" => double.PositiveInfinity,
            "-Infinity" or "-infinity" or "-INFINITY" => double.NegativeInfinity,
            _ => 0,
        };
        return value != 0
            || double.TryParse(
                text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
                CultureInfo.InvariantCulture, out value);
    }

    private static string Special(double value) => double.IsNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";

    private static string Java(string shortest)
    {
        var sign = shortest.StartsWith('-') ? "-" : "";
        var plain = shortest.TrimStart('-');
        var e = plain.IndexOf('E');
        var mantissa = e < 0 ? plain : plain[..e];
        var digits = mantissa.Replace(".", "", StringComparison.Ordinal).TrimStart('0').TrimEnd('0');
        if (digits.Length == 0)
        {
            return sign + "0.0";
        }

        var exponent = 0;
        if (e >= 0)
        {
            exponent = int.Parse(plain[(e + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        }
        else
        {
            var point = mantissa.IndexOf('.');
            var whole = (point < 0 ? mantissa : mantissa[..point]).TrimStart('0');
            exponent = whole.Length > 0 ? whole.Length - 1 : point - mantissa.AsSpan().IndexOfAnyInRange('1', '9');
        }

        if (exponent is >= -3 and < 7)
        {
            return exponent < 0
                ? $"{sign}0.{new string('0', -exponent - 1)}{digits}"
                : digits.Length <= exponent + 1
                    ? $"{sign}{digits.PadRight(exponent + 1, '0')}.0"
                    : $"{sign}{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
        }

        return $"{sign}{digits[0]}.{(digits.Length > 1 ? digits[1..] : "0")}E{exponent.ToString(CultureInfo.InvariantCulture)}";
    }
}
