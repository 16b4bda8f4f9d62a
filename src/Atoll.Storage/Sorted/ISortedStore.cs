using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;

namespace Atoll.Storage.Sorted;

/// <summary>What can be asked of a sorted store and of its snapshots alike. Keys are ordered as <c>KeyOrder</c> says.</summary>
public interface ISortedReader
{
    /// <summary>The record under a key.</summary>
    /// <param name="key">The key; only read during the call. It must be in memory (see <see cref="ISortedStore.Prepare"/>).</param>
    /// <param name="record">The record, or default.</param>
    /// <returns>False when there is none.</returns>
    bool TryGet(ReadOnlyMemory<byte> key, out StoredRecord record);

    /// <summary>
    /// The head of the record under a key: all but a value that lies on disk (<see cref="StoredRecord.HasValue"/>), so that nobody waits
    /// for large values that are not needed.
    /// </summary>
    /// <param name="key">The key; only read during the call. It must be in memory (see <see cref="ISortedStore.PrepareHeads"/>).</param>
    /// <param name="head">The head, or default.</param>
    /// <returns>False when there is none.</returns>
    bool TryGetHead(ReadOnlyMemory<byte> key, out StoredRecord head) => TryGet(key, out head);

    /// <summary>A cursor over heads: it never waits for a value.</summary>
    ISortedCursor OpenHeadCursor() => OpenCursor();

    /// <summary>
    /// A cursor that stands nowhere yet. On a live store it is valid only until the store's next write; on a snapshot, until that is
    /// disposed of. Dispose of it: a store on disk keeps files for it.
    /// </summary>
    ISortedCursor OpenCursor();
}

/// <summary>
/// A sorted map from keys to records. Single-threaded; all calls are synchronous on what is in memory. A store that keeps part of itself on
/// disk is asked by <see cref="Prepare"/> to bring keys into memory first, and calls back when it has.
/// </summary>
public interface ISortedStore : ISortedReader
{
    /// <summary>Looks a key up without waiting for anything.</summary>
    /// <param name="key">The key; only read during the call.</param>
    /// <param name="record">The record when it was found; else default.</param>
    /// <returns><see cref="LookupStatus.Missing"/> when the answer is not in memory: then <see cref="Prepare"/> brings it.</returns>
    LookupStatus Find(ReadOnlyMemory<byte> key, out StoredRecord record);

    /// <summary>Looks the head of a record up without waiting for anything.</summary>
    /// <param name="key">The key; only read during the call.</param>
    /// <param name="head">The head when it was found; else default.</param>
    /// <returns><see cref="LookupStatus.Missing"/> when the answer is not in memory: then <see cref="PrepareHeads"/> brings it.</returns>
    LookupStatus FindHead(ReadOnlyMemory<byte> key, out StoredRecord head) => Find(key, out head);

    /// <summary>Writes a record, over the one that was there if any.</summary>
    /// <param name="key">The key; immutable from now on, as the store keeps it without copying when it is new.</param>
    /// <param name="record">The record; the store keeps its value without copying it.</param>
    /// <param name="previous">The head of the record that was replaced, or default.</param>
    /// <returns>True when a record was replaced, false when the key is new.</returns>
    bool Put(ReadOnlyMemory<byte> key, in StoredRecord record, out StoredRecord previous);

    /// <summary>Removes a record.</summary>
    /// <param name="key">The key; only read during the call.</param>
    /// <param name="version">When it is removed: a store with versions writes a tombstone of that version.</param>
    /// <param name="previous">The head of the record that was removed, or default.</param>
    /// <returns>False when there was none.</returns>
    bool Remove(ReadOnlyMemory<byte> key, HybridTime version, out StoredRecord previous);

    /// <summary>Writes a record whatever was there, without looking. Key and value must stay as they are.</summary>
    void Write(ReadOnlyMemory<byte> key, in StoredRecord record);

    /// <summary>Removes a record from a version on, whether or not it is there, without looking.</summary>
    void Delete(ReadOnlySpan<byte> key, HybridTime version);

    /// <summary>Removes all records of a range from a version on; what is written into it afterwards stays.</summary>
    /// <param name="from">The first key.</param>
    /// <param name="to">The first key behind the range; empty for the end.</param>
    /// <param name="version">When.</param>
    void DeleteRange(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, HybridTime version);

