namespace Atoll.Services.Tables;

/// <summary>What a statement answers with.</summary>
public abstract record StatementResult
{
    /// <summary>What the client's programmer should know, though the statement succeeded.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Under what id the statement's trace is found; null when none was asked for.</summary>
    public Guid? TraceId { get; init; }
}

/// <summary>Nothing but success.</summary>
public sealed record VoidResult : StatementResult
{
    /// <summary>Success without warnings.</summary>
    public static readonly VoidResult Instance = new();
}

/// <summary>Rows.</summary>
/// <param name="Columns">Their columns.</param>
/// <param name="Rows">The rows: a value for each column; null where there is none.</param>
/// <param name="PagingState">Where to go on; empty when these are the last rows.</param>
public sealed record RowsResult(
    IReadOnlyList<ColumnSpec> Columns, IReadOnlyList<ReadOnlyMemory<byte>?[]> Rows, ReadOnlyMemory<byte> PagingState) : StatementResult;

/// <summary>The session's keyspace was changed.</summary>
/// <param name="Keyspace">What it is now.</param>
public sealed record KeyspaceResult(string Keyspace) : StatementResult;

/// <summary>The schema was changed.</summary>
/// <param name="Change">What was changed.</param>
public sealed record SchemaChangeResult(SchemaChange Change) : StatementResult;

/// <summary>How a thing of the schema changed; the protocol sends the name in upper case.</summary>
public enum SchemaChangeKind
{
    /// <summary>It was created.</summary>
    Created,

    /// <summary>It was altered.</summary>
    Updated,

    /// <summary>It was dropped.</summary>
    Dropped,
}

/// <summary>What kind of thing changed; the protocol sends the name in upper case. A changed index is a changed table.</summary>
public enum SchemaChangeTarget
{
    /// <summary>A keyspace.</summary>
    Keyspace,

    /// <summary>A table.</summary>
    Table,

    /// <summary>A user-defined type.</summary>
    Type,

    /// <summary>A function.</summary>
    Function,

    /// <summary>An aggregate.</summary>
    Aggregate,
}

/// <summary>A change of the schema.</summary>
/// <param name="Kind">How it changed.</param>
/// <param name="Target">What kind of thing.</param>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Name">The thing's name; empty for a keyspace.</param>
/// <param name="Arguments">For functions and aggregates: the CQL names of the arguments' types.</param>
public sealed record SchemaChange(
    SchemaChangeKind Kind, SchemaChangeTarget Target, string Keyspace, string Name, IReadOnlyList<string> Arguments)
{
    /// <summary>A change of something that has no arguments.</summary>
    public SchemaChange(SchemaChangeKind kind, SchemaChangeTarget target, string keyspace, string name)
        : this(kind, target, keyspace, name, [])
    {
    }
}
