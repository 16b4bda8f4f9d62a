namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>What of a column is indexed.</summary>
public enum IndexedPart
{
    /// <summary>The column as such: <c>(c)</c>. Of a collection that isn't frozen, this means its values.</summary>
    Column = 0,

    /// <summary><c>VALUES(c)</c></summary>
    Values = 1,

    /// <summary><c>KEYS(c)</c></summary>
    Keys = 2,

    /// <summary><c>ENTRIES(c)</c></summary>
    Entries = 3,

    /// <summary><c>FULL(c)</c>: a frozen collection as a whole.</summary>
    Full = 4,
}

/// <summary>What is indexed.</summary>
/// <param name="Kind">What of the column.</param>
/// <param name="Column">The column.</param>
public sealed record IndexedColumn(IndexedPart Kind, string Column);

/// <summary>CREATE INDEX, and CREATE CUSTOM INDEX.</summary>
/// <param name="Name">The index; null: named after table and column.</param>
/// <param name="Table">The table.</param>
/// <param name="IfNotExists">No error when it exists.</param>
/// <param name="Targets">What is indexed; one, except for custom indexes.</param>
public sealed record CreateIndexStatement(string? Name, QualifiedName Table, bool IfNotExists, SyntaxList<IndexedColumn> Targets)
    : Statement
{
    /// <summary>CREATE CUSTOM INDEX.</summary>
    public bool IsCustom { get; init; }

    /// <summary>USING 'class'; null when not given.</summary>
    public string? ClassName { get; init; }

    /// <summary>WITH properties.</summary>
    public SyntaxList<Property> Properties { get; init; }
}

/// <summary>DROP INDEX.</summary>
/// <param name="Index">The index.</param>
/// <param name="IfExists">No error when it doesn't exist.</param>
public sealed record DropIndexStatement(QualifiedName Index, bool IfExists) : Statement;
