namespace Atoll.Gateways.Cql.Messages;

/// <summary>What follows the consistency of a QUERY, EXECUTE or BATCH (native protocol, section 4.1.4).</summary>
[Flags]
internal enum StatementFlags : uint
{
    None = 0,
    Values = 0x01,
    SkipMetadata = 0x02,
    PageSize = 0x04,
    PagingState = 0x08,
    SerialConsistency = 0x10,
    DefaultTimestamp = 0x20,
    NamesForValues = 0x40,
    Keyspace = 0x80,
    NowInSeconds = 0x100,

    /// <summary>What a batch may have: its statements have their own values, and it gives no pages.</summary>
    OfBatch = SerialConsistency | DefaultTimestamp | NamesForValues | Keyspace | NowInSeconds,

    /// <summary>What versions before 5 have no bits for.</summary>
    SinceV5 = Keyspace | NowInSeconds,
}
