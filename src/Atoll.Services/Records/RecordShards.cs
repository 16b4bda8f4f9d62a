using Atoll.Foundation.Time;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;

namespace Atoll.Services.Records;

/// <summary>A space's records shard by shard.</summary>
internal sealed class RecordShards(RecordsService records) : IRecordShards
{
    // Beyond what a question lingers.
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(10);

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<ShardInfo>> ListAsync(CancellationToken cancellationToken) =>
        await records.ShardsAsync(cancellationToken).ConfigureAwait(false);

    /// <inheritdoc />
    public ValueTask<HybridTime> AdvanceAsync(ShardInfo shard, CancellationToken cancellationToken) =>
        records.AdvanceAsync(shard, cancellationToken);

    /// <inheritdoc />
    public ValueTask<ScanPage> ScanAsync(ShardInfo shard, ScanQuery scan, CancellationToken cancellationToken) =>
        records.ScanPageAsync(shard, scan, default, cancellationToken);

    /// <inheritdoc />
    public ValueTask<ChangesPage> ChangesAsync(
        ShardInfo shard, ChangesQuery changes, TimeSpan linger, CancellationToken cancellationToken) =>
        records.ChangesAsync(shard, changes, linger, new ReadOptions { Timeout = linger + AnswerPatience }, cancellationToken);

    /// <inheritdoc />
    public async ValueTask<RecordsDigest> DigestAsync(ShardInfo shard, DigestQuery digest, CancellationToken cancellationToken)
    {
        var sums = default(RecordsDigest);
        while (true)
        {
            var page = await records.DigestPageAsync(shard, digest, cancellationToken).ConfigureAwait(false);
            sums = sums.With(page.Sums);
            if (!page.More)
            {
                return sums;
            }

            digest = digest with { After = page.ResumeAfter };
        }
    }
}
