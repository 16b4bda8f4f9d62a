using System.Text.Unicode;
using Atoll.Foundation;

namespace Atoll.Services.Tables.Types;

/// <summary>
/// Whether bytes are a value of a type. As in Cassandra, most types have an empty value beside their others. How deep it goes is bounded by
/// the type, which the schema bounds.
/// </summary>
public static class CqlValidation
{
    private const long NanosecondsPerDay = 86_400_000_000_000;

    /// <summary>Why the bytes are no value of the type; null when they are one.</summary>
    public static string? Error(CqlType type, ReadOnlyMemory<byte> value)
    {
        var bytes = value.Span;
        var length = bytes.Length;
        return type.Code switch
        {
            CqlTypeCode.Ascii => System.Text.Ascii.IsValid(bytes) ? null : "Invalid byte for ascii: " + FirstNotAscii(bytes),
            CqlTypeCode.Varchar => Utf8.IsValid(bytes) ? null : "String didn't validate.",
            CqlTypeCode.Blob => null,
            CqlTypeCode.Varint => length <= Limits.CqlNumberBytesMax ? null
                : $"A varint may have {Limits.CqlNumberBytesMax} bytes at most ({length})",
            CqlTypeCode.Custom => null,
            CqlTypeCode.Bigint or CqlTypeCode.Counter => length is 0 or 8 ? null : $"Expected 8 or 0 byte long ({length})",
            CqlTypeCode.Boolean => length is 0 or 1 ? null : $"Expected 1 or 0 byte value ({length})",
            CqlTypeCode.Decimal => length is not (0 or >= 4) ? $"Expected 0 or at least 4 bytes ({length})"
                : length <= 4 + Limits.CqlNumberBytesMax ? null
                : $"The digits of a decimal may have {Limits.CqlNumberBytesMax} bytes at most ({length - 4})",
            CqlTypeCode.Double => length is 0 or 8 ? null : $"Expected 8 or 0 byte value for a double ({length})",
            CqlTypeCode.Float => length is 0 or 4 ? null : $"Expected 4 or 0 byte value for a float ({length})",
            CqlTypeCode.Int => length is 0 or 4 ? null : $"Expected 4 or 0 byte int ({length})",
            CqlTypeCode.Timestamp => length is 0 or 8 ? null : $"Expected 8 or 0 byte long for date ({length})",
            CqlTypeCode.Uuid => length is 0 or 16 ? null : $"UUID should be 16 or 0 bytes ({length})",
            CqlTypeCode.Timeuuid => length is not (0 or 16) ? $"TimeUUID should be 16 or 0 bytes ({length})"
                : length == 16 && bytes[6] >> 4 != 1 ? "Invalid version for TimeUUID type." : null,
            CqlTypeCode.Inet => length is 0 or 4 or 16 ? null : $"Expected 4 or 16 byte inetaddress; got {length}",
            CqlTypeCode.Date => length == 4 ? null : $"Expected 4 byte long for date ({length})",
            CqlTypeCode.Time => length != 8 ? $"Expected 8 byte long for time ({length})"
                : (ulong)CqlBytes.ToBigint(bytes) >= NanosecondsPerDay ? $"Input long out of bounds: {CqlBytes.ToBigint(bytes)}" : null,
            CqlTypeCode.Smallint => length == 2 ? null : $"Expected 2 bytes for a smallint ({length})",
            CqlTypeCode.Tinyint => length == 1 ? null : $"Expected 1 byte for a tinyint ({length})",
            CqlTypeCode.Duration => length < 3 ? $"Expected at least 3 bytes for a duration ({length})"
                : CqlDuration.TryRead(bytes, out _) ? null
                : "The duration months, days and nanoseconds must be all of the same sign",
            CqlTypeCode.List => ErrorInElements(((ListType)type).Element, value, "list"),
            CqlTypeCode.Set => ErrorInElements(((SetType)type).Element, value, "set"),
            CqlTypeCode.Map => ErrorInPairs((MapType)type, value),
            CqlTypeCode.Tuple => ErrorInFields(
                ((TupleType)type).Elements.Length, index => ((TupleType)type).Elements[index], value, "tuple"),
            CqlTypeCode.UserType => ErrorInFields(
                ((UserType)type).Fields.Length, index => ((UserType)type).Fields[index].Type, value, "user type"),
            _ => $"unknown type {type}",
        };
    }

    private static int FirstNotAscii(ReadOnlySpan<byte> bytes) =>
        unchecked((sbyte)bytes[bytes.IndexOfAnyInRange((byte)0x80, (byte)0xFF)]);

    private static string? ErrorInElements(CqlType element, ReadOnlyMemory<byte> value, string what)
    {
        if (!CqlSequence.TryOpenCollection(value, out var sequence))
        {
            return $"Not enough bytes to read a {what}";
        }

        for (var index = 0; index < sequence.Count; index++)
        {
            if (!sequence.TryRead(out var part))
            {
                return $"Not enough bytes to read a {what}";
            }

            if (part is not { } some)
            {
                return "null is not supported inside collections";
            }

            if (Error(element, some) is { } error)
            {
                return error;
            }
        }

        return sequence.IsAtEnd ? null : $"Unexpected extraneous bytes after {what} value";
    }

    private static string? ErrorInPairs(MapType type, ReadOnlyMemory<byte> value)
    {
        if (!CqlSequence.TryOpenCollection(value, out var sequence))
        {
            return "Not enough bytes to read a map";
        }

        for (var index = 0; index < 2L * sequence.Count; index++)
        {
            if (!sequence.TryRead(out var part))
            {
                return "Not enough bytes to read a map";
            }

            if (part is not { } some)
            {
                return "null is not supported inside collections";
            }

            if (Error(index % 2 == 0 ? type.Key : type.Value, some) is { } error)
            {
                return error;
            }
        }

        return sequence.IsAtEnd ? null : "Unexpected extraneous bytes after map value";
    }

    private static string? ErrorInFields(int count, Func<int, CqlType> typeOf, ReadOnlyMemory<byte> value, string what)
    {
        var sequence = CqlSequence.OpenTuple(value);
        for (var index = 0; index < count && !sequence.IsAtEnd; index++)
        {
            if (!sequence.TryRead(out var part))
            {
                return $"Not enough bytes to read {index}th field of the {what}";
            }

            if (part is { } some && Error(typeOf(index), some) is { } error)
            {
                return error;
            }
        }

        return sequence.IsAtEnd ? null : $"Invalid remaining data after end of {what} value";
    }
}
