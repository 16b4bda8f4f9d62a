namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>A statement that writes rows, alone or within a batch.</summary>
/// <param name="Table">The table.</param>
/// <param name="Using">The timestamp and the time to live.</param>
public abstract record ModificationStatement(QualifiedName Table, UsingClause Using) : Statement;

/// <summary>USING TIMESTAMP and TTL.</summary>
/// <param name="TimestampMicroseconds">The timestamp: an integer literal or a marker; null when not given.</param>
/// <param name="TimeToLiveSeconds">The time to live: an integer literal or a marker; null when not given.</param>
public sealed record UsingClause(Term? TimestampMicroseconds, Term? TimeToLiveSeconds)
{
    /// <summary>No USING.</summary>
    public static readonly UsingClause None = new(null, null);
}

/// <summary>INSERT with columns and values.</summary>
/// <param name="Table">The table.</param>
/// <param name="Columns">The columns, as named.</param>
/// <param name="Values">Their values; perhaps not as many.</param>
/// <param name="IfNotExists">Only if there is no such row.</param>
/// <param name="Using">The timestamp and the time to live.</param>
public sealed record InsertStatement(
    QualifiedName Table, SyntaxList<string> Columns, SyntaxList<Term> Values, bool IfNotExists, UsingClause Using)
    : ModificationStatement(Table, Using);

/// <summary>INSERT JSON.</summary>
/// <param name="Table">The table.</param>
/// <param name="Json">A string literal, or a marker.</param>
/// <param name="IsDefaultUnset">DEFAULT UNSET: columns that the JSON doesn't name stay as they are; else they become null.</param>
/// <param name="IfNotExists">Only if there is no such row.</param>
/// <param name="Using">The timestamp and the time to live.</param>
public sealed record InsertJsonStatement(QualifiedName Table, Term Json, bool IsDefaultUnset, bool IfNotExists, UsingClause Using)
    : ModificationStatement(Table, Using);

/// <summary>UPDATE.</summary>
/// <param name="Table">The table.</param>
/// <param name="Using">The timestamp and the time to live.</param>
/// <param name="Assignments">What is set; at least one.</param>
/// <param name="Where">Which rows.</param>
/// <param name="IfExists">Only if there is such a row.</param>
/// <param name="Conditions">Only if all of these hold; empty with <paramref name="IfExists"/>.</param>
public sealed record UpdateStatement(
    QualifiedName Table, UsingClause Using, SyntaxList<Assignment> Assignments, SyntaxList<Relation> Where, bool IfExists,
    SyntaxList<Condition> Conditions)
    : ModificationStatement(Table, Using);

/// <summary>DELETE.</summary>
/// <param name="Table">The table.</param>
/// <param name="Targets">What is deleted of the rows; empty: the rows.</param>
/// <param name="Using">The timestamp.</param>
/// <param name="Where">Which rows.</param>
/// <param name="IfExists">Only if there is such a row.</param>
/// <param name="Conditions">Only if all of these hold; empty with <paramref name="IfExists"/>.</param>
public sealed record DeleteStatement(
    QualifiedName Table, SyntaxList<ColumnTarget> Targets, UsingClause Using, SyntaxList<Relation> Where, bool IfExists,
    SyntaxList<Condition> Conditions)
    : ModificationStatement(Table, Using);

/// <summary>A column, or a part of one, that is set, deleted or asked about.</summary>
/// <param name="Column">The column.</param>
public abstract record ColumnTarget(string Column)
{
    /// <summary>The target in CQL.</summary>
    public sealed override string ToString() => CqlText.Of(this);
}

/// <summary>The whole column: <c>c</c>.</summary>
/// <param name="Column">The column.</param>
public sealed record WholeColumn(string Column) : ColumnTarget(Column);

/// <summary>An element of a list (by its index), a map (by its key) or a set: <c>c[1]</c>.</summary>
/// <param name="Column">The column.</param>
/// <param name="Key">Index, key or element.</param>
public sealed record ColumnElement(string Column, Term Key) : ColumnTarget(Column);

/// <summary>A field of a user type: <c>c.f</c>.</summary>
/// <param name="Column">The column.</param>
/// <param name="Field">The field.</param>
public sealed record ColumnField(string Column, string Field) : ColumnTarget(Column);

/// <summary>One of the assignments of SET.</summary>
public abstract record Assignment
{
    /// <summary>The assignment in CQL.</summary>
    public sealed override string ToString() => CqlText.Of(this);

    /// <summary>The column that is changed.</summary>
    public abstract string Column { get; }
}

/// <summary><c>c = value</c>, <c>c[k] = value</c>, <c>c.f = value</c>.</summary>
/// <param name="Target">What is set.</param>
/// <param name="Value">The value.</param>
public sealed record SetAssignment(ColumnTarget Target, Term Value) : Assignment
{
    /// <inheritdoc />
    public override string Column => Target.Column;
}

/// <summary><c>c = c + value</c> or <c>c += value</c>: to a counter; to the end of a list; into a set or a map.</summary>
/// <param name="Name">The column.</param>
/// <param name="Value">What is added.</param>
public sealed record AddAssignment(string Name, Term Value) : Assignment
{
    /// <inheritdoc />
    public override string Column => Name;
}

/// <summary><c>c = c - value</c> or <c>c -= value</c>: from a counter; all equal elements of a list; of a set; keys of a map.</summary>
/// <param name="Name">The column.</param>
/// <param name="Value">What is subtracted.</param>
public sealed record SubtractAssignment(string Name, Term Value) : Assignment
{
    /// <inheritdoc />
    public override string Column => Name;
}

/// <summary><c>c = value + c</c>: to the front of a list.</summary>
/// <param name="Name">The column.</param>
/// <param name="Value">What is prepended.</param>
public sealed record PrependAssignment(string Name, Term Value) : Assignment
{
    /// <inheritdoc />
    public override string Column => Name;
}

/// <summary>One of the conditions behind IF.</summary>
/// <param name="Target">What is asked about.</param>
public abstract record Condition(ColumnTarget Target)
{
    /// <summary>The condition in CQL.</summary>
    public sealed override string ToString() => CqlText.Of(this);
}

/// <summary><c>IF c = value</c></summary>
/// <param name="Target">What is asked about.</param>
/// <param name="Operator">A comparison, CONTAINS or CONTAINS KEY (these only of a whole column).</param>
/// <param name="Value">The value.</param>
public sealed record ComparisonCondition(ColumnTarget Target, RelationOperator Operator, Term Value) : Condition(Target);

/// <summary><c>IF c IN (values)</c></summary>
/// <param name="Target">What is asked about.</param>
/// <param name="Values">The values.</param>
public sealed record InCondition(ColumnTarget Target, InValues Values) : Condition(Target);

/// <summary>BEGIN BATCH ... APPLY BATCH.</summary>
/// <param name="Kind">What it promises.</param>
/// <param name="Using">A timestamp for all its statements; the grammar takes a time to live too.</param>
/// <param name="Statements">The statements; perhaps none.</param>
public sealed record BatchStatement(BatchKind Kind, UsingClause Using, SyntaxList<ModificationStatement> Statements) : Statement;
