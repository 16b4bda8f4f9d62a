using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Eventual;

/// <summary>Versions: what replicas of an eventual shard of rows send each other.</summary>
public static class RowsVersion
{
    /// <summary>What a mutation adds to what is known.</summary>
    /// <param name="partitions">The operations, without increments (<see cref="HasIncrements"/>): those go by
    /// <see cref="EventualCommand.WriteIncrement"/>.</param>
    /// <param name="timestampMicros">The timestamp of operations that bring none.</param>
    /// <param name="stamp">The mutation's stamp: carried by its deletions; times to live count from it.</param>
    /// <param name="coordinator">
    /// Who makes it: elements that two coordinators put at the end of a list in the same microsecond get different places by it.
    /// </param>
    public static byte[] OfMutation(
        IReadOnlyList<PartitionMutation> partitions, long timestampMicros, HybridTime stamp, NodeId coordinator = default) =>
        throw new NotSupportedException();

    /// <summary>Whether a mutation adds to a counter.</summary>
    public static bool HasIncrements(IReadOnlyList<PartitionMutation> partitions) => partitions.Any(static partition =>
        partition.Operations.Any(static operation => operation.Cells.Any(static cell => cell.Kind == CellWriteKind.Increment)));

    /// <summary>
    /// Whether it says all there is in its slice; else there may be more behind <see cref="TryGetThrough"/>. True for the empty version and
    /// for mutations, false for garbage.
    /// </summary>
    public static bool IsComplete(ReadOnlyMemory<byte> version) => throw new NotSupportedException();

    /// <summary>The key through which it says all there is.</summary>
    /// <returns>False when it is complete, or garbage.</returns>
    public static bool TryGetThrough(ReadOnlyMemory<byte> version, out ReadOnlyMemory<byte> through) => throw new NotSupportedException();

    /// <summary>Checks a version that arrived: that it is one, keeps the bounds, and that all of it belongs to the shard.</summary>
    public static CommandFault Validate(ReadOnlyMemory<byte> version, ulong hashLow, ulong hashHigh, in RecordLimits limits) =>
        throw new NotSupportedException();

    /// <summary>Whether there is any value in it; a version that only deletes has none.</summary>
    internal static bool HasValues(ReadOnlyMemory<byte> version) => throw new NotSupportedException();
}
