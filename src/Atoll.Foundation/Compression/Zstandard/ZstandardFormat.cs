namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>Numbers of the format (RFC 8878) that reader and writer share.</summary>
internal static class ZstandardFormat
{
    /// <summary>A frame's first four bytes, little-endian (3.1.1).</summary>
    public const uint Magic = 0xFD2FB528;

    /// <summary>The longest block (3.1.1.2.4).</summary>
    public const int BlockBytesMax = 128 * 1024;

    /// <summary>Bytes of a block's head (3.1.1.2).</summary>
    public const int BlockHeaderBytes = 3;

    /// <summary>The shortest match (3.1.1.3.2.1.1).</summary>
    public const int MatchBytesMin = 3;

    /// <summary>Offset values up to this mean an offset that was used before (3.1.1.5).</summary>
    public const uint RepeatedOffsets = 3;

    /// <summary>Largest accuracy logs of the three codes of sequences (3.1.1.3.2.1).</summary>
    public const int LiteralLengthAccuracyMax = 9;

    /// <inheritdoc cref="LiteralLengthAccuracyMax" />
    public const int MatchLengthAccuracyMax = 9;

    /// <inheritdoc cref="LiteralLengthAccuracyMax" />
    public const int OffsetAccuracyMax = 8;

    /// <summary>A table that is predefined (3.1.1.3.2.1).</summary>
    public const int PredefinedMode = 0;

    /// <summary>A table of one symbol.</summary>
    public const int SingleMode = 1;

    /// <summary>A table whose distribution is described.</summary>
    public const int DescribedMode = 2;

    /// <summary>The smallest accuracy log that a table's description can have (4.1.1).</summary>
    public const int AccuracyMin = 5;

    /// <summary>The accuracy log of the predefined tables of literal and match lengths (3.1.1.3.2.2).</summary>
    public const int LengthAccuracyDefault = 6;

    /// <summary>The accuracy log of the predefined table of offsets.</summary>
    public const int OffsetAccuracyDefault = 5;

    /// <summary>Codes of literal lengths: what each begins with (3.1.1.3.2.1.1).</summary>
    public static readonly uint[] LiteralLengthBaselines =
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 40, 48, 64, 128, 256, 512, 1024, 2048, 4096,
        8192, 16384, 32768, 65536,
    ];

    /// <summary>Codes of literal lengths: the bits that are added.</summary>
    public static readonly byte[] LiteralLengthBits =
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

    /// <summary>Codes of match lengths: what each begins with.</summary>
    public static readonly uint[] MatchLengthBaselines =
    [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34,
        35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051, 4099, 8195, 16387, 32771, 65539,
    ];

    /// <summary>Codes of match lengths: the bits that are added.</summary>
    public static readonly byte[] MatchLengthBits =
    [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    ];

    /// <summary>Codes of offsets: a power of two, and as many bits as its logarithm.</summary>
    public static readonly uint[] OffsetBaselines = [.. Enumerable.Range(0, 32).Select(code => 1u << code)];

    /// <inheritdoc cref="OffsetBaselines" />
    public static readonly byte[] OffsetBits = [.. Enumerable.Range(0, 32).Select(code => (byte)code)];

    /// <summary>The predefined distribution of literal lengths (3.1.1.3.2.2.1).</summary>
    public static readonly short[] LiteralLengthDefaults =
    [
        4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1,
    ];

    /// <summary>The predefined distribution of match lengths (3.1.1.3.2.2.2).</summary>
    public static readonly short[] MatchLengthDefaults =
    [
        1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
    ];

    /// <summary>The predefined distribution of offsets (3.1.1.3.2.2.3).</summary>
    public static readonly short[] OffsetDefaults =
        [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1];

    /// <summary>A table of literal lengths, not set yet.</summary>
    public static FseTable NewLiteralLengths() => new(
        LiteralLengthAccuracyMax, LiteralLengthBaselines, LiteralLengthBits, LiteralLengthDefaults, LengthAccuracyDefault);

    /// <summary>A table of match lengths, not set yet.</summary>
    public static FseTable NewMatchLengths() => new(
        MatchLengthAccuracyMax, MatchLengthBaselines, MatchLengthBits, MatchLengthDefaults, LengthAccuracyDefault);

    /// <summary>A table of offsets, not set yet.</summary>
    public static FseTable NewOffsets() => new(OffsetAccuracyMax, OffsetBaselines, OffsetBits, OffsetDefaults, OffsetAccuracyDefault);
}

/// <summary>Kinds of blocks (3.1.1.2.2).</summary>
internal enum BlockType
{
    /// <summary>Bytes as they are.</summary>
    Raw = 0,

    /// <summary>One byte, many times.</summary>
    Repeated = 1,

    /// <summary>Literals and sequences.</summary>
    Compressed = 2,
}
