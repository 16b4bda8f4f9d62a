using Atoll.Kernel.Eventual;

namespace Atoll.Node.Requests;

/// <summary>Which Paxos a request asks for. The numbers are those of CQL's native protocol, and on the wire.</summary>
public enum SerialLevel : byte
{
    /// <summary>None: no condition is judged, and reads go by <see cref="RequestConsistency.Level"/> alone.</summary>
    None = 0,

    /// <summary>Among all replicas.</summary>
    Serial = 8,

    /// <summary>Among the replicas in the coordinator's region.</summary>
    LocalSerial = 9,
}

/// <summary>How many replicas of an eventual space must take part in a request; strong spaces take no notice of it.</summary>
/// <param name="Level">For reads and writes; of a conditional write, for its commit.</param>
/// <param name="Serial">
/// For conditional writes: among whom the condition is judged. For reads: anything but None reads what Paxos decided, whatever the level.
/// </param>
public readonly record struct RequestConsistency(ConsistencyLevel Level, SerialLevel Serial = SerialLevel.None)
{
    /// <summary>A majority of all replicas: what requests to eventual spaces get that say nothing.</summary>
    public static readonly RequestConsistency Quorum = new(ConsistencyLevel.Quorum);

    internal bool IsKnown =>
        Level is <= ConsistencyLevel.EachQuorum or ConsistencyLevel.LocalOne
        && Serial is SerialLevel.None or SerialLevel.Serial or SerialLevel.LocalSerial;
}
