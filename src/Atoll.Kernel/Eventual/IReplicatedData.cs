namespace Atoll.Kernel.Eventual;

/// <summary>What reads must know of the data beyond its merge.</summary>
public interface IReplicatedData : IVersionMerge
{
    /// <summary>A number that is the same for the same version on every replica, and different for different ones in practice.</summary>
    UInt128 DigestOf(ReadOnlyMemory<byte> version);

    /// <summary>What a replica that holds one version must write to hold the merged one; may be the merged version itself.</summary>
    ReadOnlyMemory<byte> RepairOf(ReadOnlyMemory<byte> merged, ReadOnlyMemory<byte> held);
}
