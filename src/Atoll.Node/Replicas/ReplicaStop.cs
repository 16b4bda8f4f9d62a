namespace Atoll.Node.Replicas;

/// <summary>Why a replica stopped.</summary>
public enum ReplicaStop : byte
{
    /// <summary>Its disk, its log or its state cannot be trusted.</summary>
    Untrusted,

    /// <summary>Its disk is full: it comes back by itself when there is room.</summary>
    DiskFull,

    /// <summary>Its shard is no more.</summary>
    Dropped,

    /// <summary>It begins anew with nothing, because what it has is from when its node was a replica before.</summary>
    Outdated,
}
