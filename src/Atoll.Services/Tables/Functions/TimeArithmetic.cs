using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>A timestamp or a date, plus or minus a duration, in UTC and within the years 1 to 9999.</summary>
internal static class TimeArithmetic
{
    private const long NanosecondsPerMillisecond = 1_000_000;

    /// <summary>The operator for two types; null when these are not a moment and a duration.</summary>
    public static ICqlFunction? TryFind(ArithmeticOperator operation, char sign, CqlType left, CqlType right)
    {
        var isMoment = left.Code is CqlTypeCode.Timestamp or CqlTypeCode.Date;
        if (!isMoment || right.Code != CqlTypeCode.Duration || operation is not (ArithmeticOperator.Add or ArithmeticOperator.Subtract))
        {
            return null;
        }

        var isMinus = operation == ArithmeticOperator.Subtract;
        return NativeFunction.OfTwo(sign.ToString(), left, right, left, (moment, duration) =>
        {
            if (!CqlDuration.TryRead(duration.Span, out var added))
            {
                return null;
            }

            try
            {
                return left.Code == CqlTypeCode.Date ? AddToDate(moment, added, isMinus) : AddToTimestamp(moment, added, isMinus);
            }
            catch (ArgumentOutOfRangeException)
            {
                throw FunctionErrors.Failed(sign.ToString(), [left, right], "the result lies beyond the years 1 to 9999");
            }
        });
    }

    private static byte[] AddToDate(ReadOnlyMemory<byte> date, CqlDuration added, bool isMinus)
    {
        if (added.Nanoseconds != 0)
        {
            throw CqlException.Invalid($"The duration must have a day precision. Was: {added}");
        }

        var start = DateTime.UnixEpoch.AddDays(CqlBytes.ToDate(date.Span));
        return CqlBytes.OfDate((long)(Add(start, added, isMinus) - DateTime.UnixEpoch).TotalDays);
    }

    private static byte[] AddToTimestamp(ReadOnlyMemory<byte> timestamp, CqlDuration added, bool isMinus)
    {
        var start = DateTimeOffset.FromUnixTimeMilliseconds(CqlBytes.ToBigint(timestamp.Span)).UtcDateTime;
        var milliseconds = added.Nanoseconds / NanosecondsPerMillisecond;
        var end = Add(start, added, isMinus).AddTicks((isMinus ? -milliseconds : milliseconds) * TimeSpan.TicksPerMillisecond);
        return CqlBytes.Of(new DateTimeOffset(end, TimeSpan.Zero).ToUnixTimeMilliseconds());
    }

    // Months first: from January 31st on, a month and a day end on March 1st.
    private static DateTime Add(DateTime start, CqlDuration added, bool isMinus)
    {
        var (months, days) = isMinus ? (-(long)added.Months, -(long)added.Days) : (added.Months, added.Days);
        return months is < int.MinValue or > int.MaxValue
            ? throw new ArgumentOutOfRangeException(nameof(added))
            : start.AddMonths((int)months).AddDays(days);
    }
}
