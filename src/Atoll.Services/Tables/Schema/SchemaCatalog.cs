using System.Collections.Immutable;
using Atoll.Services.Directory;
using Atoll.Services.Errors;

namespace Atoll.Services.Tables.Schema;

/// <summary>
/// The schema as this node knows it: a snapshot that follows the store, and changes by compare-and-set that are computed anew when somebody
/// else was faster. Thread-safe.
/// </summary>
public sealed class SchemaCatalog : IDisposable
{
    private const int AttemptsMax = 50;

    private readonly IDocumentStore _store;
    private readonly Lock _lock = new();
    private readonly IDisposable _subscription;
    private readonly SemaphoreSlim _refreshing = new(1, 1);
    private readonly SortedDictionary<string, KeyspaceDefinition> _virtual = new(StringComparer.Ordinal);
    private ImmutableList<Action<SchemaChange>> _observers = [];
    private ImmutableSortedDictionary<string, ulong> _versions = ImmutableSortedDictionary.Create<string, ulong>(StringComparer.Ordinal);
    private ImmutableSortedDictionary<string, KeyspaceDefinition> _stored =
        ImmutableSortedDictionary.Create<string, KeyspaceDefinition>(StringComparer.Ordinal);

    private volatile TableSchema _schema = TableSchema.Empty;
    private int _changes; // how often the store said that something may have changed
    private int _changesRead = -1; // how many of these the snapshot has in it

    /// <summary>The schema in a store; empty until the first <see cref="LoadAsync"/>.</summary>
    public SchemaCatalog(IDocumentStore store)
    {
        _store = store;
        _subscription = store.Subscribe(() => Interlocked.Increment(ref _changes));
    }

    /// <summary>The newest snapshot.</summary>
    public TableSchema Schema => _schema;

    private bool IsLoaded => Volatile.Read(ref _changesRead) == Volatile.Read(ref _changes);

    /// <summary>See <see cref="ITables.Subscribe"/>.</summary>
    public IDisposable Subscribe(Action<SchemaChange> observer)
    {
        ImmutableInterlocked.Update(ref _observers, observers => observers.Add(observer));
        return new Subscription(() => ImmutableInterlocked.Update(ref _observers, observers => observers.Remove(observer)));
    }

    /// <summary>Makes a table known that is computed.</summary>
    public void AddVirtual(TableDefinition table)
    {
        lock (_lock)
        {
            var keyspace = _virtual.TryGetValue(table.Keyspace, out var known)
                ? known
                : new KeyspaceDefinition
                {
                    Name = table.Keyspace,
                    Replication = TableOptions.Map(("class", "org.apache.cassandra.locator.LocalStrategy")),
                    IsVirtual = true,
                };
            _virtual[table.Keyspace] = keyspace.With(table);
            Publish();
        }
    }

    /// <summary>The snapshot, read first when more may be known by now: in the store, or near it when that is out of reach.</summary>
    public ValueTask<TableSchema> LoadAsync(CancellationToken cancellationToken) =>
        IsLoaded ? new ValueTask<TableSchema>(_schema) : new ValueTask<TableSchema>(RefreshAsync(isKnownEnough: true, cancellationToken));

    /// <summary>The schema as the store has it now.</summary>
    public Task<TableSchema> RefreshAsync(CancellationToken cancellationToken) =>
        RefreshAsync(isKnownEnough: false, cancellationToken);

    /// <summary>Makes a change.</summary>
    /// <returns>The keyspace before and after; the same when there was nothing to change.</returns>
    /// <exception cref="CqlException">The change is not possible, or others change the keyspace all the time.</exception>
    internal async Task<(KeyspaceDefinition? Before, KeyspaceDefinition? After)> ChangeAsync(
        SchemaEdit edit, CancellationToken cancellationToken)
    {
        if (_schema.Keyspaces.TryGetValue(edit.Keyspace, out var known) && known.IsVirtual)
        {
            throw new CqlException(CqlErrorCode.Unauthorized, $"{edit.Keyspace} keyspace is not user-modifiable.");
        }

        for (var attempt = 0; attempt < AttemptsMax; attempt++)
        {
            var schema = await RefreshAsync(cancellationToken).ConfigureAwait(false);
            var before = schema.Keyspaces.GetValueOrDefault(edit.Keyspace);
            var after = edit.Apply(before);
            if (ReferenceEquals(before, after))
            {
                return (before, after);
            }

            var document = after is null ? (ReadOnlyMemory<byte>?)null : KeyspaceDocument.Encode(after);
            if (await _store.TryWriteAsync(edit.Keyspace, schema.VersionOf(edit.Keyspace), document, cancellationToken)
                .ConfigureAwait(false))
            {
                await RefreshAsync(cancellationToken).ConfigureAwait(false);
                return (before, after);
            }
        }

        throw new CqlException(CqlErrorCode.Overloaded, $"Keyspace '{edit.Keyspace}' is being changed by too many others: try again");
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _subscription.Dispose();
        _refreshing.Dispose();
    }

    private async Task<TableSchema> RefreshAsync(bool isKnownEnough, CancellationToken cancellationToken)
    {
        await _refreshing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (isKnownEnough && IsLoaded)
            {
                return _schema; // somebody else has done it while this one waited
            }

            var changes = Volatile.Read(ref _changes); // one that comes while the store is read may not be in what it says
            Take(isKnownEnough
                ? await _store.ReadKnownAsync(cancellationToken).ConfigureAwait(false)
                : await _store.ReadAsync(cancellationToken).ConfigureAwait(false));
            Volatile.Write(ref _changesRead, changes);
            return _schema;
        }
        finally
        {
            _refreshing.Release();
        }
    }

    private void Take(IReadOnlyList<StoredDocument> documents)
    {
        List<SchemaChange> changes;
        lock (_lock)
        {
            var stored = _stored.Clear().ToBuilder();
            var versions = _versions.Clear().ToBuilder();
            foreach (var document in documents)
            {
                versions[document.Name] = document.Version;
                if (_versions.GetValueOrDefault(document.Name) == document.Version)
                {
                    stored[document.Name] = _stored[document.Name];
                    continue;
                }

                stored[document.Name] = KeyspaceDocument.TryDecode(document.Bytes, out var keyspace) && keyspace is not null
                    ? keyspace
                    : throw new AtollException(ErrorCode.Protocol, $"the schema of keyspace '{document.Name}' cannot be decoded");
            }

            var before = _stored;
            (_stored, _versions) = (stored.ToImmutable(), versions.ToImmutable());
            Publish();
            changes = SchemaDifference.Between(before, _stored);
        }

        foreach (var change in changes)
        {
            foreach (var observer in _observers)
            {
                observer(change);
            }
        }
    }

    private void Publish()
    {
        var all = _stored.ToBuilder();
        foreach (var (name, keyspace) in _virtual)
        {
            all[name] = keyspace;
        }

        _schema = new TableSchema(all.ToImmutable(), _versions);
    }
}
