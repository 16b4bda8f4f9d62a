using Atoll.Foundation.Time;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;

namespace Atoll.Services.Records;

/// <summary>
/// The records of one space: keys and values are bytes, each record has a version. Safe for any number of callers at once. Keys
/// and values given must not change until the call ends. Every call may throw an <see cref="AtollException"/>; writes an <see
/// cref="OutcomeUnknownException"/> when the deadline passed before it was known what became of them. A cancelled write may still
/// take effect.
/// </summary>
public interface IRecords
{
    /// <summary>The space's name.</summary>
    string Space { get; }

    /// <summary>The same records shard by shard, for tools.</summary>
    IRecordShards Shards { get; }

    /// <summary>Reads a record; null when there is none.</summary>
    ValueTask<Record?> GetAsync(ReadOnlyMemory<byte> key, ReadOptions options = default, CancellationToken cancellationToken = default);

    /// <summary>What becomes of concurrent writes of a record, and with it what records are; of a strong space: the last one.</summary>
    ValueTask<ConflictRule> ConflictsAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Reads a record of a space that keeps siblings: all concurrent writes, and the context to put or delete with. <see
    /// cref="RecordSiblings.None"/> when nothing was ever written, or when all that was is forgotten; a deleted record may still have a
    /// context.
    /// </summary>
    ValueTask<RecordSiblings> GetSiblingsAsync(
        ReadOnlyMemory<byte> key, ReadOptions options = default, CancellationToken cancellationToken = default);

    /// <summary>
    /// Writes a record, whatever was there; gives its new version. In a space that keeps siblings: what <see cref="WriteOptions.Context"/>
    /// says.
    /// </summary>
    ValueTask<HybridTime> PutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, WriteOptions options = default,
            CancellationToken cancellationToken = default);

    /// <summary>
    /// Adds to a counter, in a space whose records are counters; one that is not there is zero. Counted once, however often it is tried:
    /// <see cref="OutcomeUnknownException"/> says that it may have been counted.
    /// </summary>
    ValueTask AddAsync(
        ReadOnlyMemory<byte> key, long delta, WriteOptions options = default, CancellationToken cancellationToken = default);

    /// <summary>Reads a counter; zero when nothing was ever added.</summary>
    ValueTask<long> GetCounterAsync(ReadOnlyMemory<byte> key, ReadOptions options = default, CancellationToken cancellationToken = default);

    /// <summary>
    /// Changes elements of a record, in a space whose records are sets or maps: all at once, at one replica; gives the version that they
    /// have then. Of several changes of an element the latest stays. What is put lives as long as <see cref="WriteOptions.TimeToLive"/>
    /// says. An element is named once.
    /// </summary>
    ValueTask<HybridTime> ChangeAsync(
        ReadOnlyMemory<byte> key, IReadOnlyList<ElementChange> changes, WriteOptions options = default,
        CancellationToken cancellationToken = default);

    /// <summary>Reads a set or a map: its elements in the order of their names; none when there is no such record.</summary>
    ValueTask<IReadOnlyList<RecordElement>> GetElementsAsync(
        ReadOnlyMemory<byte> key, ReadOptions options = default, CancellationToken cancellationToken = default);

    /// <summary>Removes a record; false when there was none.</summary>
    ValueTask<bool> DeleteAsync(ReadOnlyMemory<byte> key, WriteOptions options = default, CancellationToken cancellationToken = default);

    /// <summary>Writes a record if it has the expected version; with zero, if there is none.</summary>
    ValueTask<ConditionalOutcome> CompareAndSetAsync(
        ReadOnlyMemory<byte> key, HybridTime expected, ReadOnlyMemory<byte> value, WriteOptions options = default,
        CancellationToken cancellationToken = default);

    /// <summary>Removes a record if it has the expected version.</summary>
    ValueTask<ConditionalOutcome> CompareAndDeleteAsync(
        ReadOnlyMemory<byte> key, HybridTime expected, WriteOptions options = default, CancellationToken cancellationToken = default);

    /// <summary>
    /// Does all operations or none. Their conditions look at the records as they were before. All keys must lie in one shard: in a
    /// space with one shard that is so; else <see cref="ErrorCode.Invalid"/> names the keys that do not.
    /// </summary>
    ValueTask<ConditionalOutcome> BatchAsync(
        IReadOnlyList<RecordOperation> operations, WriteOptions options = default, CancellationToken cancellationToken = default);

    /// <summary>
    /// Reads a range in key order, page by page, from all shards at once. Each page is as fresh as the options say; pages are read at
    /// different moments, so that a scan is no snapshot. To go on later, give the last key as <see cref="ScanRange.After"/>.
    /// </summary>
    IAsyncEnumerable<Record> ScanAsync(ScanRange range, ReadOptions options = default, CancellationToken cancellationToken = default);

    /// <summary>Follows the changes of a prefix.</summary>
    /// <exception cref="InvalidRequestException">The token is not one.</exception>
    IRecordWatch Watch(WatchOptions options = default);

    /// <summary>Counts the records of all shards.</summary>
    ValueTask<SpaceStatistics> CountAsync(ReadOptions options = default, CancellationToken cancellationToken = default);
}
