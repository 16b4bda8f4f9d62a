using System.Globalization;
using System.Net;
using System.Text;

namespace Atoll.Services.Tables.Types;

/// <summary>Values as text.</summary>
public static class CqlFormat
{
    /// <summary>The value as a literal of CQL; "null" when there is none.</summary>
    public static string Literal(CqlType type, ReadOnlyMemory<byte>? value)
    {
        if (value is not { } some)
        {
            return "null";
        }

        return type switch
        {
            ListType list => $"[{Joined(some, list.Element)}]",
            SetType set => $"{{{Joined(some, set.Element)}}}",
            MapType map => $"{{{string.Join(", ", CqlSequence.ReadCollection(some).Chunk(2)
                .Select(pair => $"{Literal(map.Key, pair[0])}: {Literal(map.Value, pair[1])}"))}}}",
            TupleType tuple => $"({string.Join(", ", CqlSequence.ReadTuple(some, tuple.Elements.Length)
                .Select((field, index) => Literal(tuple.Elements[index], field)))})",
            UserType user => $"{{{string.Join(", ", CqlSequence.ReadTuple(some, user.Fields.Length)
                .Select((field, index) => $"{CqlNames.Quote(user.Fields[index].Name)}: {Literal(user.Fields[index].Type, field)}"))}}}",
            _ => type.Code switch
            {
                CqlTypeCode.Ascii or CqlTypeCode.Varchar => CqlNames.Text(Text(type, some)),
                CqlTypeCode.Blob => Text(type, some),
                _ when some.IsEmpty => "null", // no literal but text and blobs can be empty
                CqlTypeCode.Inet or CqlTypeCode.Date or CqlTypeCode.Time => CqlNames.Text(Text(type, some)),
                CqlTypeCode.Timestamp => $"'{CqlTimes.FormatTimestamp(CqlBytes.ToBigint(some.Span), 'T')}'",
                _ => Text(type, some),
            },
        };
    }

    /// <summary>The value as text without quotes: what CAST makes of it, and what JSON has in quotes.</summary>
    public static string Text(CqlType type, ReadOnlyMemory<byte> value)
    {
        var bytes = value.Span;
        if (bytes.IsEmpty && type.Code is not (CqlTypeCode.Blob or CqlTypeCode.Ascii or CqlTypeCode.Varchar))
        {
            return "";
        }

        return type.Code switch
        {
            CqlTypeCode.Ascii or CqlTypeCode.Varchar => CqlBytes.ToText(bytes),
            CqlTypeCode.Blob => Hexadecimal(bytes),
            CqlTypeCode.Bigint or CqlTypeCode.Counter => CqlBytes.ToBigint(bytes).ToString(CultureInfo.InvariantCulture),
            CqlTypeCode.Int => CqlBytes.ToInt(bytes).ToString(CultureInfo.InvariantCulture),
            CqlTypeCode.Smallint => CqlBytes.ToSmallint(bytes).ToString(CultureInfo.InvariantCulture),
            CqlTypeCode.Tinyint => CqlBytes.ToTinyint(bytes).ToString(CultureInfo.InvariantCulture),
            CqlTypeCode.Varint => CqlBytes.ToVarint(bytes).ToString(CultureInfo.InvariantCulture),
            CqlTypeCode.Boolean => CqlBytes.ToBoolean(bytes) ? "true" : "false",
            CqlTypeCode.Decimal => CqlBytes.ToDecimal(bytes).ToString(),
            CqlTypeCode.Double => CqlNumbers.Format(CqlBytes.ToDouble(bytes)),
            CqlTypeCode.Float => CqlNumbers.Format(CqlBytes.ToFloat(bytes)),
            CqlTypeCode.Uuid or CqlTypeCode.Timeuuid => CqlBytes.ToUuid(bytes).ToString(),
            CqlTypeCode.Inet => new IPAddress(bytes).ToString(),
            CqlTypeCode.Timestamp => CqlTimes.FormatTimestamp(CqlBytes.ToBigint(bytes), ' '),
            CqlTypeCode.Date => CqlTimes.FormatDate(CqlBytes.ToDate(bytes)),
            CqlTypeCode.Time => CqlTimes.FormatTime(CqlBytes.ToBigint(bytes)),
            CqlTypeCode.Duration => CqlDuration.TryRead(bytes, out var duration) ? duration.ToString() : Hexadecimal(bytes),
            _ => Literal(type, value),
        };
    }

    /// <summary>Bytes as 0x and hexadecimal digits.</summary>
    public static string Hexadecimal(ReadOnlySpan<byte> bytes) =>
        new StringBuilder("0x", 2 + (2 * bytes.Length)).Append(Convert.ToHexStringLower(bytes)).ToString();

    private static string Joined(ReadOnlyMemory<byte> value, CqlType element) =>
        string.Join(", ", CqlSequence.ReadCollection(value).Select(part => Literal(element, part)));
}
