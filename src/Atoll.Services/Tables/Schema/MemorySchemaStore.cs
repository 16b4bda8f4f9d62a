using System.Collections.Immutable;

namespace Atoll.Services.Tables.Schema;

/// <summary>Keyspaces in memory: for a node of its own without a disk, and for tests.</summary>
public sealed class MemorySchemaStore : ISchemaStore
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, SchemaDocument> _documents = new(StringComparer.Ordinal);
    private ImmutableList<Action> _observers = [];
    private ulong _version;

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<SchemaDocument>> ReadAsync(CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            return new ValueTask<IReadOnlyList<SchemaDocument>>([.. _documents.Values]);
        }
    }

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<SchemaDocument>> ReadKnownAsync(CancellationToken cancellationToken = default) =>
        ReadAsync(cancellationToken);

    /// <inheritdoc />
    public ValueTask<bool> TryWriteAsync(
        string keyspace, ulong expectedVersion, ReadOnlyMemory<byte>? document, CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            var version = _documents.TryGetValue(keyspace, out var found) ? found.Version : 0;
            if (version != expectedVersion)
            {
                return new ValueTask<bool>(false);
            }

            if (document is { } bytes)
            {
                _documents[keyspace] = new SchemaDocument(keyspace, ++_version, bytes.ToArray());
            }
            else
            {
                _documents.Remove(keyspace);
            }
        }

        foreach (var observer in _observers)
        {
            observer();
        }

        return new ValueTask<bool>(true);
    }

    /// <inheritdoc />
    public IDisposable Subscribe(Action changed)
    {
        ImmutableInterlocked.Update(ref _observers, observers => observers.Add(changed));
        return new Subscription(() => ImmutableInterlocked.Update(ref _observers, observers => observers.Remove(changed)));
    }
}
