using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;
using Atoll.Foundation.Bytes;

namespace Atoll.Services.Tables.Types;

/// <summary>
/// A duration: months and days have no fixed length, so they are kept apart. All three have one sign. Durations have no order.
/// </summary>
/// <param name="Months">Months.</param>
/// <param name="Days">Days.</param>
/// <param name="Nanoseconds">Nanoseconds.</param>
public readonly record struct CqlDuration(int Months, int Days, long Nanoseconds)
{
    private const long NanosecondsPerSecond = 1_000_000_000;
    private const long NanosecondsPerMinute = 60 * NanosecondsPerSecond;
    private const long NanosecondsPerHour = 60 * NanosecondsPerMinute;

    // [0-9] throughout: \d also stands for the digits of other scripts, which no number is read from.
    private static readonly Regex Standard = new(
        @"^(?:([0-9]+)[yY])?(?:([0-9]+)[mM][oO])?(?:([0-9]+)[wW])?(?:([0-9]+)[dD])?(?:([0-9]+)[hH])?"
        + @"(?:([0-9]+)[mM])?(?:([0-9]+)[sS])?(?:([0-9]+)[mM][sS])?(?:([0-9]+)(?:[uU]|\u00b5|\u03bc)[sS])?(?:([0-9]+)[nN][sS])?\z",
        RegexOptions.CultureInvariant);

    private static readonly Regex Iso = new(
        @"^P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?\z", RegexOptions.CultureInvariant);

    private static readonly Regex IsoWeeks = new(@"^P([0-9]+)W\z", RegexOptions.CultureInvariant);

    private static readonly Regex IsoAlternative = new(
        @"^P([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\z", RegexOptions.CultureInvariant);

    /// <summary>Reads "1y2mo3w4d5h6m7s8ms9us10ns", "P1Y2M3DT4H5M6S", "P2W", "P0001-02-03T04:05:06"; a minus may stand before it.</summary>
    public static bool TryParse(string text, out CqlDuration value)
    {
        value = default;
        var isNegative = text.StartsWith('-');
        var body = isNegative ? text[1..] : text;
        if (body.Length == 0)
        {
            return false;
        }

        BigInteger months, days, nanoseconds;
        if (body[0] is 'P')
        {
            if (IsoWeeks.Match(body) is { Success: true } weeks)
            {
                (months, days, nanoseconds) = (0, 7 * Part(weeks, 1), 0);
            }
            else if ((Iso.Match(body) is { Success: true } iso ? iso : IsoAlternative.Match(body)) is { Success: true } match)
            {
                months = (12 * Part(match, 1)) + Part(match, 2);
                days = Part(match, 3);
                nanoseconds = Time(match, 4);
            }
            else
            {
                return false;
            }
        }
        else if (Standard.Match(body) is { Success: true } match)
        {
            months = (12 * Part(match, 1)) + Part(match, 2);
            days = (7 * Part(match, 3)) + Part(match, 4);
            nanoseconds = Time(match, 5) + (Part(match, 8) * 1_000_000) + (Part(match, 9) * 1_000) + Part(match, 10);
        }
        else
        {
            return false;
        }

        if (months > int.MaxValue || days > int.MaxValue || nanoseconds > long.MaxValue)
        {
            return false;
        }

        var sign = isNegative ? -1 : 1;
        value = new CqlDuration(sign * (int)months, sign * (int)days, sign * (long)nanoseconds);
        return true;
    }

    /// <summary>Reads a serialized duration: three signed variable-length integers (section 3: [vint]), and nothing behind.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out CqlDuration value)
    {
        value = default;
        if (!TryReadVint(ref bytes, out var months) || !TryReadVint(ref bytes, out var days) || !TryReadVint(ref bytes, out var nanoseconds)
            || !bytes.IsEmpty || months is < int.MinValue or > int.MaxValue || days is < int.MinValue or > int.MaxValue
            || !((months >= 0 && days >= 0 && nanoseconds >= 0) || (months <= 0 && days <= 0 && nanoseconds <= 0)))
        {
            return false;
        }

        value = new CqlDuration((int)months, (int)days, nanoseconds);
        return true;
    }

    /// <summary>The serialized duration.</summary>
    public byte[] ToBytes()
    {
        var writer = new WireWriter(32);
        WriteVint(writer, Months);
        WriteVint(writer, Days);
        WriteVint(writer, Nanoseconds);
        return writer.ToArray();
    }

    /// <summary>The duration with its units: "1y2mo3d4h5m6s7ms8us9ns".</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        if (Months < 0 || Days < 0 || Nanoseconds < 0)
        {
            text.Append('-');
        }

        var months = Math.Abs((long)Months);
        Append(text, (ulong)(months / 12), "y");
        Append(text, (ulong)(months % 12), "mo");
        Append(text, (ulong)Math.Abs((long)Days), "d");
        var rest = Nanoseconds < 0 ? unchecked(0UL - (ulong)Nanoseconds) : (ulong)Nanoseconds;
        Append(text, rest / NanosecondsPerHour, "h");
        rest %= NanosecondsPerHour;
        Append(text, rest / NanosecondsPerMinute, "m");
        rest %= NanosecondsPerMinute;
        Append(text, rest / NanosecondsPerSecond, "s");
        rest %= NanosecondsPerSecond;
        Append(text, rest / 1_000_000, "ms");
        Append(text, rest / 1_000 % 1_000, "us");
        Append(text, rest % 1_000, "ns");
        return text.Length == 0 ? "0s" : text.ToString();
    }

    private static BigInteger Time(Match match, int first) =>
        (Part(match, first) * NanosecondsPerHour) + (Part(match, first + 1) * NanosecondsPerMinute)
        + (Part(match, first + 2) * NanosecondsPerSecond);

    // More digits than any of the fields can hold are refused by the caller, whatever they say.
    private static BigInteger Part(Match match, int group) => !match.Groups[group].Success ? BigInteger.Zero
        : match.Groups[group].Length > 20 ? new BigInteger(ulong.MaxValue)
        : BigInteger.Parse(match.Groups[group].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);

    private static void Append(StringBuilder text, ulong count, string unit)
    {
        if (count != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"{count}{unit}");
        }
    }

    // A zigzag number in as few bytes as it needs: the count of bytes behind the first is the count of ones at the first's start.
    private static void WriteVint(WireWriter writer, long value)
    {
        var number = unchecked((ulong)((value << 1) ^ (value >> 63)));
        var bits = 64 - BitOperations.LeadingZeroCount(number | 1);
        var extra = Math.Min((bits - 1) / 7, 8);
        var first = extra == 8 ? 0 : (byte)(number >> (8 * extra));
        writer.WriteByte((byte)(first | unchecked((byte)~(0xFF >> extra))));
        for (var index = extra - 1; index >= 0; index--)
        {
            writer.WriteByte((byte)(number >> (8 * index)));
        }
    }

    private static bool TryReadVint(ref ReadOnlySpan<byte> bytes, out long value)
    {
        value = 0;
        if (bytes.IsEmpty)
        {
            return false;
        }

        var extra = BitOperations.LeadingZeroCount((uint)(byte)~bytes[0]) - 24;
        if (bytes.Length < 1 + extra)
        {
            return false;
        }

        var number = extra == 8 ? 0UL : (ulong)(bytes[0] & (0xFF >> extra));
        for (var index = 1; index <= extra; index++)
        {
            number = (number << 8) | bytes[index];
        }

        bytes = bytes[(1 + extra)..];
        value = unchecked((long)(number >> 1) ^ -(long)(number & 1));
        return true;
    }
}
