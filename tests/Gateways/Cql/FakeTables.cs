using System.Collections.Concurrent;
using Atoll.Services.Directory;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Roles;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;

namespace Atoll.Gateways.Tests.Cql;

/// <summary>
/// Tables that answer by the words of a statement, and keep what they were asked. "HOLD ..." is answered when the test says so.
/// </summary>
internal sealed class FakeTables : ITables
{
    public static readonly IReadOnlyList<ColumnSpec> Columns =
    [
        new("ks", "t", "k", CqlTypes.Int), new("ks", "t", "v", new ListType(CqlTypes.Text, false)),
    ];

    private readonly List<Action<SchemaChange>> _observers = [];
    private readonly ConcurrentDictionary<string, TaskCompletionSource<StatementResult>> _held = new();

    public ConcurrentQueue<(string Query, StatementOptions Options)> Asked { get; } = new();

    public ConcurrentQueue<IReadOnlyList<BatchEntry>> Batches { get; } = new();

    public List<IVirtualTable> Registered { get; } = [];

    public int HeldCount => _held.Count;

    /// <summary>How many held statements were given up.</summary>
    public int CancelledCount => _held.Values.Count(held => held.Task.IsCanceled);

    /// <summary>The columns that a SELECT has when it is executed.</summary>
    public IReadOnlyList<ColumnSpec> ColumnsNow { get; set; } = Columns;

    public TableSchema Schema => TableSchema.Empty;

    public RoleCatalog Roles { get; } = new(new MemoryDocuments());

    public ITableSession OpenSession() => new Session(this);

    public IDisposable Subscribe(Action<SchemaChange> observer)
    {
        _observers.Add(observer);
        return new Subscription(() => _observers.Remove(observer));
    }

    public void Register(IVirtualTable table) => Registered.Add(table);

    public void Change(SchemaChange change) => _observers.ForEach(observer => observer(change));

    /// <summary>Answers a statement that was held.</summary>
    public void Release(string query, StatementResult result) => _held[query].SetResult(result);

    public static RowsResult Rows(IReadOnlyList<ColumnSpec> columns, int count, ReadOnlyMemory<byte> pagingState = default) => new(
        columns,
        [.. Enumerable.Range(0, count).Select(i => new ReadOnlyMemory<byte>?[] { new byte[] { 0, 0, 0, (byte)i }, null })],
        pagingState);

    private sealed class Subscription(Action end) : IDisposable
    {
        public void Dispose() => end();
    }

    private sealed class Session(FakeTables tables) : ITableSession
    {
        public string? Keyspace { get; set; }

        public ValueTask<PreparedStatement> PrepareAsync(string query, string? keyspace, CancellationToken cancellationToken) =>
            new(new PreparedStatement(
                query, keyspace ?? Keyspace, [new ColumnSpec("ks", "t", "k", CqlTypes.Int)], [0],
                query.StartsWith("SELECT", StringComparison.Ordinal) ? Columns : null));

        public ValueTask<StatementResult> ExecuteAsync(string query, StatementOptions options, CancellationToken cancellationToken)
        {
            tables.Asked.Enqueue((query, options));
            Guid? trace = options.Tracing ? new Guid("00112233-4455-6677-8899-aabbccddeeff") : null;
            switch (query.Split(' ')[0])
            {
                case "SELECT":
                    return new(Rows(tables.ColumnsNow, 2, options.PageSize == 2 ? new byte[] { 7 } : default) with { TraceId = trace });
                case "USE":
                    Keyspace = query[4..];
                    return new(new KeyspaceResult(Keyspace));
                case "CREATE":
                    var change = new SchemaChange(SchemaChangeKind.Created, SchemaChangeTarget.Table, "ks", "t");
                    tables.Change(change);
                    return new(new SchemaChangeResult(change));
                case "WARN":
                    return new(new VoidResult { Warnings = ["careful"] });
                case "REFUSE":
                    throw new CqlException(CqlErrorCode.WriteTimeout, "late", new WriteTimeoutDetails(
                        CqlConsistency.Quorum, 1, 2, CqlWriteType.Cas, 5));
                case "BREAK":
                    throw new InvalidDataException("broken");
                case "BIG":
                    return new(new RowsResult(
                        [new ColumnSpec("ks", "t", "b", CqlTypes.Blob)],
                        [.. Enumerable.Range(0, 4).Select(_ => new ReadOnlyMemory<byte>?[] { new byte[100_000] })], default));
                case "HOLD":
                    var held = new TaskCompletionSource<StatementResult>(TaskCreationOptions.RunContinuationsAsynchronously);
                    tables._held[query] = held;
                    cancellationToken.Register(() => held.TrySetCanceled(cancellationToken));
                    return new(held.Task);
                default:
                    return new(VoidResult.Instance);
            }
        }

        public ValueTask<StatementResult> ExecuteAsync(
            PreparedStatement statement, StatementOptions options, CancellationToken cancellationToken) =>
            ExecuteAsync(statement.Query, options, cancellationToken);

        public ValueTask<StatementResult> ExecuteBatchAsync(
            BatchKind kind, IReadOnlyList<BatchEntry> entries, StatementOptions options, CancellationToken cancellationToken)
        {
            tables.Batches.Enqueue(entries);
            return new(VoidResult.Instance);
        }
    }
}
