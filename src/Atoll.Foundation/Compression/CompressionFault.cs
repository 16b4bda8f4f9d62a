namespace Atoll.Foundation.Compression;

/// <summary>Why bytes are not decompressed.</summary>
public enum CompressionFault : byte
{
    /// <summary>They are.</summary>
    None = 0,

    /// <summary>They end too early.</summary>
    Truncated = 1,

    /// <summary>They are not of the format, or damaged.</summary>
    Format = 2,

    /// <summary>A checksum is not that of the contents.</summary>
    Checksum = 3,

    /// <summary>They become more than the reader allows.</summary>
    Limit = 4,

    /// <summary>They need what is not kept here: a dictionary, or another version of the format.</summary>
    Unsupported = 5,
}
