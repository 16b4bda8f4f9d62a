namespace Atoll.Kernel.Eventual;

/// <summary>
/// What the protocols must know of the data that they replicate, and all they know: how two replicas' versions of the same thing become
/// one. The merge is commutative, associative and idempotent, and the empty version changes nothing; then replicas that saw the same
/// mutations in any order hold the same bytes (Dynamo, 2007, section 4.4, with the semilattice that it lacks).
/// </summary>
public interface IVersionMerge
{
    /// <summary>The version that holds everything that the given ones hold.</summary>
    /// <param name="versions">At least one; an empty one is "nothing there".</param>
    ReadOnlyMemory<byte> Merge(ReadOnlySpan<ReadOnlyMemory<byte>> versions);
}
