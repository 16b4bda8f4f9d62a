namespace Atoll.Services.Directory;

/// <summary>
/// Where small things of the whole cluster are kept, schemas of tables say: a document each, which is opaque here and has a version that
/// grows with every change. Every call may throw what the store throws when it cannot be reached. Thread-safe.
/// </summary>
public interface IDocumentStore
{
    /// <summary>All documents as they are now.</summary>
    ValueTask<IReadOnlyList<StoredDocument>> ReadAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// All documents as they are now; when the store cannot be reached soon, as they were when this node last heard of them.
    /// </summary>
    ValueTask<IReadOnlyList<StoredDocument>> ReadKnownAsync(CancellationToken cancellationToken = default);

    /// <summary>Writes a document if it still has the version that the change was made from.</summary>
    /// <param name="name">Which document.</param>
    /// <param name="expectedVersion">The version that was read; 0 when there was none.</param>
    /// <param name="document">The new document; null to remove it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>False when the version is another one by now: nothing was changed.</returns>
    ValueTask<bool> TryWriteAsync(
        string name, ulong expectedVersion, ReadOnlyMemory<byte>? document, CancellationToken cancellationToken = default);

    /// <summary>Calls back whenever documents may have changed, whoever changed them; until disposed. The callback must be quick.</summary>
    IDisposable Subscribe(Action changed);
}

/// <summary>A document.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Version">Its version, never 0; another one after each change, also across removals.</param>
/// <param name="Bytes">What is in it.</param>
public sealed record StoredDocument(string Name, ulong Version, ReadOnlyMemory<byte> Bytes);
