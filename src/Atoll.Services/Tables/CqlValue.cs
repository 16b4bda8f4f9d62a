namespace Atoll.Services.Tables;

/// <summary>A bound value: bytes, null, or not set (which leaves what it is bound to as it was). The default is null.</summary>
public readonly struct CqlValue
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly Kind _kind;

    private CqlValue(ReadOnlyMemory<byte> bytes, Kind kind)
    {
        _bytes = bytes;
        _kind = kind;
    }

    private enum Kind : byte
    {
        Null,
        Unset,
        Bytes,
    }

    /// <summary>Null.</summary>
    public static CqlValue Null => default;

    /// <summary>Not set.</summary>
    public static CqlValue Unset => new(default, Kind.Unset);

    /// <summary>Whether it is null.</summary>
    public bool IsNull => _kind == Kind.Null;

    /// <summary>Whether it is not set.</summary>
    public bool IsUnset => _kind == Kind.Unset;

    /// <summary>The value's serialization; empty when null or not set.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>The value's serialization; null when null or not set.</summary>
    public ReadOnlyMemory<byte>? BytesOrNull => _kind == Kind.Bytes ? _bytes : default(ReadOnlyMemory<byte>?);

    /// <summary>A value of those bytes.</summary>
    public static CqlValue Of(ReadOnlyMemory<byte> bytes) => new(bytes, Kind.Bytes);

    /// <summary>A value of those bytes; null when there are none.</summary>
    public static CqlValue Of(ReadOnlyMemory<byte>? bytes) => bytes is { } some ? Of(some) : Null;
}
