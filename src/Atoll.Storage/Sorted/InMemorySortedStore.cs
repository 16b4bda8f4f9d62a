using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;

namespace Atoll.Storage.Sorted;

/// <summary>A sorted store that is all in memory: a copy-on-write tree of byte strings. Everything is always prepared.</summary>
public sealed class InMemorySortedStore : ISortedStore
{
    private CopyOnWriteTree<ByteKey, StoredRecord, ByteKeyOrder> _tree = new();

    /// <summary>Records in the store.</summary>
    public long Count => _tree.Count;

    /// <inheritdoc />
    public bool TryGet(ReadOnlyMemory<byte> key, out StoredRecord record) => _tree.TryGet(new ByteKey(key), out record);

    /// <inheritdoc />
    public LookupStatus Find(ReadOnlyMemory<byte> key, out StoredRecord record) =>
        TryGet(key, out record) ? LookupStatus.Found : LookupStatus.Absent;

    /// <inheritdoc />
    public bool Put(ReadOnlyMemory<byte> key, in StoredRecord record, out StoredRecord previous) =>
        _tree.Put(new ByteKey(key), record, out previous);

    /// <inheritdoc />
    public bool Remove(ReadOnlyMemory<byte> key, HybridTime version, out StoredRecord previous) =>
        _tree.Remove(new ByteKey(key), out previous);

    /// <inheritdoc />
    public void Write(ReadOnlyMemory<byte> key, in StoredRecord record) => _tree.Put(new ByteKey(key), record, out _);

    /// <inheritdoc />
    public void Delete(ReadOnlySpan<byte> key, HybridTime version) => _tree.Remove(new ByteKey(key.ToArray()), out _);

    /// <inheritdoc />
    public void DeleteRange(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, HybridTime version)
    {
        var cursor = _tree.OpenCursor();
        var first = new ByteKey(from.ToArray());
        while (cursor.SeekAtOrAfter(first) && (to.IsEmpty || cursor.Key.Memory.Span.SequenceCompareTo(to) < 0))
        {
            _tree.Remove(cursor.Key, out _);
        }
    }

    /// <summary>Takes over all records of another store, which is not used any more.</summary>
    internal void Replace(InMemorySortedStore other) => _tree = other._tree;

    /// <inheritdoc />
    public bool Prepare(ReadOnlySpan<ReadOnlyMemory<byte>> keys, Action<StoreFault?> ready) => true;

    /// <inheritdoc />
    public ISortedCursor OpenCursor() => new Cursor(_tree.OpenCursor());

    /// <inheritdoc />
    public ISortedSnapshot Snapshot() => new StoreSnapshot(_tree.Snapshot());

    /// <inheritdoc />
    public ISortedSnapshot? SnapshotAt(HybridTime at) => null;

    private sealed class StoreSnapshot(TreeSnapshot<ByteKey, StoredRecord, ByteKeyOrder> snapshot) : ISortedSnapshot
    {
        public bool TryGet(ReadOnlyMemory<byte> key, out StoredRecord record) => snapshot.TryGet(new ByteKey(key), out record);

        public ISortedCursor OpenCursor() => new Cursor(snapshot.OpenCursor());

        public void Dispose()
        {
            // Nodes that only a snapshot needs are the garbage collector's.
        }
    }

    private sealed class Cursor(TreeCursor<ByteKey, StoredRecord, ByteKeyOrder> cursor) : ISortedCursor
    {
        public bool IsValid => cursor.IsValid;

        public bool IsWaiting => false;

        public StoreFault? Fault => null;

        public ReadOnlyMemory<byte> Key => cursor.Key.Memory;

        public ReadOnlySpan<byte> KeySpan => cursor.Key.Span;

        public StoredRecord Record => cursor.Value;

        public StoredRecord Head => cursor.Value.WithoutValue();

        public ReadOnlySpan<byte> ValueSpan => cursor.Value.Value.Span;

        public bool SeekFirst() => cursor.SeekFirst();

        public bool SeekLast() => cursor.SeekLast();

        public bool SeekAtOrAfter(ReadOnlyMemory<byte> key) => cursor.SeekAtOrAfter(new ByteKey(key));

        public bool SeekAfter(ReadOnlyMemory<byte> key) => cursor.SeekAfter(new ByteKey(key));

        public bool SeekAtOrBefore(ReadOnlyMemory<byte> key) => cursor.SeekAtOrBefore(new ByteKey(key));

        public bool SeekBefore(ReadOnlyMemory<byte> key) => cursor.SeekBefore(new ByteKey(key));

        public bool Next() => cursor.Next();

        public bool Previous() => cursor.Previous();

        public bool Load(Action ready) => true;

        public void Dispose()
        {
            // It keeps nothing.
        }
    }
}
