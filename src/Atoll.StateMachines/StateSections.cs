namespace Atoll.StateMachines;

/// <summary>The sections of a shard's tree. The numbers are on disk.</summary>
internal static class StateSections
{
    /// <summary>What the owner of an eventual replica keeps beside its rows, by key.</summary>
    internal const byte Notes = 0;

    /// <summary>Records, by key; in a shard of rows, its rows.</summary>
    internal const byte Records = 1;

    /// <summary>Records with a time to live: expiry (8 bytes, big-endian), key; the version is the record's, the value empty.</summary>
    internal const byte Expiries = 2;

    /// <summary>The change history: version (8 bytes, big-endian), place within the command (4 bytes, big-endian).</summary>
    internal const byte Changes = 3;

    /// <summary>
    /// In an eventual shard of records, which has no change history: the records by the hash of their key (8 bytes, big-endian), then the
    /// key; the value is the record's hash (high, low: 8 bytes each, big-endian).
    /// </summary>
    internal const byte Places = 3;

    /// <summary>Clients of the request table, by number (8 bytes, big-endian).</summary>
    internal const byte Requests = 4;

    /// <summary>One record each of the replicated state (key 0) and of its machine (key 1).</summary>
    internal const byte Meta = 5;

    /// <summary>The key of the replicated state's own record in <see cref="Meta"/>.</summary>
    internal static readonly byte[] StateKey = [0];

    /// <summary>The key of the machine's record in <see cref="Meta"/>.</summary>
    internal static readonly byte[] MachineKey = [1];
}
