using System.Diagnostics.CodeAnalysis;

namespace Atoll.Services.Tables.Types;

/// <summary>The types without parts.</summary>
public static class CqlTypes
{
    /// <summary>Text of US-ASCII characters.</summary>
    public static readonly NativeType Ascii = new(CqlTypeCode.Ascii, "ascii");

    /// <summary>A signed integer of 64 bits.</summary>
    public static readonly NativeType Bigint = new(CqlTypeCode.Bigint, "bigint");

    /// <summary>Bytes.</summary>
    public static readonly NativeType Blob = new(CqlTypeCode.Blob, "blob");

    /// <summary>True or false.</summary>
    public static readonly NativeType Boolean = new(CqlTypeCode.Boolean, "boolean");

    /// <summary>A counter.</summary>
    public static readonly NativeType Counter = new(CqlTypeCode.Counter, "counter");

    /// <summary>A number of any precision.</summary>
    public static readonly NativeType Decimal = new(CqlTypeCode.Decimal, "decimal");

    /// <summary>A floating-point number of 64 bits.</summary>
    public static readonly NativeType Double = new(CqlTypeCode.Double, "double");

    /// <summary>A floating-point number of 32 bits.</summary>
    public static readonly NativeType Float = new(CqlTypeCode.Float, "float");

    /// <summary>A signed integer of 32 bits.</summary>
    public static readonly NativeType Int = new(CqlTypeCode.Int, "int");

    /// <summary>Milliseconds since 1970.</summary>
    public static readonly NativeType Timestamp = new(CqlTypeCode.Timestamp, "timestamp");

    /// <summary>A UUID.</summary>
    public static readonly NativeType Uuid = new(CqlTypeCode.Uuid, "uuid");

    /// <summary>Text in UTF-8.</summary>
    public static readonly NativeType Text = new(CqlTypeCode.Varchar, "text");

    /// <summary>A signed integer of any size.</summary>
    public static readonly NativeType Varint = new(CqlTypeCode.Varint, "varint");

    /// <summary>A UUID of version 1.</summary>
    public static readonly NativeType Timeuuid = new(CqlTypeCode.Timeuuid, "timeuuid");

    /// <summary>An IPv4 or IPv6 address.</summary>
    public static readonly NativeType Inet = new(CqlTypeCode.Inet, "inet");

    /// <summary>A day.</summary>
    public static readonly NativeType Date = new(CqlTypeCode.Date, "date");

    /// <summary>Nanoseconds since midnight.</summary>
    public static readonly NativeType Time = new(CqlTypeCode.Time, "time");

    /// <summary>A signed integer of 16 bits.</summary>
    public static readonly NativeType Smallint = new(CqlTypeCode.Smallint, "smallint");

    /// <summary>A signed integer of 8 bits.</summary>
    public static readonly NativeType Tinyint = new(CqlTypeCode.Tinyint, "tinyint");

    /// <summary>Months, days and nanoseconds.</summary>
    public static readonly NativeType Duration = new(CqlTypeCode.Duration, "duration");

    private static readonly Dictionary<string, NativeType> ByName = All()
        .Append(new KeyValuePair<string, NativeType>("varchar", Text))
        .ToDictionary(StringComparer.Ordinal);

    /// <summary>The type of that name, in lower case; "varchar" is another name of "text".</summary>
    public static bool TryGet(string name, [NotNullWhen(true)] out NativeType? type) => ByName.TryGetValue(name, out type);

    /// <summary>The type of that code; none for codes of types with parts.</summary>
    public static bool TryGet(CqlTypeCode code, [NotNullWhen(true)] out NativeType? type)
    {
        type = ByName.Values.FirstOrDefault(candidate => candidate.Code == code);
        return type is not null;
    }

    private static IEnumerable<KeyValuePair<string, NativeType>> All() =>
        new[]
        {
            Ascii, Bigint, Blob, Boolean, Counter, Decimal, Double, Float, Int, Timestamp, Uuid, Text, Varint, Timeuuid, Inet, Date, Time,
            Smallint, Tinyint, Duration,
        }.Select(type => new KeyValuePair<string, NativeType>(type.ToString(), type));
}
