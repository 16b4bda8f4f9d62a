using System.Collections.Immutable;

namespace Atoll.Services.Directory;

/// <summary>Documents in memory: for a node of its own without a disk, and for tests.</summary>
public sealed class MemoryDocuments : IDocumentStore
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, StoredDocument> _documents = new(StringComparer.Ordinal);
    private ImmutableList<Action> _observers = [];
    private ulong _version;

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<StoredDocument>> ReadAsync(CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            return new ValueTask<IReadOnlyList<StoredDocument>>([.. _documents.Values]);
        }
    }

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<StoredDocument>> ReadKnownAsync(CancellationToken cancellationToken = default) =>
        ReadAsync(cancellationToken);

    /// <inheritdoc />
    public ValueTask<bool> TryWriteAsync(
        string name, ulong expectedVersion, ReadOnlyMemory<byte>? document, CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            var version = _documents.TryGetValue(name, out var found) ? found.Version : 0;
            if (version != expectedVersion)
            {
                return new ValueTask<bool>(false);
            }

            if (document is { } bytes)
            {
                _documents[name] = new StoredDocument(name, ++_version, bytes.ToArray());
            }
            else
            {
                _documents.Remove(name);
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
