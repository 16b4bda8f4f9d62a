namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>A field of a user type, or an argument of a function.</summary>
/// <param name="Name">The name.</param>
/// <param name="Type">The type.</param>
public sealed record FieldDeclaration(string Name, TypeName Type);

/// <summary>CREATE TYPE.</summary>
/// <param name="Name">The type.</param>
/// <param name="IfNotExists">No error when it exists.</param>
/// <param name="Fields">The fields, as written; at least one.</param>
public sealed record CreateTypeStatement(QualifiedName Name, bool IfNotExists, SyntaxList<FieldDeclaration> Fields) : Statement;

/// <summary>ALTER TYPE.</summary>
/// <param name="Name">The type.</param>
/// <param name="IfExists">No error when it doesn't exist.</param>
/// <param name="Action">The change.</param>
public sealed record AlterTypeStatement(QualifiedName Name, bool IfExists, AlterTypeAction Action) : Statement;

/// <summary>What ALTER TYPE changes.</summary>
public abstract record AlterTypeAction;

/// <summary>ALTER field TYPE type.</summary>
/// <param name="Field">The field.</param>
/// <param name="Type">Its new type.</param>
public sealed record AlterFieldType(string Field, TypeName Type) : AlterTypeAction;

/// <summary>ADD field type.</summary>
/// <param name="IfNotExists">No error when there is such a field.</param>
/// <param name="Field">The field.</param>
public sealed record AddField(bool IfNotExists, FieldDeclaration Field) : AlterTypeAction;

/// <summary>RENAME field TO name.</summary>
/// <param name="IfExists">No error for fields that don't exist.</param>
/// <param name="Renames">The new names; at least one.</param>
public sealed record RenameFields(bool IfExists, SyntaxList<Rename> Renames) : AlterTypeAction;

/// <summary>DROP TYPE.</summary>
/// <param name="Name">The type.</param>
/// <param name="IfExists">No error when it doesn't exist.</param>
public sealed record DropTypeStatement(QualifiedName Name, bool IfExists) : Statement;
