namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>CREATE MATERIALIZED VIEW.</summary>
/// <param name="View">The view.</param>
/// <param name="IfNotExists">No error when it exists.</param>
/// <param name="Selectors">What it has of the table; empty for <c>*</c>.</param>
/// <param name="BaseTable">The table.</param>
/// <param name="Where">Which rows.</param>
/// <param name="PartitionKey">The columns of the partition key.</param>
/// <param name="ClusteringKey">The clustering columns; perhaps none.</param>
public sealed record CreateViewStatement(
    QualifiedName View, bool IfNotExists, SyntaxList<Selector> Selectors, QualifiedName BaseTable, SyntaxList<Relation> Where,
    SyntaxList<string> PartitionKey, SyntaxList<string> ClusteringKey)
    : Statement
{
    /// <summary>WITH CLUSTERING ORDER BY; empty when not given.</summary>
    public SyntaxList<Ordering> ClusteringOrder { get; init; }

    /// <summary>The other properties.</summary>
    public SyntaxList<Property> Properties { get; init; }
}

/// <summary>ALTER MATERIALIZED VIEW.</summary>
/// <param name="View">The view.</param>
/// <param name="IfExists">No error when it doesn't exist.</param>
/// <param name="Properties">The properties that change.</param>
public sealed record AlterViewStatement(QualifiedName View, bool IfExists, SyntaxList<Property> Properties) : Statement;

/// <summary>DROP MATERIALIZED VIEW.</summary>
/// <param name="View">The view.</param>
/// <param name="IfExists">No error when it doesn't exist.</param>
public sealed record DropViewStatement(QualifiedName View, bool IfExists) : Statement;
