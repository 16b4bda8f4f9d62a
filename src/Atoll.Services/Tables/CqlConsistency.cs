namespace Atoll.Services.Tables;

/// <summary>Consistency levels, by their codes in the native protocol (native_protocol_v5.spec, section 3).</summary>
public enum CqlConsistency : ushort
{
    /// <summary>Writes: any node that keeps at least a hint.</summary>
    Any = 0x0000,

    /// <summary>One replica.</summary>
    One = 0x0001,

    /// <summary>Two replicas.</summary>
    Two = 0x0002,

    /// <summary>Three replicas.</summary>
    Three = 0x0003,

    /// <summary>More than half of all replicas.</summary>
    Quorum = 0x0004,

    /// <summary>All replicas.</summary>
    All = 0x0005,

    /// <summary>More than half of the replicas in the coordinator's data center.</summary>
    LocalQuorum = 0x0006,

    /// <summary>More than half of the replicas in each data center.</summary>
    EachQuorum = 0x0007,

    /// <summary>Linearizable, for conditional writes and reads of what they wrote.</summary>
    Serial = 0x0008,

    /// <summary>Linearizable within the coordinator's data center.</summary>
    LocalSerial = 0x0009,

    /// <summary>One replica in the coordinator's data center.</summary>
    LocalOne = 0x000A,
}
