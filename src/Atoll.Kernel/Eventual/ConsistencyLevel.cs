namespace Atoll.Kernel.Eventual;

/// <summary>
/// How many replicas must take part in a read or a write before it is answered (Cassandra, 2010, section 5.2); the numbers are those of
/// CQL's native protocol. SERIAL and LOCAL_SERIAL are Paxos, not here.
/// </summary>
public enum ConsistencyLevel : ushort
{
    /// <summary>A write: one replica, or a durable hint for one.</summary>
    Any = 0,

    /// <summary>One replica.</summary>
    One = 1,

    /// <summary>Two replicas.</summary>
    Two = 2,

    /// <summary>Three replicas.</summary>
    Three = 3,

    /// <summary>A majority of all replicas.</summary>
    Quorum = 4,

    /// <summary>All replicas.</summary>
    All = 5,

    /// <summary>A majority of the replicas in the coordinator's region.</summary>
    LocalQuorum = 6,

    /// <summary>In each region a majority of its replicas.</summary>
    EachQuorum = 7,

    /// <summary>One replica in the coordinator's region.</summary>
    LocalOne = 10,
}

/// <summary>What kind of write failed: CQL's clients decide by it whether to retry.</summary>
public enum WriteKind : byte
{
    /// <summary>One partition, not logged.</summary>
    Simple = 0,

    /// <summary>A logged batch, after its log was written.</summary>
    Batch = 1,

    /// <summary>A batch without a log.</summary>
    UnloggedBatch = 2,

    /// <summary>A counter.</summary>
    Counter = 3,

    /// <summary>The log of a logged batch.</summary>
    BatchLog = 4,

    /// <summary>A conditional write.</summary>
    CompareAndSet = 5,
}
