using System.Globalization;
using System.Numerics;

namespace Atoll.Services.Tables.Types;

/// <summary>A number of any precision: <c>Unscaled * 10^-Scale</c>. Equal only with the same scale; comparison is by number.</summary>
/// <param name="Unscaled">The digits.</param>
/// <param name="Scale">How many of them are behind the point; negative for zeros before it.</param>
public readonly record struct CqlDecimal(BigInteger Unscaled, int Scale) : IComparable<CqlDecimal>
{
    // Text of a number is at most a statement; powers of ten beyond are never computed for a comparison.
    private const int ExponentDigitsMax = 10;

    /// <inheritdoc />
    public int CompareTo(CqlDecimal other)
    {
        if (Scale == other.Scale || Unscaled.Sign != other.Unscaled.Sign)
        {
            return Unscaled.Sign != other.Unscaled.Sign
                ? Unscaled.Sign.CompareTo(other.Unscaled.Sign)
                : Unscaled.CompareTo(other.Unscaled);
        }

        // Same sign: the one with digits further to the left is further from zero; only when they begin at one place the digits are
        // compared, so that no number with many zeros is ever written out.
        var (digits, exponent) = Significant();
        var (otherDigits, otherExponent) = other.Significant();
        var byMagnitude = exponent != otherExponent ? exponent.CompareTo(otherExponent) : string.CompareOrdinal(digits, otherDigits);
        return Unscaled.Sign < 0 ? -byMagnitude : byMagnitude;
    }

    /// <summary>Whether the left is smaller.</summary>
    public static bool operator <(CqlDecimal left, CqlDecimal right) => left.CompareTo(right) < 0;

    /// <summary>Whether the left is greater.</summary>
    public static bool operator >(CqlDecimal left, CqlDecimal right) => left.CompareTo(right) > 0;

    /// <summary>Whether the left is not greater.</summary>
    public static bool operator <=(CqlDecimal left, CqlDecimal right) => left.CompareTo(right) <= 0;

    /// <summary>Whether the left is not smaller.</summary>
    public static bool operator >=(CqlDecimal left, CqlDecimal right) => left.CompareTo(right) >= 0;

    /// <summary>Reads "-12.5e3".</summary>
    public static bool TryParse(string text, out CqlDecimal value)
    {
        value = default;
        var mantissa = text.AsSpan();
        var exponent = 0L;
        var e = text.AsSpan().IndexOfAny('e', 'E');
        if (e >= 0)
        {
            if (text.Length - e - 1 > ExponentDigitsMax + 1
                || !long.TryParse(text.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent))
            {
                return false;
            }

            mantissa = text.AsSpan(0, e);
        }

        var point = mantissa.IndexOf('.');
        var digits = point < 0 ? mantissa.ToString() : string.Concat(mantissa[..point], mantissa[(point + 1)..]);
        var scale = (point < 0 ? 0L : mantissa.Length - point - 1) - exponent;
        if (scale is < int.MinValue or > int.MaxValue || digits.Length == 0 || char.IsWhiteSpace(digits[0]) || char.IsWhiteSpace(digits[^1])
            || !BigInteger.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var unscaled))
        {
            return false;
        }

        value = new CqlDecimal(unscaled, (int)scale);
        return true;
    }

    /// <summary>
    /// The digits from the first to the last that isn't zero, and the exponent: the number is 0.digits * 10^exponent. None for zero.
    /// </summary>
    internal (string Digits, long Exponent) Significant()
    {
        var digits = BigInteger.Abs(Unscaled).ToString(CultureInfo.InvariantCulture);
        return Unscaled.IsZero ? ("", 0) : (digits.TrimEnd('0'), digits.Length - (long)Scale);
    }

    /// <summary>The number as Java's BigDecimal writes it: with an exponent when it would need zeros otherwise.</summary>
    public override string ToString()
    {
        var digits = BigInteger.Abs(Unscaled).ToString(CultureInfo.InvariantCulture);
        var sign = Unscaled.Sign < 0 ? "-" : "";
        var exponent = digits.Length - 1L - Scale;
        if (Scale == 0)
        {
            return sign + digits;
        }

        if (Scale > 0 && exponent >= -6)
        {
            var whole = digits.Length - Scale;
            return whole > 0
                ? $"{sign}{digits[..whole]}.{digits[whole..]}"
                : $"{sign}0.{new string('0', -whole)}{digits}";
        }

        var mantissa = digits.Length == 1 ? digits : $"{digits[0]}.{digits[1..]}";
        return $"{sign}{mantissa}E{(exponent >= 0 ? "+" : "")}{exponent.ToString(CultureInfo.InvariantCulture)}";
    }
}
