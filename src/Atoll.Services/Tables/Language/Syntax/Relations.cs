namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>How a relation or a condition compares.</summary>
public enum RelationOperator
{
    /// <summary><c>=</c></summary>
    Equal = 0,

    /// <summary><c>&lt;</c></summary>
    Less = 1,

    /// <summary><c>&lt;=</c></summary>
    LessOrEqual = 2,

    /// <summary><c>&gt;</c></summary>
    Greater = 3,

    /// <summary><c>&gt;=</c></summary>
    GreaterOrEqual = 4,

    /// <summary><c>!=</c></summary>
    NotEqual = 5,

    /// <summary><c>CONTAINS</c>: an element of a list or set, or a value of a map.</summary>
    Contains = 6,

    /// <summary><c>CONTAINS KEY</c>: a key of a map.</summary>
    ContainsKey = 7,

    /// <summary><c>LIKE</c></summary>
    Like = 8,
}

/// <summary>One of the relations of WHERE.</summary>
public abstract record Relation
{
    /// <summary>The relation in CQL.</summary>
    public sealed override string ToString() => CqlText.Of(this);
}

/// <summary>A column against a value: <c>c = 1</c>, <c>c CONTAINS 1</c>, <c>c LIKE 'a%'</c>.</summary>
/// <param name="Column">The column.</param>
/// <param name="Operator">How.</param>
/// <param name="Value">The value.</param>
public sealed record ColumnRelation(string Column, RelationOperator Operator, Term Value) : Relation;

/// <summary>A column among values: <c>c IN (1, 2)</c>.</summary>
/// <param name="Column">The column.</param>
/// <param name="Values">The values.</param>
public sealed record InRelation(string Column, InValues Values) : Relation;

/// <summary><c>c IS NOT NULL</c>: for materialized views.</summary>
/// <param name="Column">The column.</param>
public sealed record NotNullRelation(string Column) : Relation;

/// <summary>An element of a map: <c>m['k'] = 1</c>.</summary>
/// <param name="Column">The column.</param>
/// <param name="Key">The key.</param>
/// <param name="Operator">One of the comparisons.</param>
/// <param name="Value">The value.</param>
public sealed record ElementRelation(string Column, Term Key, RelationOperator Operator, Term Value) : Relation;

/// <summary>The token of the partition key: <c>token(a, b) &gt; 5</c>.</summary>
/// <param name="Columns">The columns of the partition key, as named.</param>
/// <param name="Operator">One of the comparisons.</param>
/// <param name="Value">The token.</param>
public sealed record TokenRelation(SyntaxList<string> Columns, RelationOperator Operator, Term Value) : Relation;

/// <summary>Several clustering columns at once: <c>(a, b) &gt; (1, 2)</c>.</summary>
/// <param name="Columns">The columns.</param>
/// <param name="Operator">One of the comparisons.</param>
/// <param name="Value">A <see cref="TupleLiteral"/> or a <see cref="BindMarker"/>.</param>
public sealed record TupleRelation(SyntaxList<string> Columns, RelationOperator Operator, Term Value) : Relation;

/// <summary>Several clustering columns among values: <c>(a, b) IN ((1, 2), (3, 4))</c>.</summary>
/// <param name="Columns">The columns.</param>
/// <param name="Values">The values: each a <see cref="TupleLiteral"/> or a <see cref="BindMarker"/>.</param>
public sealed record TupleInRelation(SyntaxList<string> Columns, InValues Values) : Relation;

/// <summary>A question to a custom index: <c>expr(index, 'query')</c>.</summary>
/// <param name="Index">The index.</param>
/// <param name="Value">What it is asked.</param>
public sealed record IndexExpressionRelation(QualifiedName Index, Term Value) : Relation;

/// <summary>What stands behind IN.</summary>
public abstract record InValues
{
    /// <summary>The values in CQL.</summary>
    public sealed override string ToString() => CqlText.Of(this);
}

/// <summary>Values one by one: <c>(1, ?, 3)</c>; perhaps none.</summary>
/// <param name="Values">The values.</param>
public sealed record InList(SyntaxList<Term> Values) : InValues;

/// <summary>A marker for a whole list: <c>IN ?</c>.</summary>
/// <param name="Marker">The marker: its value is a list.</param>
public sealed record InMarker(BindMarker Marker) : InValues;
