namespace Atoll.Services.Tables.Types;

/// <summary>The types of CQL by their option ids in the native protocol (native_protocol_v5.spec, section 4.2.5.2).</summary>
public enum CqlTypeCode : ushort
{
    /// <summary>A type by the name of its class; Atoll only sends it for what an old protocol version has no id for.</summary>
    Custom = 0x00,

    /// <summary>Text of US-ASCII characters.</summary>
    Ascii = 0x01,

    /// <summary>A signed integer of 64 bits.</summary>
    Bigint = 0x02,

    /// <summary>Bytes.</summary>
    Blob = 0x03,

    /// <summary>True or false.</summary>
    Boolean = 0x04,

    /// <summary>A signed integer of 64 bits that is only ever added to.</summary>
    Counter = 0x05,

    /// <summary>A number of any precision: an unscaled integer and a decimal scale.</summary>
    Decimal = 0x06,

    /// <summary>A floating-point number of 64 bits (IEEE 754).</summary>
    Double = 0x07,

    /// <summary>A floating-point number of 32 bits (IEEE 754).</summary>
    Float = 0x08,

    /// <summary>A signed integer of 32 bits.</summary>
    Int = 0x09,

    /// <summary>Milliseconds since 1970, signed, 64 bits.</summary>
    Timestamp = 0x0B,

    /// <summary>A UUID of any version.</summary>
    Uuid = 0x0C,

    /// <summary>Text in UTF-8; CQL also calls it text.</summary>
    Varchar = 0x0D,

    /// <summary>A signed integer of any size.</summary>
    Varint = 0x0E,

    /// <summary>A UUID of version 1, which orders by its time.</summary>
    Timeuuid = 0x0F,

    /// <summary>An IPv4 or IPv6 address.</summary>
    Inet = 0x10,

    /// <summary>A day, as an unsigned count with 1970-01-01 at 2^31.</summary>
    Date = 0x11,

    /// <summary>Nanoseconds since midnight.</summary>
    Time = 0x12,

    /// <summary>A signed integer of 16 bits.</summary>
    Smallint = 0x13,

    /// <summary>A signed integer of 8 bits.</summary>
    Tinyint = 0x14,

    /// <summary>Months, days and nanoseconds.</summary>
    Duration = 0x15,

    /// <summary>An ordered sequence.</summary>
    List = 0x20,

    /// <summary>Keys with values, ordered by key.</summary>
    Map = 0x21,

    /// <summary>Distinct values, ordered.</summary>
    Set = 0x22,

    /// <summary>A user-defined type: named fields.</summary>
    UserType = 0x30,

    /// <summary>A fixed number of unnamed fields.</summary>
    Tuple = 0x31,
}
