using Atoll.Services.Tables.Schema;

namespace Atoll.Services.Tables.Execution;

/// <summary>A bound of the token.</summary>
/// <param name="Term">The token.</param>
/// <param name="IsInclusive">Whether it is in the range.</param>
internal sealed record TokenBound(BoundTerm Term, bool IsInclusive);

/// <summary>WHERE, taken apart: what finds rows by their key, and what is asked of each row beside.</summary>
internal sealed class Restrictions(TableDefinition table)
{
    /// <summary>The values of each column of the partition key; null when they aren't all given.</summary>
    public IReadOnlyList<KeyValues>? PartitionKey { get; set; }

    /// <summary>The lower bound of the token.</summary>
    public TokenBound? LowerToken { get; set; }

    /// <summary>The upper bound of the token.</summary>
    public TokenBound? UpperToken { get; set; }

    /// <summary>What is given of the clustering key.</summary>
    public ClusteringSlices Clustering { get; } = new(table);

    /// <summary>What is asked of each row that the keys find.</summary>
    public List<RowFilter> Filters { get; } = [];

    /// <summary>Everything that was asked, as filters: for tables whose rows are not found by keys.</summary>
    public List<RowFilter> All { get; } = [];

    /// <summary>Columns outside of the primary key that are restricted.</summary>
    public List<ColumnDefinition> Others { get; } = [];

    /// <summary>Whether rows are read that the statement doesn't want, and no index says which.</summary>
    public bool NeedsFiltering { get; set; }

    /// <summary>Whether a clustering column is restricted in any way.</summary>
    public bool RestrictsClustering { get; set; }

    /// <summary>For each column of the partition key its marker; empty unless each has one.</summary>
    public IReadOnlyList<int> PartitionKeyMarkers =>
        PartitionKey is { } key && key.All(values => values.MarkerIndex >= 0) ? [.. key.Select(values => values.MarkerIndex)] : [];
}
