namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>
/// A statement as it was written, before anyone looked at the schema: names may not exist and types may not fit. Trees are immutable, and
/// equal when they mean the same text. Names are folded already: an unquoted one to small letters, a quoted one verbatim.
/// </summary>
public abstract record Statement
{
    /// <summary>
    /// The bind markers in the order in which they were written, which is the order of their values. Empty for a statement within a batch:
    /// there the batch has them all.
    /// </summary>
    public SyntaxList<BindMarker> Markers { get; init; }

    /// <summary>The statement in CQL for logs and errors, without passwords. <see cref="CqlText.Of(Statement)"/> has them.</summary>
    public sealed override string ToString() => CqlText.WithoutSecrets(this);
}

/// <summary>The name of something in a keyspace: a table, an index, a type, a function.</summary>
/// <param name="Keyspace">The keyspace that was named; null: the session's.</param>
/// <param name="Name">The name.</param>
public sealed record QualifiedName(string? Keyspace, string Name)
{
    /// <summary>The name in CQL, quoted where needed.</summary>
    public override string ToString() => CqlText.Of(this);
}

/// <summary>USE: the keyspace of later statements that name none.</summary>
/// <param name="Keyspace">The keyspace.</param>
public sealed record UseStatement(string Keyspace) : Statement;

/// <summary>TRUNCATE: removes all rows.</summary>
/// <param name="Table">The table.</param>
public sealed record TruncateStatement(QualifiedName Table) : Statement;
