using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Schema;

/// <summary>What part a column has in its table, in the order in which SELECT * gives them.</summary>
public enum ColumnKind : byte
{
    /// <summary>Part of the partition key.</summary>
    PartitionKey = 0,

    /// <summary>Orders rows within a partition.</summary>
    Clustering = 1,

    /// <summary>One value for a whole partition.</summary>
    Static = 2,

    /// <summary>A value a row.</summary>
    Regular = 3,
}

/// <summary>How a column orders rows.</summary>
public enum ClusteringOrder : byte
{
    /// <summary>It doesn't: not a clustering column.</summary>
    None = 0,

    /// <summary>The smallest value first.</summary>
    Ascending = 1,

    /// <summary>The greatest value first.</summary>
    Descending = 2,
}

/// <summary>A column of a table.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">The type of its values.</param>
/// <param name="Kind">What part it has.</param>
/// <param name="Position">Within the partition key or the clustering columns, from 0; -1 for others.</param>
/// <param name="Order">How it orders rows.</param>
/// <param name="Id">
/// What its cells are stored under: distinct within the table, and never given again, so that the cells of a column that was dropped
/// don't turn up in another of the same name.
/// </param>
public sealed record ColumnDefinition(string Name, CqlType Type, ColumnKind Kind, int Position, ClusteringOrder Order, uint Id)
{
    /// <summary>Whether it is part of the primary key.</summary>
    public bool IsPrimaryKey => Kind is ColumnKind.PartitionKey or ColumnKind.Clustering;

    /// <summary>Whether it is a clustering column with the greatest value first.</summary>
    public bool IsDescending => Order == ClusteringOrder.Descending;
}
