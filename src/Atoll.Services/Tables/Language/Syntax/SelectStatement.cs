namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>SELECT.</summary>
/// <param name="Table">The table.</param>
/// <param name="Selectors">What is returned; empty for <c>*</c>.</param>
/// <param name="Where">Which rows: all of these hold. Empty: all rows.</param>
public sealed record SelectStatement(QualifiedName Table, SyntaxList<Selector> Selectors, SyntaxList<Relation> Where) : Statement
{
    /// <summary>SELECT JSON: each row is one text.</summary>
    public bool IsJson { get; init; }

    /// <summary>SELECT DISTINCT: each partition once.</summary>
    public bool IsDistinct { get; init; }

    /// <summary>GROUP BY: columns, or functions of columns.</summary>
    public SyntaxList<Term> GroupBy { get; init; }

    /// <summary>ORDER BY, the first first.</summary>
    public SyntaxList<Ordering> OrderBy { get; init; }

    /// <summary>PER PARTITION LIMIT: an integer literal or a marker.</summary>
    public Term? PerPartitionLimit { get; init; }

    /// <summary>LIMIT: an integer literal or a marker.</summary>
    public Term? Limit { get; init; }

    /// <summary>ALLOW FILTERING.</summary>
    public bool AllowFiltering { get; init; }
}

/// <summary>One thing that SELECT returns.</summary>
/// <param name="Term">What it is.</param>
/// <param name="Alias">The name given with AS; null without.</param>
public sealed record Selector(Term Term, string? Alias)
{
    /// <summary>The selector in CQL.</summary>
    public override string ToString() => CqlText.Of(this);
}

/// <summary>A column of ORDER BY, or of CLUSTERING ORDER BY.</summary>
/// <param name="Column">The column.</param>
/// <param name="IsDescending">Whether from the highest down.</param>
public sealed record Ordering(string Column, bool IsDescending);
