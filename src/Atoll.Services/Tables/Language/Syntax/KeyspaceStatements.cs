namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>CREATE KEYSPACE.</summary>
/// <param name="Name">The keyspace.</param>
/// <param name="IfNotExists">No error when it exists.</param>
/// <param name="Properties">Its properties, replication among them.</param>
public sealed record CreateKeyspaceStatement(string Name, bool IfNotExists, SyntaxList<Property> Properties) : Statement;

/// <summary>ALTER KEYSPACE.</summary>
/// <param name="Name">The keyspace.</param>
/// <param name="IfExists">No error when it doesn't exist.</param>
/// <param name="Properties">The properties that change.</param>
public sealed record AlterKeyspaceStatement(string Name, bool IfExists, SyntaxList<Property> Properties) : Statement;

/// <summary>DROP KEYSPACE.</summary>
/// <param name="Name">The keyspace.</param>
/// <param name="IfExists">No error when it doesn't exist.</param>
public sealed record DropKeyspaceStatement(string Name, bool IfExists) : Statement;
