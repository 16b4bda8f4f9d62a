using System.Collections.Immutable;
using Atoll.Services.Directory;
using Atoll.Services.Errors;
using Atoll.Services.Tables.Execution;
using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Roles;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Storage;

namespace Atoll.Services.Tables;

/// <summary>
/// The tables of a cluster over its schema store and its shards of rows. It has no state of its own but the schema's snapshot: any number
/// of nodes serve the same tables. Thread-safe.
/// </summary>
public sealed class TablesService : ITables, IDisposable
{
    private readonly TimeProvider _time;
    private readonly IUuidSource _ids;
    private readonly BatchLog _batches;
    private ImmutableDictionary<(string Keyspace, string Table), IVirtualTable> _virtual =
        ImmutableDictionary<(string, string), IVirtualTable>.Empty;

    /// <summary>The tables of a cluster. Nothing is read before it is needed.</summary>
    /// <param name="store">Where the schema is.</param>
    /// <param name="shards">Where the rows are.</param>
    /// <param name="time">The clock that expiry of what is read is judged by.</param>
    /// <param name="functions">The functions that statements may call.</param>
    /// <param name="options">What is chosen for all tables.</param>
    /// <param name="roles">Where the roles are; null: in memory.</param>
    public TablesService(
        IDocumentStore store, IRowShards shards, TimeProvider time, IFunctionRegistry functions, TablesOptions? options = null,
        IDocumentStore? roles = null)
    {
        _time = time;
        _ids = new UuidSource(time);
        Functions = functions;
        Shards = shards;
        Options = options ?? TablesOptions.Default;
        Catalog = new SchemaCatalog(store);
        Roles = new RoleCatalog(roles ?? new MemoryDocuments());
        RoleStatements = new RoleStatements(Roles);
        _batches = new BatchLog(
            shards, time, _ids,
            new RowSpaceOptions("system.batches", Options.ReplicasMax < 3 ? 1 : 3, Options.ShardsPerTable),
            () => Catalog.Schema.Keyspaces.Values.Select(static keyspace => keyspace.AllowedRegions)
                .Where(static regions => !regions.IsEmpty));
        SchemaStatements = new SchemaStatements(Catalog, shards, Options, _ids.NewRandom, time);
        foreach (var table in SystemSchemaTables.All(() => Catalog.Schema))
        {
            Register(table);
        }
    }

    /// <inheritdoc />
    public TableSchema Schema => Catalog.Schema;

    /// <inheritdoc />
    public RoleCatalog Roles { get; }

    internal SchemaCatalog Catalog { get; }

    internal IRowShards Shards { get; }

    internal IFunctionRegistry Functions { get; }

    internal TablesOptions Options { get; }

    internal SchemaStatements SchemaStatements { get; }

    internal RoleStatements RoleStatements { get; }

    /// <summary>Reads the schema, when the store may know more than the snapshot.</summary>
    /// <exception cref="CqlException">The store cannot be reached.</exception>
    public async ValueTask<TableSchema> LoadSchemaAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await Catalog.LoadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (AtollException error)
        {
            throw ClusterErrors.Translate(error, CqlConsistency.Quorum, 3, null);
        }
    }

    /// <summary>
    /// Does logged batches to their end that something stopped in their middle. Each node calls it now and then; several at once are fine.
    /// </summary>
    /// <param name="age">How long ago a batch must have begun: longer than one can take that is still under way.</param>
    /// <param name="cancellationToken">Ends the work; the rest is done the next time.</param>
    /// <returns>How many batches there were.</returns>
    /// <exception cref="AtollException">A table cannot be written to now.</exception>
    public ValueTask<int> FinishBatchesAsync(TimeSpan age, CancellationToken cancellationToken = default) =>
        _batches.FinishAsync(age, cancellationToken);

    /// <inheritdoc />
    public ITableSession OpenSession() => new TableSession(this);

    /// <inheritdoc />
    public IDisposable Subscribe(Action<SchemaChange> observer) => Catalog.Subscribe(observer);

    /// <inheritdoc />
    public void Register(IVirtualTable table)
    {
        ImmutableInterlocked.Update(
            ref _virtual, tables => tables.SetItem((table.Definition.Keyspace, table.Definition.Name), table));
        Catalog.AddVirtual(table.Definition);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Catalog.Dispose();
        Roles.Dispose();
    }

    internal StatementPlanner Planner(TableSchema schema, string? keyspace) => new(schema, keyspace, Functions, _virtual);

    internal StatementContext Context(StatementOptions options)
    {
        var now = options.NowSeconds is { } seconds ? seconds * 1000L : _time.GetUtcNow().ToUnixTimeMilliseconds();
        return new StatementContext(Shards, options, new FunctionContext(now, _ids), _batches);
    }
}
