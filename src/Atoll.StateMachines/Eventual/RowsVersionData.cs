using Atoll.Kernel.Eventual;

namespace Atoll.StateMachines.Eventual;

/// <summary>Versions of rows as the kernel's protocols see them.</summary>
public sealed class RowsVersionData : IReplicatedData
{
    /// <inheritdoc />
    public ReadOnlyMemory<byte> Merge(ReadOnlySpan<ReadOnlyMemory<byte>> versions) => throw new NotSupportedException();

    /// <inheritdoc />
    public UInt128 DigestOf(ReadOnlyMemory<byte> version) => throw new NotSupportedException();

    /// <inheritdoc />
    public ReadOnlyMemory<byte> RepairOf(ReadOnlyMemory<byte> merged, ReadOnlyMemory<byte> held) => throw new NotSupportedException();
}
