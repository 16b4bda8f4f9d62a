namespace Atoll.StateMachines.Streams;

/// <summary>Why bytes are not a batch that can be taken.</summary>
public enum RecordBatchFault : byte
{
    /// <summary>They are one.</summary>
    None = 0,

    /// <summary>They end within it.</summary>
    Truncated = 1,

    /// <summary>Its length cannot be.</summary>
    Length = 2,

    /// <summary>It is of another format: an old one (0 or 1), or one that is not known.</summary>
    Format = 3,

    /// <summary>The checksum is not that of the contents.</summary>
    Checksum = 4,

    /// <summary>An attribute or compression that is not known.</summary>
    Attributes = 5,

    /// <summary>The number of records is not that of their offsets.</summary>
    Count = 6,

    /// <summary>A producer's id without an epoch or number, or the other way round.</summary>
    Producer = 7,

    /// <summary>A producer may not send markers.</summary>
    Control = 8,

    /// <summary>A record's length or field does not fit.</summary>
    Record = 9,

    /// <summary>Something follows the batch where there may be only one.</summary>
    LeftOver = 10,
}
