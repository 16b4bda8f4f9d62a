namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>A column, among selectors.</summary>
/// <param name="Name">The column.</param>
public sealed record ColumnTerm(string Name) : Term;

/// <summary>A field of a user type's value: <c>address.street</c>.</summary>
/// <param name="Value">The value of a user type.</param>
/// <param name="Field">The field.</param>
public sealed record FieldTerm(Term Value, string Field) : Term;

/// <summary>An element of a set or a map: <c>m['k']</c>.</summary>
/// <param name="Collection">The collection.</param>
/// <param name="Key">The key, or the element of a set.</param>
public sealed record ElementTerm(Term Collection, Term Key) : Term;

/// <summary>A slice of a set or a map: <c>m['a'..'z']</c>, both ends included.</summary>
/// <param name="Collection">The collection.</param>
/// <param name="From">The lowest key; null: from the first.</param>
/// <param name="To">The highest key; null: to the last.</param>
public sealed record SliceTerm(Term Collection, Term? From, Term? To) : Term;

/// <summary><c>count(*)</c> or <c>count(1)</c>: how many rows there are.</summary>
public sealed record CountRows : Term;

/// <summary><c>writetime(column)</c>: the timestamp of a cell in microseconds.</summary>
/// <param name="Column">The column, or an element, slice or field of it.</param>
public sealed record WriteTimeTerm(Term Column) : Term;

/// <summary><c>ttl(column)</c>: the seconds that a cell has left.</summary>
/// <param name="Column">The column, or an element, slice or field of it.</param>
public sealed record TimeToLiveTerm(Term Column) : Term;
