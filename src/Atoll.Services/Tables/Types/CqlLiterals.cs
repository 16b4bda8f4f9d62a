using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Numerics;
using Atoll.Foundation;

namespace Atoll.Services.Tables.Types;

/// <summary>What the text of literals means as a value of a type. Errors are those of Cassandra.</summary>
public static class CqlLiterals
{
    /// <summary>The value that the text stands for, whatever kind of literal it was in.</summary>
    /// <exception cref="CqlException">It stands for none (<see cref="CqlErrorCode.Invalid"/>).</exception>
    public static ReadOnlyMemory<byte> Parse(CqlType type, string text)
    {
        // In quotes, most types have an empty value.
        if (text.Length == 0 && type.Code is not (CqlTypeCode.Date or CqlTypeCode.Time or CqlTypeCode.Smallint or CqlTypeCode.Tinyint
            or CqlTypeCode.Duration))
        {
            return ReadOnlyMemory<byte>.Empty;
        }

        return type.Code switch
        {
            CqlTypeCode.Varchar => CqlBytes.Of(text),
            CqlTypeCode.Ascii => System.Text.Ascii.IsValid(text)
                ? CqlBytes.Of(text)
                : throw CqlException.Invalid($"\"{text}\" is not a valid ascii string"),
            CqlTypeCode.Blob => ParseBlob(text),
            CqlTypeCode.Boolean => text.ToLowerInvariant() switch
            {
                "true" => CqlBytes.True,
                "false" => CqlBytes.False,
                _ => throw Unable("boolean", text),
            },
            CqlTypeCode.Bigint or CqlTypeCode.Counter => long.TryParse(text, Integers, CultureInfo.InvariantCulture, out var value)
                ? CqlBytes.Of(value) : throw Unable("long", text),
            CqlTypeCode.Int => int.TryParse(text, Integers, CultureInfo.InvariantCulture, out var value)
                ? CqlBytes.Of(value) : throw Unable("int", text),
            CqlTypeCode.Smallint => short.TryParse(text, Integers, CultureInfo.InvariantCulture, out var value)
                ? CqlBytes.Of(value) : throw Unable("short", text),
            CqlTypeCode.Tinyint => sbyte.TryParse(text, Integers, CultureInfo.InvariantCulture, out var value)
                ? CqlBytes.Of(value) : throw Unable("byte", text),
            CqlTypeCode.Varint or CqlTypeCode.Decimal when text.Length > NumberCharactersMax =>
                throw CqlException.Invalid($"A {type} of {text.Length} characters is too long: {NumberCharactersMax} are allowed"),
            CqlTypeCode.Varint => BigInteger.TryParse(text, Integers, CultureInfo.InvariantCulture, out var value)
                ? Bounded(type, CqlBytes.Of(value)) : throw Unable("int", text),
            CqlTypeCode.Decimal => CqlDecimal.TryParse(text, out var value)
                ? Bounded(type, CqlBytes.Of(value)) : throw Unable("BigDecimal", text),
            CqlTypeCode.Double => CqlNumbers.TryParse(text, out var value) ? CqlBytes.Of(value) : throw Unable("double", text),
            CqlTypeCode.Float => CqlNumbers.TryParse(text, out var value) ? CqlBytes.Of((float)value) : throw Unable("float", text),
            CqlTypeCode.Timestamp => CqlTimes.TryParseTimestamp(text, out var value)
                ? CqlBytes.Of(value) : throw CqlException.Invalid($"Unable to parse a date/time from '{text}'"),
            CqlTypeCode.Date => CqlTimes.TryParseDate(text, out var value)
                ? CqlBytes.Of(unchecked((int)value)) : throw CqlException.Invalid($"Unable to coerce '{text}' to a formatted date (long)"),
            CqlTypeCode.Time => CqlTimes.TryParseTime(text, out var value)
                ? CqlBytes.Of(value) : throw CqlException.Invalid($"(TimeType) Unable to coerce '{text}' to a formatted time (long)"),
            CqlTypeCode.Uuid => Guid.TryParseExact(text, "D", out var value) ? CqlBytes.Of(value) : throw Unable("UUID", text),
            CqlTypeCode.Timeuuid => ParseTimeuuid(text),
            CqlTypeCode.Inet => TryParseAddress(text, out var address)
                ? address.GetAddressBytes() : throw Unable("inet address", text),
            CqlTypeCode.Duration => CqlDuration.TryParse(text, out var value)
                ? value.ToBytes() : throw CqlException.Invalid($"Unable to convert '{text}' to a duration"),
            _ => throw CqlException.Invalid($"Unable to make {type} from '{text}'"),
        };
    }

    /// <summary>Bytes of "0x" and an even number of hexadecimal digits.</summary>
    /// <exception cref="CqlException">The text is something else.</exception>
    public static ReadOnlyMemory<byte> ParseBlob(string text)
    {
        if (!text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            throw CqlException.Invalid("String representation of blob is missing 0x prefix: " + text);
        }

        if (text.Length % 2 != 0)
        {
            throw CqlException.Invalid($"cannot parse '{text}' as hex bytes: An hex string representing bytes must have an even length");
        }

        try
        {
            return Convert.FromHexString(text.AsSpan(2));
        }
        catch (FormatException error)
        {
            throw new CqlException(CqlErrorCode.Invalid, $"cannot parse '{text}' as hex bytes", innerException: error);
        }
    }

    private const NumberStyles Integers = NumberStyles.AllowLeadingSign;

    private static byte[] ParseTimeuuid(string text)
    {
        if (!Guid.TryParseExact(text, "D", out var value))
        {
            throw CqlException.Invalid($"Unknown timeuuid representation: {text}");
        }

        var bytes = CqlBytes.Of(value);
        return bytes[6] >> 4 == 1 ? bytes : throw CqlException.Invalid("TimeUUID supports only version 1 UUIDs");
    }

    // Only whole addresses: .NET also takes "1" for 0.0.0.1, and scopes.
    private static bool TryParseAddress(string text, out IPAddress address)
    {
        var isParsed = IPAddress.TryParse(text, out var parsed);
        address = parsed ?? IPAddress.None;
        return isParsed && !text.Contains('%', StringComparison.Ordinal)
            && (address.AddressFamily == AddressFamily.InterNetworkV6 || text.Count(character => character == '.') == 3);
    }

    // Far more digits than bytes are allowed; and so many that no text that is too long is read at all.
    private const int NumberCharactersMax = 3 * Limits.CqlNumberBytesMax;

    private static ReadOnlyMemory<byte> Bounded(CqlType type, ReadOnlyMemory<byte> value) =>
        CqlValidation.Error(type, value) is { } error ? throw CqlException.Invalid(error) : value;

    private static CqlException Unable(string what, string text) => CqlException.Invalid($"Unable to make {what} from '{text}'");
}
