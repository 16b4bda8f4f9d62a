using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Rows;

/// <summary>How a command or query ended. The numbers are on the wire.</summary>
public enum RowsStatus : byte
{
    /// <summary>As asked.</summary>
    Ok = 0,

    /// <summary>A condition does not hold; nothing was changed.</summary>
    NotApplied = 1,

    /// <summary>A row, or the deleted ranges of a partition, would become larger than allowed; nothing was changed.</summary>
    TooLarge = 3,

    /// <summary>The bytes are no command or query.</summary>
    Invalid = 4,
}

/// <summary>A row as it was when a condition did not hold.</summary>
/// <param name="Partition">The position of its partition in the command.</param>
/// <param name="IsStatic">True for the partition's static row.</param>
/// <param name="Clustering">Its clustering key.</param>
/// <param name="Row">What a reader would have seen; empty when it was not there.</param>
public sealed record CurrentRow(int Partition, bool IsStatic, ReadOnlyMemory<byte> Clustering, RowData Row);

/// <summary>The result of a mutation.</summary>
/// <param name="Status">Ok when it was applied.</param>
/// <param name="Version">The state's time of the command.</param>
/// <param name="FailedCondition">The position of the first condition that does not hold; -1 when all do.</param>
/// <param name="Current">
/// When a condition does not hold: the rows that the conditions are about, each once, and the static rows of their partitions.
/// </param>
/// <param name="Detail">What is wrong, for people; empty when nothing is.</param>
public sealed record MutationResult(
    RowsStatus Status, HybridTime Version, int FailedCondition, IReadOnlyList<CurrentRow> Current, string Detail = "")
{
    /// <summary>True when all conditions held and the command took effect.</summary>
    public bool IsApplied => Status == RowsStatus.Ok;
}

/// <summary>A row of a page.</summary>
/// <param name="Clustering">Its clustering key.</param>
/// <param name="Row">What is visible of it.</param>
public readonly record struct PageRow(ReadOnlyMemory<byte> Clustering, RowData Row);

/// <summary>Rows of one partition in a page.</summary>
/// <param name="Token">The partition's token.</param>
/// <param name="Key">The partition's key.</param>
/// <param name="Static">What is visible of the static row; empty when there is nothing, or it was not asked for.</param>
/// <param name="Rows">
/// The rows, in order (or in reverse). None, when only the static row is there (or all rows were on pages before).
/// </param>
/// <param name="IsContinued">True when a page before this one had rows of the partition.</param>
public sealed record PartitionRows(
    long Token, ReadOnlyMemory<byte> Key, RowData Static, IReadOnlyList<PageRow> Rows, bool IsContinued);

/// <summary>A page of rows.</summary>
/// <param name="Status">How it ended; nothing else holds unless it is Ok.</param>
/// <param name="AsOf">The state's time that the page is of.</param>
/// <param name="Partitions">The rows, partition by partition, in the order of tokens.</param>
/// <param name="ResumeAfter">Where the next page begins; empty when this is the last one.</param>
/// <param name="Detail">What is wrong, for people; empty when nothing is.</param>
public sealed record RowsPage(
    RowsStatus Status, HybridTime AsOf, IReadOnlyList<PartitionRows> Partitions, ReadOnlyMemory<byte> ResumeAfter, string Detail = "")
{
    /// <summary>Whether there may be rows behind this page; there may turn out to be none.</summary>
    public bool HasMore => !ResumeAfter.IsEmpty;
}

/// <summary>Counts over a shard's rows.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="AsOf">The state's time that they are of.</param>
/// <param name="Rows">Rows in the store, static rows, those that were deleted and the notes about deleted partitions included.</param>
/// <param name="Bytes">Bytes of keys and rows.</param>
public readonly record struct RowsStats(RowsStatus Status, HybridTime AsOf, long Rows, long Bytes);
