using System.Globalization;
using System.Numerics;
using Atoll.Foundation.Checks;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>
/// Numbers of one type as numbers of another, like Java's, which is what Cassandra does: an integer that is too large loses its upper bits,
/// a fraction is cut off, and a floating-point number that is too large for an integer becomes the largest.
/// </summary>
internal static class Numbers
{
    private const int SignificantDigitsMax = 40;
    private const int DoubleExponentMax = 10_000;

    /// <summary>Whether values of the type are numbers.</summary>
    public static bool IsNumeric(CqlType type) => IsInteger(type) || IsFloating(type) || type.Code == CqlTypeCode.Decimal;

    /// <summary>Whether values of the type are whole numbers.</summary>
    public static bool IsInteger(CqlType type) => IsFixedInteger(type) || type.Code == CqlTypeCode.Varint;

    /// <summary>Whether values of the type are whole numbers of fixed size.</summary>
    public static bool IsFixedInteger(CqlType type) => type.Code is CqlTypeCode.Tinyint or CqlTypeCode.Smallint or CqlTypeCode.Int
        or CqlTypeCode.Bigint or CqlTypeCode.Counter;

    /// <summary>Whether values of the type are floating-point numbers.</summary>
    public static bool IsFloating(CqlType type) => type.Code is CqlTypeCode.Float or CqlTypeCode.Double;

    /// <summary>The value of a whole number of fixed size.</summary>
    public static long ToLong(CqlType type, ReadOnlySpan<byte> value) => type.Code switch
    {
        CqlTypeCode.Tinyint => CqlBytes.ToTinyint(value),
        CqlTypeCode.Smallint => CqlBytes.ToSmallint(value),
        CqlTypeCode.Int => CqlBytes.ToInt(value),
        _ => CqlBytes.ToBigint(value),
    };

    /// <summary>A whole number of fixed size, without the upper bits that don't fit.</summary>
    public static byte[] OfLong(CqlType type, long value) => type.Code switch
    {
        CqlTypeCode.Tinyint => CqlBytes.Of(unchecked((sbyte)value)),
        CqlTypeCode.Smallint => CqlBytes.Of(unchecked((short)value)),
        CqlTypeCode.Int => CqlBytes.Of(unchecked((int)value)),
        _ => CqlBytes.Of(value),
    };

    /// <summary>Any number as a double.</summary>
    public static double ToDouble(CqlType type, ReadOnlySpan<byte> value) => type.Code switch
    {
        CqlTypeCode.Double => CqlBytes.ToDouble(value),
        CqlTypeCode.Float => CqlBytes.ToFloat(value),
        CqlTypeCode.Varint => (double)CqlBytes.ToVarint(value),
        CqlTypeCode.Decimal => ToDouble(CqlBytes.ToDecimal(value)),
        _ => ToLong(type, value),
    };

    /// <summary>Any number as a whole one of any size.</summary>
    public static BigInteger ToVarint(CqlType type, ReadOnlySpan<byte> value) => type.Code switch
    {
        CqlTypeCode.Varint => CqlBytes.ToVarint(value),
        CqlTypeCode.Decimal => DecimalArithmetic.Truncate(CqlBytes.ToDecimal(value)),
        CqlTypeCode.Float or CqlTypeCode.Double => Saturate(ToDouble(type, value)),
        _ => ToLong(type, value),
    };

    /// <summary>Any number as a decimal.</summary>
    /// <exception cref="CqlException">It is infinite, or none.</exception>
    public static CqlDecimal ToDecimal(CqlType type, ReadOnlySpan<byte> value)
    {
        if (!IsFloating(type))
        {
            return type.Code == CqlTypeCode.Decimal ? CqlBytes.ToDecimal(value) : new CqlDecimal(ToVarint(type, value), 0);
        }

        // The shortest digits that mean the number, and not its exact value: 0.1f is 0.1.
        var text = type.Code == CqlTypeCode.Float
            ? CqlNumbers.Format(CqlBytes.ToFloat(value)) : CqlNumbers.Format(CqlBytes.ToDouble(value));
        return CqlDecimal.TryParse(text, out var number) ? number
            : throw FunctionErrors.Failed("cast", [type], $"{text} is no decimal");
    }

    /// <summary>A number of one type as a number of another.</summary>
    /// <exception cref="CqlException">The other type has none that is like it.</exception>
    public static byte[] Convert(CqlType from, CqlType to, ReadOnlySpan<byte> value)
    {
        switch (to.Code)
        {
            case CqlTypeCode.Double:
                return CqlBytes.Of(ToDouble(from, value));
            case CqlTypeCode.Float:
                return CqlBytes.Of((float)ToDouble(from, value));
            case CqlTypeCode.Decimal:
                return CqlBytes.Of(ToDecimal(from, value));
            case CqlTypeCode.Varint:
                return CqlBytes.Of(ToVarint(from, value));
            default:
                Check.That(IsFixedInteger(to));
                return OfLong(to, ToLongCut(from, to, value));
        }
    }

    private static long ToLongCut(CqlType from, CqlType to, ReadOnlySpan<byte> value)
    {
        if (IsFixedInteger(from))
        {
            return ToLong(from, value);
        }

        if (IsFloating(from))
        {
            // Smaller integers are cut from an int, as Java does it.
            var whole = Saturate(ToDouble(from, value));
            return to.Code is CqlTypeCode.Bigint or CqlTypeCode.Counter ? whole : Math.Clamp(whole, int.MinValue, int.MaxValue);
        }

        return LowBits(ToVarint(from, value));
    }

    private static long Saturate(double value) => double.IsNaN(value) ? 0
        : value >= long.MaxValue ? long.MaxValue : value <= long.MinValue ? long.MinValue : (long)value;

    private static long LowBits(BigInteger value) => unchecked((long)(ulong)(value & ulong.MaxValue));

    private static double ToDouble(CqlDecimal value)
    {
        var (digits, exponent) = value.Significant();
        if (digits.Length == 0)
        {
            return 0;
        }

        // More digits than a double can tell apart don't matter, nor do exponents beyond its own.
        var first = digits.AsSpan(0, Math.Min(digits.Length, SignificantDigitsMax));
        var text = string.Create(
            CultureInfo.InvariantCulture, $"0.{first}E{Math.Clamp(exponent, -DoubleExponentMax, DoubleExponentMax)}");
        var magnitude = double.Parse(text, CultureInfo.InvariantCulture);
        return value.Unscaled.Sign < 0 ? -magnitude : magnitude;
    }
}
