namespace Atoll.Node.Requests;

/// <summary>What a request asks for. The number is on the wire.</summary>
public enum RequestKind : byte
{
    /// <summary>A command for a shard's state machine; the answer's body is its result.</summary>
    Write = 1,

    /// <summary>A query of a shard's state machine; the answer's body is its result.</summary>
    Read = 2,

    /// <summary>The receiving node's cached view of the directory; the answer's body is an encoded view, or empty when unchanged.</summary>
    DirectoryView = 3,

    /// <summary>The receiving loop's state (replicas, roles, lag, disk); the answer's body is an encoded <c>LoopStatus</c>.</summary>
    Status = 4,

    /// <summary>Hands a shard's leadership to another replica; the payload is the node's number as 4 bytes.</summary>
    TransferLeadership = 5,

    /// <summary>
    /// Asks a shard's leader which index a replica must have applied for a linearizable read; the answer's body is 8 bytes. Replicas
    /// ask it for each other's sake, to bound their staleness without any clock but their own.
    /// </summary>
    ReadIndex = 6,
}
