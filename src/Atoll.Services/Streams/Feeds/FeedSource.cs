using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Services.Records;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;

namespace Atoll.Services.Streams.Feeds;

/// <summary>What a record of a feed tells.</summary>
internal enum FeedOperation
{
    /// <summary>A record was written.</summary>
    Put = ChangeKind.Put,

    /// <summary>A record was deleted.</summary>
    Delete = ChangeKind.Delete,

    /// <summary>A record's time to live ended.</summary>
    Expire = ChangeKind.Expire,

    /// <summary>A record is there: it may have been written long ago.</summary>
    Snapshot,
}

/// <summary>A change, or a record that a snapshot found.</summary>
/// <param name="Operation">What is told.</param>
/// <param name="Key">The record's key.</param>
/// <param name="Value">Its value; null when it has none any more.</param>
/// <param name="Version">Its version.</param>
internal readonly record struct FeedRecord(
    FeedOperation Operation, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte>? Value, HybridTime Version);

/// <summary>What comes next into the topic, and where the feed is behind it.</summary>
/// <param name="Records">The records, those of a key in the order of their versions.</param>
/// <param name="Next">Where the feed is then.</param>
internal sealed record FeedStep(IReadOnlyList<FeedRecord> Records, FeedPosition Next)
{
    /// <summary>Whether more is there already.</summary>
    public bool More { get; init; }

    /// <summary>Whether changes were found to be no longer kept; then there are no records.</summary>
    public bool IsLoss { get; init; }

    /// <summary>Whether the snapshot begins with it.</summary>
    public bool BeginsSnapshot { get; init; }

    /// <summary>Whether the snapshot ends with it.</summary>
    public bool EndsSnapshot { get; init; }
}

/// <summary>
/// Reads a shard for a feed. A snapshot goes through the keys page by page while they change. Before a page is given, what changed of the
/// keys before it is, up to the very moment of the page: so each key is always at one known moment, and no change of it comes twice or in
/// the wrong order.
/// </summary>
/// <param name="records">The space.</param>
/// <param name="shard">One of its shards.</param>
internal sealed class FeedSource(IRecordShards records, ShardInfo shard)
{
    private const int PageRowsMax = 2_000;

    // What is there of the snapshot, while changes before it are copied.
    private ScanPage? _page;

    /// <summary>What comes next.</summary>
    /// <param name="position">Where the feed is.</param>
    /// <param name="linger">How long to wait for something to change when nothing has.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public ValueTask<FeedStep> NextAsync(FeedPosition position, TimeSpan linger, CancellationToken cancellation) =>
        position.Cursor is { } cursor ? NextPageAsync(position, cursor, cancellation) : NextChangesAsync(position, linger, cancellation);

    private async ValueTask<FeedStep> NextChangesAsync(FeedPosition position, TimeSpan linger, CancellationToken cancellation)
    {
        var page = await records.ChangesAsync(shard, new ChangesQuery(default, position.Through), linger, cancellation)
            .ConfigureAwait(false);
        if (page.Status == RecordsStatus.Compacted)
        {
            return Loss(position);
        }

        var through = page.Through > position.Through ? page.Through : position.Through;
        return new FeedStep([.. page.Changes.Select(Told)], position with { Through = through }) { More = page.More };
    }

    private async ValueTask<FeedStep> NextPageAsync(FeedPosition position, ReadOnlyMemory<byte> cursor, CancellationToken cancellation)
    {
        var page = _page ??= await records.ScanAsync(
            shard, new ScanQuery(default, default, cursor, PageRowsMax, Limits.ScanPageBytesMax), cancellation).ConfigureAwait(false);
        var told = new List<FeedRecord>();
        if (!cursor.IsEmpty)
        {
            var changes = await records.ChangesAsync(shard, new ChangesQuery(default, position.Through), TimeSpan.Zero, cancellation)
                .ConfigureAwait(false);
            if (changes.Status == RecordsStatus.Compacted)
            {
                return Loss(position);
            }

            told.AddRange(changes.Changes
                .Where(change => change.Version <= page.AsOf && KeyOrder.Instance.Compare(change.Key, cursor) <= 0).Select(Told));
            if (changes.Through < page.AsOf)
            {
                return new FeedStep(told, position with { Through = changes.Through }) { More = true };
            }
        }

        _page = null;
        told.AddRange(page.Rows.Select(static row => new FeedRecord(FeedOperation.Snapshot, row.Key, row.Value, row.Version)));
        var next = page.More ? page.ResumeAfter : default(ReadOnlyMemory<byte>?);
        return new FeedStep(told, position with { Through = page.AsOf, Cursor = next })
        {
            More = true, BeginsSnapshot = cursor.IsEmpty, EndsSnapshot = !page.More,
        };
    }

    private FeedStep Loss(FeedPosition position)
    {
        _page = null;
        return new FeedStep([], position.Anew()) { More = true, IsLoss = true };
    }

    private static FeedRecord Told(RecordChange change) => new(
        (FeedOperation)change.Kind, change.Key, change.Kind == ChangeKind.Put ? change.Value : default(ReadOnlyMemory<byte>?),
        change.Version);
}
