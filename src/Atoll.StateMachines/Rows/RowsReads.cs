using Atoll.Foundation;

namespace Atoll.StateMachines.Rows;

/// <summary>What to read of each partition, and how much at once.</summary>
public sealed record RowsSelection
{
    /// <summary>Everything, with the largest pages.</summary>
    public static readonly RowsSelection All = new();

    /// <summary>The rows, by clustering key.</summary>
    public ClusteringRange Range { get; init; }

    /// <summary>From the highest clustering key down; for one partition only.</summary>
    public bool Reverse { get; init; }

    /// <summary>Whether the static row is wanted. A partition that has nothing else is then in the page too.</summary>
    public bool WithStatic { get; init; } = true;

    /// <summary>The columns whose cells are wanted, in order; empty for all.</summary>
    public IReadOnlyList<uint> Columns { get; init; } = [];

    /// <summary>Rows of the page; cut to <see cref="Limits.ScanRowsMax"/>, 0 for that.</summary>
    public int RowsMax { get; init; }

    /// <summary>Bytes of the page (it holds a row at least); cut to <see cref="Limits.ScanPageBytesMax"/>, 0 for that.</summary>
    public int PageBytesMax { get; init; }

    /// <summary>Rows of one partition, over all pages; 0 for all.</summary>
    public int RowsPerPartitionMax { get; init; }

    /// <summary>Where the page before ended (<see cref="RowsPage.ResumeAfter"/>); empty for the first page.</summary>
    public ReadOnlyMemory<byte> ResumeAfter { get; init; }
}

/// <summary>A read of one partition.</summary>
/// <param name="Token">The partition's token.</param>
/// <param name="Key">The partition's key.</param>
/// <param name="Selection">What of it.</param>
public sealed record PartitionRead(long Token, ReadOnlyMemory<byte> Key, RowsSelection Selection);

/// <summary>A read of all partitions with tokens of a range, in the order of tokens.</summary>
/// <param name="FromToken">The lowest token, included.</param>
/// <param name="ToToken">The highest token, included.</param>
/// <param name="Selection">What of each partition.</param>
public sealed record TokenRangeRead(long FromToken, long ToToken, RowsSelection Selection);
