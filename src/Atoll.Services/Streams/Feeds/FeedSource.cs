using Atoll.StateMachines.Records;

namespace Atoll.Services.Streams.Feeds;

/// <summary>
/// Reads a shard for a feed. A snapshot goes through the keys page by page while they change. Before a page is given, what changed of the
/// keys before it is, up to the very moment of the page: so each key is always at one known moment, and no change of it comes twice or in
/// the wrong order.
/// </summary>
/// <param name="shard">The shard.</param>
internal sealed class FeedSource(IFeedShard shard)
{
    // What is there of the snapshot, while changes before it are copied.
    private FeedPage? _page;

    /// <summary>What comes next.</summary>
    /// <param name="position">Where the feed is.</param>
    /// <param name="linger">How long to wait for something to change when nothing has.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public ValueTask<FeedStep> NextAsync(FeedPosition position, TimeSpan linger, CancellationToken cancellation) =>
        position.Cursor is { } cursor ? NextPageAsync(position, cursor, cancellation) : NextChangesAsync(position, linger, cancellation);

    private async ValueTask<FeedStep> NextChangesAsync(FeedPosition position, TimeSpan linger, CancellationToken cancellation)
    {
        var page = await shard.ChangesAsync(position.Through, linger, cancellation).ConfigureAwait(false);
        if (page.Status == RecordsStatus.Compacted)
        {
            return Loss(position);
        }

        var through = page.Through > position.Through ? page.Through : position.Through;
        var told = await shard.TellAsync(page.Changes, cancellation).ConfigureAwait(false);
        return new FeedStep(told, position with { Through = through }) { More = page.More };
    }

    private async ValueTask<FeedStep> NextPageAsync(FeedPosition position, ReadOnlyMemory<byte> cursor, CancellationToken cancellation)
    {
        var page = _page ??= await shard.ScanAsync(cursor, cancellation).ConfigureAwait(false);
        var told = new List<FeedRecord>();
        if (!cursor.IsEmpty)
        {
            var changes = await shard.ChangesAsync(position.Through, TimeSpan.Zero, cancellation).ConfigureAwait(false);
            if (changes.Status == RecordsStatus.Compacted)
            {
                return Loss(position);
            }

            told.AddRange(await shard.TellAsync(
                changes.Changes.Where(change => change.Version <= page.AsOf
                    && (change.Kind == ChangeKind.Truncate || shard.IsBehind(change.Key, cursor))),
                cancellation).ConfigureAwait(false));
            if (changes.Through < page.AsOf)
            {
                return new FeedStep(told, position with { Through = changes.Through }) { More = true };
            }
        }

        _page = null;
        told.AddRange(page.Records);
        return new FeedStep(told, position with { Through = page.AsOf, Cursor = page.ResumeAfter })
        {
            More = true, BeginsSnapshot = cursor.IsEmpty, EndsSnapshot = page.ResumeAfter is null,
        };
    }

    private FeedStep Loss(FeedPosition position)
    {
        _page = null;
        return new FeedStep([], position.Anew()) { More = true, IsLoss = true };
    }
}
