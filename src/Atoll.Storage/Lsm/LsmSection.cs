using Atoll.Foundation.Time;
using Atoll.Storage.Sorted;

namespace Atoll.Storage.Lsm;

/// <summary>One section of a shard: its keys have the section's byte between the tree's number and themselves.</summary>
internal sealed class LsmSection(LsmStore store, LsmShard shard, byte number) : ISortedStore
{
    private readonly byte[] _section = [number];

    /// <inheritdoc />
    public bool TryGet(ReadOnlyMemory<byte> key, out StoredRecord record) => shard.TryGet(_section, key.Span, withValue: true, out record);

    /// <inheritdoc />
    public bool TryGetHead(ReadOnlyMemory<byte> key, out StoredRecord head) =>
        shard.TryGet(_section, key.Span, withValue: false, out head);

    /// <inheritdoc />
    public LookupStatus Find(ReadOnlyMemory<byte> key, out StoredRecord record) =>
        shard.Find(_section, key.Span, withValue: true, out record);

    /// <inheritdoc />
    public LookupStatus FindHead(ReadOnlyMemory<byte> key, out StoredRecord head) =>
        shard.Find(_section, key.Span, withValue: false, out head);

    /// <inheritdoc />
    public bool Put(ReadOnlyMemory<byte> key, in StoredRecord record, out StoredRecord previous)
    {
        var isKnown = shard.TryGet(_section, key.Span, withValue: false, out previous);
        shard.Write(_section, key.Span, record);
        shard.AddToCount(isKnown ? 0 : 1);
        return isKnown;
    }

    /// <inheritdoc />
    public bool Remove(ReadOnlyMemory<byte> key, HybridTime version, out StoredRecord previous)
    {
        if (!shard.TryGet(_section, key.Span, withValue: false, out previous))
        {
            return false;
        }

        shard.Delete(_section, key.Span, version);
        shard.AddToCount(-1);
        return true;
    }

    /// <inheritdoc />
    public void Write(ReadOnlyMemory<byte> key, in StoredRecord record) => shard.Write(_section, key.Span, record);

    /// <inheritdoc />
    public void Delete(ReadOnlySpan<byte> key, HybridTime version) => shard.Delete(_section, key, version);

    /// <inheritdoc />
    public void DeleteRange(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, HybridTime version) =>
        shard.DeleteRange(_section, from, to, version);

    /// <inheritdoc />
    public bool Prepare(ReadOnlySpan<ReadOnlyMemory<byte>> keys, Action<StoreFault?> ready) =>
        shard.Prepare(_section, keys, withValues: true, ready);

    /// <inheritdoc />
    public bool PrepareHeads(ReadOnlySpan<ReadOnlyMemory<byte>> keys, Action<StoreFault?> ready) =>
        shard.Prepare(_section, keys, withValues: false, ready);

    /// <inheritdoc />
    public ISortedCursor OpenCursor() => new LsmCursor(new LsmSnapshot(store, shard, _section, ulong.MaxValue), ownsSnapshot: true);

    /// <inheritdoc />
    public ISortedCursor OpenHeadCursor() =>
        new LsmCursor(new LsmSnapshot(store, shard, _section, ulong.MaxValue), ownsSnapshot: true, withValues: false);

    /// <inheritdoc />
    public ISortedSnapshot Snapshot() => new LsmSnapshot(store, shard, _section, ulong.MaxValue);

    /// <inheritdoc />
    public ISortedSnapshot? SnapshotAt(HybridTime at) =>
        at < shard.CollectedThrough ? null : new LsmSnapshot(store, shard, _section, at.Value);
}
