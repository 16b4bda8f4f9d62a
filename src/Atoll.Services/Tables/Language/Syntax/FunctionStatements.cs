namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>CREATE FUNCTION.</summary>
/// <param name="Name">The function.</param>
/// <param name="IsOrReplace">CREATE OR REPLACE.</param>
/// <param name="IfNotExists">No error when it exists.</param>
/// <param name="Arguments">The arguments.</param>
/// <param name="IsCalledOnNull">Whether it is called when an argument is null; else the result is null.</param>
/// <param name="ReturnType">The type of the result.</param>
/// <param name="Language">The language, in small letters.</param>
/// <param name="Body">The source.</param>
public sealed record CreateFunctionStatement(
    QualifiedName Name, bool IsOrReplace, bool IfNotExists, SyntaxList<FieldDeclaration> Arguments, bool IsCalledOnNull,
    TypeName ReturnType, string Language, string Body)
    : Statement;

/// <summary>DROP FUNCTION.</summary>
/// <param name="Name">The function.</param>
/// <param name="IfExists">No error when it doesn't exist.</param>
/// <param name="ArgumentTypes">The types of the arguments; null when not given: then there must be one of the name.</param>
public sealed record DropFunctionStatement(QualifiedName Name, bool IfExists, SyntaxList<TypeName>? ArgumentTypes) : Statement;

/// <summary>CREATE AGGREGATE.</summary>
/// <param name="Name">The aggregate.</param>
/// <param name="IsOrReplace">CREATE OR REPLACE.</param>
/// <param name="IfNotExists">No error when it exists.</param>
/// <param name="ArgumentTypes">The types of the arguments.</param>
/// <param name="StateFunction">SFUNC.</param>
/// <param name="StateType">STYPE.</param>
/// <param name="FinalFunction">FINALFUNC; null when not given.</param>
/// <param name="InitialState">INITCOND; null when not given.</param>
public sealed record CreateAggregateStatement(
    QualifiedName Name, bool IsOrReplace, bool IfNotExists, SyntaxList<TypeName> ArgumentTypes, string StateFunction,
    TypeName StateType, string? FinalFunction, Term? InitialState)
    : Statement;

/// <summary>DROP AGGREGATE.</summary>
/// <param name="Name">The aggregate.</param>
/// <param name="IfExists">No error when it doesn't exist.</param>
/// <param name="ArgumentTypes">The types of the arguments; null when not given: then there must be one of the name.</param>
public sealed record DropAggregateStatement(QualifiedName Name, bool IfExists, SyntaxList<TypeName>? ArgumentTypes) : Statement;

/// <summary>CREATE TRIGGER.</summary>
/// <param name="Name">The trigger.</param>
/// <param name="IfNotExists">No error when it exists.</param>
/// <param name="Table">The table.</param>
/// <param name="ClassName">The Java class.</param>
public sealed record CreateTriggerStatement(string Name, bool IfNotExists, QualifiedName Table, string ClassName) : Statement;

/// <summary>DROP TRIGGER.</summary>
/// <param name="Name">The trigger.</param>
/// <param name="IfExists">No error when it doesn't exist.</param>
/// <param name="Table">The table.</param>
public sealed record DropTriggerStatement(string Name, bool IfExists, QualifiedName Table) : Statement;