    /// <summary>Brings keys into memory, so that they can be read and written in one synchronous step.</summary>
    /// <param name="keys">The keys; only read during the call.</param>
    /// <param name="ready">
    /// Called once, on the same loop, when the answer was false: with null when all keys are in memory, for the length of the call; else
    /// with what keeps one of them from being read.
    /// </param>
    /// <returns>
    /// True when all are in memory already, until control goes back to the loop; then <paramref name="ready"/> is never called.
    /// </returns>
    bool Prepare(ReadOnlySpan<ReadOnlyMemory<byte>> keys, Action<StoreFault?> ready);

    /// <summary>Brings the heads of keys into memory: enough for <c>TryGetHead</c>, <see cref="Put"/> and <see cref="Remove"/>.</summary>
    /// <param name="keys">The keys; only read during the call.</param>
    /// <param name="ready">As for <see cref="Prepare"/>.</param>
    /// <returns>As for <see cref="Prepare"/>.</returns>
    bool PrepareHeads(ReadOnlySpan<ReadOnlyMemory<byte>> keys, Action<StoreFault?> ready) => Prepare(keys, ready);

    /// <summary>The store as it is now, unaffected by later writes. Costs O(1); later writes copy what they touch, once.</summary>
    ISortedSnapshot Snapshot();

    /// <summary>The store as it was at a time that is over.</summary>
    /// <param name="at">The time: every version up to this one has been written.</param>
    /// <returns>Null when versions that it would see may be gone, as they always are in a store that keeps none.</returns>
    ISortedSnapshot? SnapshotAt(HybridTime at);
}

/// <summary>A sorted store as it was at one moment. Disposing it lets the store reuse what only the snapshot still needs.</summary>
public interface ISortedSnapshot : ISortedReader, IDisposable
{
}

/// <summary>
/// A position in a sorted store. A seek or step that finds nothing leaves the cursor nowhere: <see cref="IsValid"/> is false, and only
/// another seek helps. One that needs what is not in memory leaves it waiting: <see cref="Load"/> brings it and ends the seek or step.
/// </summary>
public interface ISortedCursor : IDisposable
{
    /// <summary>True when the cursor stands on a record.</summary>
    bool IsValid { get; }

    /// <summary>True when the last seek or step needs what is not in memory.</summary>
    bool IsWaiting { get; }

    /// <summary>What keeps the last seek or step from being done; null when nothing does.</summary>
    StoreFault? Fault { get; }

    /// <summary>The key it stands on; immutable. A store on disk copies it: <see cref="KeySpan"/> costs nothing.</summary>
    ReadOnlyMemory<byte> Key { get; }

    /// <summary>The key it stands on; valid until the next seek or step.</summary>
    ReadOnlySpan<byte> KeySpan { get; }

    /// <summary>The record it stands on. A store on disk may copy its value: <see cref="ValueSpan"/> costs nothing.</summary>
    StoredRecord Record { get; }

    /// <summary>The record it stands on, without its value unless that is empty.</summary>
    StoredRecord Head { get; }

    /// <summary>The value of the record it stands on; valid until the next seek or step.</summary>
    ReadOnlySpan<byte> ValueSpan { get; }

    /// <summary>Goes to the first record.</summary>
    bool SeekFirst();

    /// <summary>Goes to the last record.</summary>
    bool SeekLast();

    /// <summary>Goes to the first record whose key is the given one or comes after it.</summary>
    bool SeekAtOrAfter(ReadOnlyMemory<byte> key);

    /// <summary>Goes to the first record whose key comes after the given one.</summary>
    bool SeekAfter(ReadOnlyMemory<byte> key);

    /// <summary>Goes to the last record whose key is the given one or comes before it.</summary>
    bool SeekAtOrBefore(ReadOnlyMemory<byte> key);

    /// <summary>Goes to the last record whose key comes before the given one.</summary>
    bool SeekBefore(ReadOnlyMemory<byte> key);

    /// <summary>Goes one record on.</summary>
    bool Next();

    /// <summary>Goes one record back.</summary>
    bool Previous();

    /// <summary>Brings into memory what the last seek or step waits for, and ends it.</summary>
    /// <param name="ready">Called once, on the same loop, when the answer was false and the cursor no longer waits.</param>
    /// <returns>True when it does not wait.</returns>
    bool Load(Action ready);
}
