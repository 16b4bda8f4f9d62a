using Atoll.Services.Tables.Roles;
using Atoll.Services.Tables.Schema;

namespace Atoll.Services.Tables;

/// <summary>The tables of a cluster, as CQL knows them. Thread-safe.</summary>
public interface ITables
{
    /// <summary>The schema as this node knows it: an immutable snapshot, replaced when the schema changes.</summary>
    TableSchema Schema { get; }

    /// <summary>Who clients may log in as.</summary>
    RoleCatalog Roles { get; }

    /// <summary>A session: a client's connection.</summary>
    ITableSession OpenSession();

    /// <summary>
    /// Calls the observer after each change of the schema that this node learns of, whoever made it, when <see cref="Schema"/> already has
    /// it, in order; until the returned subscription is disposed. The observer must be quick and may not throw.
    /// </summary>
    IDisposable Subscribe(Action<SchemaChange> observer);

    /// <summary>
    /// Makes a table that is computed, not stored, known to queries. Its keyspace is known from then on, too.
    /// </summary>
    void Register(IVirtualTable table);
}

/// <summary>
/// What a client's connection may ask for. Sessions are cheap, keep nothing but the current keyspace, and take several calls at once.
/// Every call may throw a <see cref="CqlException"/>.
/// </summary>
public interface ITableSession
{
    /// <summary>The keyspace that names without one belong to; null when none was chosen.</summary>
    string? Keyspace { get; set; }

    /// <summary>Parses a statement and checks it against the schema. Nothing is kept here: whoever asks keeps it under its id.</summary>
    /// <param name="query">The statement.</param>
    /// <param name="keyspace">The keyspace of names without one; null: the session's.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<PreparedStatement> PrepareAsync(string query, string? keyspace, CancellationToken cancellationToken = default);

    /// <summary>Executes a statement given as text.</summary>
    ValueTask<StatementResult> ExecuteAsync(string query, StatementOptions options, CancellationToken cancellationToken = default);

    /// <summary>Executes a prepared statement; one that the schema has outrun is prepared anew first.</summary>
    ValueTask<StatementResult> ExecuteAsync(
        PreparedStatement statement, StatementOptions options, CancellationToken cancellationToken = default);

    /// <summary>Executes statements as a batch.</summary>
    ValueTask<StatementResult> ExecuteBatchAsync(
        BatchKind kind, IReadOnlyList<BatchEntry> entries, StatementOptions options, CancellationToken cancellationToken = default);
}

/// <summary>How a batch is executed; the codes of the native protocol.</summary>
public enum BatchKind : byte
{
    /// <summary>All of it or nothing, in the end.</summary>
    Logged = 0,

    /// <summary>Each partition by itself.</summary>
    Unlogged = 1,

    /// <summary>Updates of counters.</summary>
    Counter = 2,
}

/// <summary>A statement of a batch: either prepared or text.</summary>
public sealed record BatchEntry
{
    /// <summary>The prepared statement; null when it is given as text.</summary>
    public PreparedStatement? Prepared { get; init; }

    /// <summary>The text; null when it is prepared.</summary>
    public string? Query { get; init; }

    /// <summary>Values for the bind markers, in order.</summary>
    public IReadOnlyList<CqlValue> Values { get; init; } = [];

    /// <summary>Values by the names of bind markers; null when they are given in order.</summary>
    public IReadOnlyDictionary<string, CqlValue>? NamedValues { get; init; }
}
