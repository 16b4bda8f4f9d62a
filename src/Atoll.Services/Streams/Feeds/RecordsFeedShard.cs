using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Services.Records;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;

namespace Atoll.Services.Streams.Feeds;

/// <summary>A shard of records: keys and values are told as they are.</summary>
/// <param name="records">The space.</param>
/// <param name="shard">One of its shards.</param>
internal sealed class RecordsFeedShard(IRecordShards records, ShardInfo shard) : IFeedShard
{
    private const int PageRowsMax = 2_000;

    /// <inheritdoc />
    public async ValueTask<FeedPage> ScanAsync(ReadOnlyMemory<byte> resumeAfter, CancellationToken cancellation)
    {
        var page = await records.ScanAsync(
            shard, new ScanQuery(default, default, resumeAfter, PageRowsMax, Limits.ScanPageBytesMax), cancellation).ConfigureAwait(false);
        return new FeedPage(
            page.AsOf, [.. page.Rows.Select(static row => new FeedRecord(FeedOperation.Snapshot, row.Key, row.Value, row.Version))],
            page.More ? page.ResumeAfter : default(ReadOnlyMemory<byte>?));
    }

    /// <inheritdoc />
    public bool IsBehind(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> resumeAfter) => KeyOrder.Instance.Compare(key, resumeAfter) <= 0;

    /// <inheritdoc />
    public ValueTask<ChangesPage> ChangesAsync(HybridTime after, TimeSpan linger, CancellationToken cancellation) =>
        records.ChangesAsync(shard, new ChangesQuery(default, after), linger, cancellation);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<FeedRecord>> TellAsync(IEnumerable<RecordChange> changes, CancellationToken cancellation) =>
        new([.. changes.Select(static change => new FeedRecord(
            (FeedOperation)change.Kind, change.Key, change.Kind == ChangeKind.Put ? change.Value : default(ReadOnlyMemory<byte>?),
            change.Version))]);
}
