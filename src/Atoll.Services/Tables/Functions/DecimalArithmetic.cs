using System.Numerics;
using Atoll.Foundation;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>
/// Arithmetic of large numbers, with Cassandra's rules for scales and precision. No operation takes long: numbers beyond
/// <see cref="Limits.CqlNumberBytesMax"/> are refused, and so is what would write out more than ten thousand digits.
/// </summary>
internal static class DecimalArithmetic
{
    private const int DigitsMax = 10_000;
    private const long BitsMax = 8L * Limits.CqlNumberBytesMax - 1;

    // Of a quotient: at least so many significant digits and digits behind the point, and at most so many behind it.
    private const int QuotientDigitsMin = 32;
    private const int QuotientScaleMin = 32;
    private const int QuotientScaleMax = 1_000;

    private const double DigitsPerBit = 0.301029995663981195;

    /// <summary>The sum; of the second's negative, the difference.</summary>
    public static CqlDecimal Add(CqlDecimal left, CqlDecimal right)
    {
        var (first, second, scale) = Align(left, right);
        return Round(first + second, scale);
    }

    /// <summary>The product.</summary>
    public static CqlDecimal Multiply(CqlDecimal left, CqlDecimal right) =>
        Round(Bounded(left.Unscaled) * Bounded(right.Unscaled), (long)left.Scale + right.Scale);

    /// <summary>The quotient, without zeros at its end.</summary>
    public static CqlDecimal Divide(CqlDecimal left, CqlDecimal right)
    {
        var (numerator, denominator) = (Bounded(left.Unscaled), NotZero(Bounded(right.Unscaled)));

        // Where the quotient's first digit will be, give or take one.
        var first = Digits(numerator) - (long)left.Scale - (Digits(denominator) - (long)right.Scale);
        var scale = Math.Max(Math.Max(QuotientDigitsMin - first, QuotientScaleMin), Math.Max((long)left.Scale, right.Scale));
        scale = Math.Min(scale, QuotientScaleMax);
        var shift = scale - left.Scale + right.Scale;
        if (shift >= 0)
        {
            numerator *= Power(shift);
        }
        else
        {
            denominator *= Power(-shift);
        }

        return WithoutZeros(DivideHalfUp(numerator, denominator), scale);
    }

    /// <summary>The remainder, which has the sign of the dividend.</summary>
    public static CqlDecimal Remainder(CqlDecimal left, CqlDecimal right)
    {
        var (first, second, scale) = Align(left, right);
        return Round(BigInteger.Remainder(first, NotZero(second)), scale);
    }

    /// <summary>The product of whole numbers.</summary>
    public static BigInteger Multiply(BigInteger left, BigInteger right) => Bounded(Bounded(left) * Bounded(right));

    /// <summary>The quotient of whole numbers, without its fraction.</summary>
    public static BigInteger Divide(BigInteger left, BigInteger right) => BigInteger.Divide(Bounded(left), NotZero(Bounded(right)));

    /// <summary>The remainder of whole numbers.</summary>
    public static BigInteger Remainder(BigInteger left, BigInteger right) => BigInteger.Remainder(Bounded(left), NotZero(Bounded(right)));

    /// <summary>The mean of so many numbers with this sum, to the sum's scale; halves go to the even digit.</summary>
    public static CqlDecimal Average(CqlDecimal sum, long count)
    {
        var quotient = BigInteger.DivRem(Bounded(sum.Unscaled), count, out var rest);
        var twice = BigInteger.Abs(rest) * 2;
        if (twice > count || (twice == count && !quotient.IsEven))
        {
            quotient += sum.Unscaled.Sign;
        }

        return new CqlDecimal(quotient, sum.Scale);
    }

    /// <summary>The whole number in it.</summary>
    public static BigInteger Truncate(CqlDecimal value)
    {
        if (value.Scale <= 0)
        {
            return value.Unscaled.IsZero ? value.Unscaled : Bounded(value.Unscaled) * Power(-(long)value.Scale);
        }

        return value.Scale > Digits(value.Unscaled) ? BigInteger.Zero : BigInteger.Divide(Bounded(value.Unscaled), Power(value.Scale));
    }

    private static (BigInteger Left, BigInteger Right, long Scale) Align(CqlDecimal left, CqlDecimal right)
    {
        var scale = Math.Max(left.Scale, right.Scale);
        return (Scaled(left, scale), Scaled(right, scale), scale);
    }

    private static BigInteger Scaled(CqlDecimal value, int scale) => value.Unscaled.IsZero ? value.Unscaled
        : Bounded(value.Unscaled) * Power((long)scale - value.Scale);

    private static CqlDecimal Round(BigInteger unscaled, long scale)
    {
        var extra = Digits(unscaled) - DigitsMax;
        if (extra > 0)
        {
            unscaled = DivideHalfUp(unscaled, Power(extra));
            scale -= extra;
        }

        return scale is >= int.MinValue and <= int.MaxValue ? new CqlDecimal(unscaled, (int)scale) : throw TooLarge();
    }

    private static CqlDecimal WithoutZeros(BigInteger unscaled, long scale)
    {
        if (unscaled.IsZero)
        {
            return new CqlDecimal(BigInteger.Zero, 0);
        }

        // The digits as text: dividing by ten again and again would take the square of their number.
        var digits = unscaled.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var zeros = digits.Length - digits.AsSpan().TrimEnd('0').Length;
        return Round(zeros == 0 ? unscaled : BigInteger.Divide(unscaled, BigInteger.Pow(10, zeros)), scale - zeros);
    }

    private static BigInteger DivideHalfUp(BigInteger numerator, BigInteger denominator)
    {
        var quotient = BigInteger.DivRem(numerator, denominator, out var rest);
        return BigInteger.Abs(rest) * 2 >= BigInteger.Abs(denominator) ? quotient + (numerator.Sign * denominator.Sign) : quotient;
    }

    // At least the number of digits, and at most one more.
    private static long Digits(BigInteger value) => (long)(value.GetBitLength() * DigitsPerBit) + 1;

    private static BigInteger Power(long exponent) => exponent <= DigitsMax ? BigInteger.Pow(10, (int)exponent) : throw TooLarge();

    /// <summary>The number, if it is not too large for a value.</summary>
    /// <exception cref="OverflowException">It is.</exception>
    public static BigInteger Bounded(BigInteger value) => value.GetBitLength() <= BitsMax ? value : throw TooLarge();

    private static BigInteger NotZero(BigInteger value) => !value.IsZero ? value : throw new DivideByZeroException();

    private static OverflowException TooLarge() => new($"a number has more than {DigitsMax} digits");
}
