using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>
/// What CAST converts: numbers to numbers; everything but blobs, durations and types with parts to texts; times to other times; and any
/// type to itself.
/// </summary>
internal static class CastFunctions
{
    /// <summary>The conversion; null when there is none.</summary>
    public static ICqlFunction? TryFind(CqlType from, CqlType to)
    {
        var name = "castas" + to;
        if (from.Freeze().Equals(to.Freeze()))
        {
            return new NativeFunction(
                name, [from], to, static (IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext _) => arguments[0]);
        }

        if (Numbers.IsNumeric(from) && Numbers.IsNumeric(to) && to.Code != CqlTypeCode.Counter)
        {
            return NativeFunction.OfOne(name, from, to, value => OfNumber(from, to, value));
        }

        return (from.Code, to.Code) switch
        {
            (CqlTypeCode.Timeuuid, CqlTypeCode.Timestamp or CqlTypeCode.Date) or (CqlTypeCode.Timestamp, CqlTypeCode.Date)
                or (CqlTypeCode.Date, CqlTypeCode.Timestamp) => TimeFunctions.Convert(name, from, to),
            (CqlTypeCode.Timeuuid, CqlTypeCode.Uuid) => NativeFunction.OfOne(name, from, to, static value => value),
            (CqlTypeCode.Varchar, CqlTypeCode.Ascii) => NativeFunction.OfOne(name, from, to, ToAscii),
            (_, CqlTypeCode.Varchar or CqlTypeCode.Ascii) when HasText(from) =>
                NativeFunction.OfOne(name, from, to, value => CqlBytes.Of(TextOf(from, value))),
            _ => null,
        };
    }

    private static byte[] OfNumber(CqlType from, CqlType to, ReadOnlyMemory<byte> value)
    {
        try
        {
            return Numbers.Convert(from, to, value.Span);
        }
        catch (OverflowException error)
        {
            throw FunctionErrors.Failed("cast", [from, to], error.Message);
        }
    }

    private static bool HasText(CqlType type) => Numbers.IsNumeric(type) || type.Code is CqlTypeCode.Ascii or CqlTypeCode.Boolean
        or CqlTypeCode.Date or CqlTypeCode.Time or CqlTypeCode.Timestamp or CqlTypeCode.Timeuuid or CqlTypeCode.Uuid or CqlTypeCode.Inet;

    private static string TextOf(CqlType type, ReadOnlyMemory<byte> value) => type.Code == CqlTypeCode.Timestamp
        ? CqlTimes.FormatTimestamp(CqlBytes.ToBigint(value.Span), 'T')
        : CqlFormat.Text(type, value);

    private static ReadOnlyMemory<byte>? ToAscii(ReadOnlyMemory<byte> text) => System.Text.Ascii.IsValid(text.Span) ? text
        : throw FunctionErrors.Failed("cast", [CqlTypes.Text, CqlTypes.Ascii], "the text has other characters");
}
