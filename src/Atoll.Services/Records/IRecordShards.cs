using Atoll.Foundation.Time;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;

namespace Atoll.Services.Records;

/// <summary>
/// The records of a space shard by shard, for tools that copy or compare whole spaces. Reads are linearizable: the shard's leader answers.
/// Every call may throw an <see cref="AtollException"/>.
/// </summary>
public interface IRecordShards
{
    /// <summary>The shards, by hash.</summary>
    ValueTask<IReadOnlyList<ShardInfo>> ListAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Moves a shard's time on without writing anything, and gives it: everything acknowledged before has a version below it, and whatever
    /// is written later, under whichever leader, one above it.
    /// </summary>
    ValueTask<HybridTime> AdvanceAsync(ShardInfo shard, CancellationToken cancellationToken = default);

    /// <summary>A page of a shard's records.</summary>
    /// <exception cref="AtollException">
    /// <see cref="ErrorCode.TimeAhead"/> or <see cref="ErrorCode.TimeCollected"/>, when the query is about a time.
    /// </exception>
    ValueTask<ScanPage> ScanAsync(ShardInfo shard, ScanQuery scan, CancellationToken cancellationToken = default);

    /// <summary>A page of a shard's changes, whose status may be that those asked for are not kept any more.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="changes">Which ones.</param>
    /// <param name="linger">How long to wait for some when there are none.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<ChangesPage> ChangesAsync(
        ShardInfo shard, ChangesQuery changes, TimeSpan linger, CancellationToken cancellationToken = default);

    /// <summary>Sums over a range of a shard's records.</summary>
    /// <exception cref="AtollException">As for <see cref="ScanAsync"/>.</exception>
    ValueTask<RecordsDigest> DigestAsync(ShardInfo shard, DigestQuery digest, CancellationToken cancellationToken = default);
}
