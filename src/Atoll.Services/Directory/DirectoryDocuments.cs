using System.Collections.Immutable;
using Atoll.Foundation.Time;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Directory;

/// <summary>
/// Documents of the directory whose names have a prefix, which callers do not see. Every node has them in its view of the directory:
/// whoever follows that (<see cref="DirectoryCache.Observe"/>) hears of a change as soon as the node does.
/// </summary>
public sealed class DirectoryDocuments : IDocumentStore
{
    // Statements wait for as long as this once, after a start or a change, and not again.
    private static readonly TimeSpan DirectoryPatience = TimeSpan.FromSeconds(1);

    private readonly Caller _caller;
    private readonly DirectoryCache _directory;
    private readonly string _prefix;
    private ImmutableList<Action> _observers = [];
    private ImmutableArray<(string Name, HybridTime Version)> _seen = [];

    /// <summary>Documents of the caller's cluster.</summary>
    /// <param name="caller">The way to the directory.</param>
    /// <param name="directory">The directory as the caller knows it.</param>
    /// <param name="prefix">What the names in the directory begin with, before what callers know as a document's name.</param>
    public DirectoryDocuments(Caller caller, DirectoryCache directory, string prefix)
    {
        _caller = caller;
        _prefix = prefix;
        _directory = directory;
        directory.Changed += ViewChanged;
    }

    /// <inheritdoc />
    /// <remarks>Linearizable: it sees every write that was acknowledged before.</remarks>
    public async ValueTask<IReadOnlyList<StoredDocument>> ReadAsync(CancellationToken cancellationToken)
    {
        var view = await _directory.RefreshAsync(cancellationToken).ConfigureAwait(false);
        return Documents(view);
    }

    /// <inheritdoc />
    /// <remarks>
    /// A node that has no majority of the directory on its side, and was started there, has the view that it kept on disk: the tables of
    /// eventual keyspaces are there with what it says.
    /// </remarks>
    public async ValueTask<IReadOnlyList<StoredDocument>> ReadKnownAsync(CancellationToken cancellationToken)
    {
        try
        {
            return Documents(await _directory.RefreshAsync(cancellationToken, DirectoryPatience).ConfigureAwait(false));
        }
        catch (AtollException error) when (error.IsRetryable)
        {
            return Documents(await _directory.GetAsync(cancellationToken).ConfigureAwait(false));
        }
    }

    /// <inheritdoc />
    public async ValueTask<bool> TryWriteAsync(
        string name, ulong expectedVersion, ReadOnlyMemory<byte>? document, CancellationToken cancellationToken)
    {
        var change = new DocumentChange(_prefix + name, new HybridTime(expectedVersion), document);
        try
        {
            await DirectoryWrites.InvokeAsync(
                _caller, writer => DirectoryCommand.WriteChangeDocuments(writer, [change]), cancellationToken).ConfigureAwait(false);
        }
        catch (AtollException error) when (error.Code == ErrorCode.Conflict)
        {
            return false;
        }

        // So that who asks this client next sees it, and its own observers hear of it.
        await _directory.RefreshAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <inheritdoc />
    public IDisposable Subscribe(Action changed)
    {
        ImmutableInterlocked.Update(ref _observers, observers => observers.Add(changed));
        return new Subscription(() => ImmutableInterlocked.Update(ref _observers, observers => observers.Remove(changed)));
    }

    private StoredDocument[] Documents(DirectoryView view) =>
    [
        .. DocumentsOf(view).Select(document =>
            new StoredDocument(document.Name[_prefix.Length..], document.Version.Value, document.Value)),
    ];

    private IEnumerable<DirectoryDocument> DocumentsOf(DirectoryView view) =>
        view.Documents.Where(document => document.Name.StartsWith(_prefix, StringComparison.Ordinal));

    private void ViewChanged(DirectoryView view)
    {
        ImmutableArray<(string, HybridTime)> now = [.. DocumentsOf(view).Select(static document => (document.Name, document.Version))];
        var before = ImmutableInterlocked.InterlockedExchange(ref _seen, now);
        if (!before.AsSpan().SequenceEqual(now.AsSpan()))
        {
            foreach (var observer in _observers)
            {
                observer();
            }
        }
    }
}
