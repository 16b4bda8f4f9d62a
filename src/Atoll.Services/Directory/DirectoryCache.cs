using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Directory;

/// <summary>
/// The directory as this client last saw it. Only names are resolved by it: where a shard lives is the port's business, and a
/// stale answer there costs a hop, not an error. What is not found is looked up again, in the directory itself. Thread-safe.
/// </summary>
public sealed class DirectoryCache
{
    internal static readonly TimeSpan InitialisationPause = TimeSpan.FromMilliseconds(50);

    private readonly Caller _caller;
    private volatile DirectoryView? _view;

    /// <summary>An empty cache.</summary>
    public DirectoryCache(Caller caller)
    {
        _caller = caller;
        caller.UnknownSpaceFound = Invalidate;
    }

    /// <summary>
    /// Called when a newer view came in, on whatever thread brought it; two that come at once may be told of in any order. Quickly over.
    /// </summary>
    public event Action<DirectoryView>? Changed;

    /// <summary>The view in hand, or null.</summary>
    public DirectoryView? Cached => _view;

    /// <summary>Takes a view that somebody else has, the node in this process say, unless the one in hand is newer.</summary>
    public void Observe(DirectoryView view)
    {
        if (view.ClusterId != 0)
        {
            Keep(view);
        }
    }

    /// <summary>Forgets the view: the next question is asked again.</summary>
    public void Invalidate() => _view = null;

    /// <summary>The view in hand, or that of the nearest node.</summary>
    /// <exception cref="AtollException">It cannot be had; see the code.</exception>
    public ValueTask<DirectoryView> GetAsync(CancellationToken cancellation) =>
        _view is { } view ? new ValueTask<DirectoryView>(view) : new ValueTask<DirectoryView>(FetchAsync(cancellation));

    /// <summary>The newest view, read linearizably from the directory's own shard.</summary>
    /// <param name="cancellation">Ends the wait.</param>
    /// <param name="patience">How long to wait for an answer; null: as long as calls wait by default.</param>
    /// <exception cref="AtollException">It cannot be had; see the code.</exception>
    public async Task<DirectoryView> RefreshAsync(CancellationToken cancellation, TimeSpan? patience = null)
    {
        var startedAt = _caller.Time.GetTimestamp();
        while (true)
        {
            // Of ten thousand partitions the view is a megabyte, and nearly always the one in hand.
            var had = _view;
            var view = await _caller.Invoke(
                new Request { Kind = RequestKind.Read, Shard = ShardId.Directory, Payload = ViewQuery(had?.Version ?? HybridTime.Zero) },
                patience, null, ReadAnswer, cancellation).ConfigureAwait(false) ?? had ?? DirectoryView.Empty;
            if (view.ClusterId != 0)
            {
                return Keep(view);
            }

            // The directory has a leader, but what its founders have to say is not written down yet: a moment at a cluster's very
            // beginning.
            if (_caller.Time.GetElapsedTime(startedAt) > (patience ?? _caller.Retries.DefaultTimeout))
            {
                throw new UnavailableException("the cluster is not initialised yet");
            }

            await Task.Delay(InitialisationPause, _caller.Time, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>The space of that name.</summary>
    /// <exception cref="UnknownSpaceException">There is none, the directory itself says.</exception>
    /// <exception cref="AtollException">The directory cannot be asked; see the code.</exception>
    public async ValueTask<SpaceInfo> ResolveAsync(string name, CancellationToken cancellation)
    {
        var view = await GetAsync(cancellation).ConfigureAwait(false);
        if (!view.TryGetSpace(name, out var space))
        {
            view = await RefreshAsync(cancellation).ConfigureAwait(false);
            if (!view.TryGetSpace(name, out space))
            {
                throw new UnknownSpaceException($"there is no space \"{name}\"");
            }
        }

        return space;
    }

    private static byte[] ViewQuery(HybridTime haveVersion)
    {
        var writer = Payloads.Begin();
        DirectoryQuery.WriteView(writer, haveVersion);
        return Payloads.Take(writer);
    }

    // Null when the asker's view is still the newest.
    private static DirectoryView? ReadAnswer(in Response response) =>
        DirectoryQuery.TryReadAnswer(response.Body, out var view) ? view
            : throw new AtollException(ErrorCode.Protocol, "the directory's answer cannot be decoded");

    private static DirectoryView ReadView(in Response response) =>
        DirectoryView.TryDecode(response.Body, out var view) ? view : DirectoryView.Empty;

    private async Task<DirectoryView> FetchAsync(CancellationToken cancellation)
    {
        var view = await _caller.Invoke(
            new Request { Kind = RequestKind.DirectoryView }, null, null, ReadView, cancellation).ConfigureAwait(false);

        // A node that has just started has no view yet; the directory's shard is found through it all the same.
        return view.ClusterId == 0 ? await RefreshAsync(cancellation).ConfigureAwait(false) : Keep(view);
    }

    // Two answers may overtake each other: the newer one stays.
    private DirectoryView Keep(DirectoryView view)
    {
        var had = _view;
        if (had is null || had.Version <= view.Version || had.ClusterId != view.ClusterId)
        {
            _view = view;
            if (had is null || had.Version != view.Version || had.ClusterId != view.ClusterId)
            {
                Changed?.Invoke(view);
            }
        }

        return view;
    }
}
