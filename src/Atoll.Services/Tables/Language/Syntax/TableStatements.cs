namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>A column as CREATE TABLE or ALTER TABLE defines it.</summary>
/// <param name="Name">The column.</param>
/// <param name="Type">Its type.</param>
/// <param name="IsStatic">Whether a partition has one value for all its rows.</param>
public sealed record ColumnDeclaration(string Name, TypeName Type, bool IsStatic);

/// <summary>CREATE TABLE.</summary>
/// <param name="Table">The table.</param>
/// <param name="IfNotExists">No error when it exists.</param>
/// <param name="Columns">The columns, as written.</param>
/// <param name="PartitionKey">The columns of the partition key; empty when no primary key was given.</param>
/// <param name="ClusteringKey">The clustering columns; perhaps none.</param>
public sealed record CreateTableStatement(
    QualifiedName Table, bool IfNotExists, SyntaxList<ColumnDeclaration> Columns, SyntaxList<string> PartitionKey,
    SyntaxList<string> ClusteringKey)
    : Statement
{
    /// <summary>WITH CLUSTERING ORDER BY; empty when not given.</summary>
    public SyntaxList<Ordering> ClusteringOrder { get; init; }

    /// <summary>WITH COMPACT STORAGE.</summary>
    public bool IsCompactStorage { get; init; }

    /// <summary>The other properties.</summary>
    public SyntaxList<Property> Properties { get; init; }
}

/// <summary>ALTER TABLE.</summary>
/// <param name="Table">The table.</param>
/// <param name="IfExists">No error when it doesn't exist.</param>
/// <param name="Action">The change.</param>
public sealed record AlterTableStatement(QualifiedName Table, bool IfExists, AlterTableAction Action) : Statement;

/// <summary>What ALTER TABLE changes.</summary>
public abstract record AlterTableAction;

/// <summary>ALTER column TYPE type.</summary>
/// <param name="Column">The column.</param>
/// <param name="Type">Its new type.</param>
public sealed record AlterColumnType(string Column, TypeName Type) : AlterTableAction;

/// <summary>ADD column, or columns in parentheses.</summary>
/// <param name="IfNotExists">No error for columns that exist.</param>
/// <param name="Columns">The columns; at least one.</param>
public sealed record AddColumns(bool IfNotExists, SyntaxList<ColumnDeclaration> Columns) : AlterTableAction;

/// <summary>DROP column, or columns in parentheses.</summary>
/// <param name="IfExists">No error for columns that don't exist.</param>
/// <param name="Columns">The columns; at least one.</param>
/// <param name="TimestampMicroseconds">USING TIMESTAMP; null when not given.</param>
public sealed record DropColumns(bool IfExists, SyntaxList<string> Columns, long? TimestampMicroseconds) : AlterTableAction;

/// <summary>RENAME column TO name.</summary>
/// <param name="IfExists">No error for columns that don't exist.</param>
/// <param name="Renames">The new names; at least one.</param>
public sealed record RenameColumns(bool IfExists, SyntaxList<Rename> Renames) : AlterTableAction;

/// <summary>DROP COMPACT STORAGE.</summary>
public sealed record DropCompactStorage : AlterTableAction;

/// <summary>WITH properties.</summary>
/// <param name="Properties">The properties that change; at least one.</param>
public sealed record AlterTableProperties(SyntaxList<Property> Properties) : AlterTableAction;

/// <summary>A new name for a column or a field.</summary>
/// <param name="From">The present name.</param>
/// <param name="To">The new one.</param>
public sealed record Rename(string From, string To);

/// <summary>DROP TABLE.</summary>
/// <param name="Table">The table.</param>
/// <param name="IfExists">No error when it doesn't exist.</param>
public sealed record DropTableStatement(QualifiedName Table, bool IfExists) : Statement;
