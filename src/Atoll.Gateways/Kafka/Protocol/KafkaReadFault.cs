namespace Atoll.Gateways.Kafka.Protocol;

/// <summary>Why bytes are not a message.</summary>
public enum KafkaReadFault : byte
{
    /// <summary>They are, so far.</summary>
    None = 0,

    /// <summary>They end within a field, or a length says more than there is.</summary>
    Truncated = 1,

    /// <summary>A length is negative.</summary>
    NegativeLength = 2,

    /// <summary>Something is null that may not be.</summary>
    UnexpectedNull = 3,

    /// <summary>A string is not UTF-8.</summary>
    NotUtf8 = 4,

    /// <summary>A varint has more bits than its type.</summary>
    LongVarint = 5,

    /// <summary>More elements in all arrays together than one message may have.</summary>
    TooManyElements = 6,

    /// <summary>A tagged field is longer or shorter than it says.</summary>
    TagLength = 7,

    /// <summary>Something follows the message.</summary>
    LeftOver = 8,
}
