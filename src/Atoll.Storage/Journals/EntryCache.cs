namespace Atoll.Storage.Journals;

/// <summary>
/// Which entries are in memory, over all shards: those that are not durable yet, and the most recent of the others within the bound.
/// </summary>
internal sealed class EntryCache
{
    // A queue item costs about as much as the smallest entry is budgeted; this bounds the queue itself when most of its items are stale.
    private const int BytesPerItem = 64;
    private const int ItemsMin = 1024;

    private readonly Queue<(ShardLog Log, ulong Index, long Sequence)> _queue = new();
    private readonly long _bytesMax;
    private readonly long _itemsMax;

    /// <summary>A cache with a bound.</summary>
    public EntryCache(long bytesMax)
    {
        _bytesMax = bytesMax;
        _itemsMax = Math.Max(ItemsMin, bytesMax / BytesPerItem);
    }

    /// <summary>Bytes of entries in memory.</summary>
    public long Bytes { get; private set; }

    /// <summary>A payload is in a slot.</summary>
    public void Added(ShardLog log, ulong index, in EntrySlot slot)
    {
        Bytes += slot.CachedBytes;
        _queue.Enqueue((log, index, slot.Sequence));
    }

    /// <summary>A cached entry has a new place on disk: it stays in memory until that is durable.</summary>
    public void Moved(ShardLog log, ulong index, in EntrySlot slot) => _queue.Enqueue((log, index, slot.Sequence));

    /// <summary>A slot with a payload is forgotten.</summary>
    public void Removed(in EntrySlot slot) => Bytes -= slot.CachedBytes;

    /// <summary>Lets go of a payload before its turn, if it is durable.</summary>
    public void LetGo(ref EntrySlot slot, long durableSequence)
    {
        if (slot.IsCached && slot.Sequence <= durableSequence)
        {
            Drop(ref slot);
        }

        // Those that were let go of go from the queue when their turn comes: mostly at once, as they were written in this order.
        while (_queue.TryPeek(out var item) && !item.Log.HasCached(item.Index, item.Sequence))
        {
            _queue.Dequeue();
        }
    }

    /// <summary>Lets go of the oldest durable entries beyond the bound.</summary>
    public void Evict(long durableSequence)
    {
        while ((Bytes > _bytesMax || _queue.Count > _itemsMax) && _queue.TryPeek(out var item))
        {
            if (item.Sequence > durableSequence)
            {
                return;
            }

            _queue.Dequeue();
            if (item.Log.HasCached(item.Index, item.Sequence))
            {
                Drop(ref item.Log.Slot(item.Index));
            }
        }
    }

    private void Drop(ref EntrySlot slot)
    {
        Bytes -= slot.CachedBytes;
        slot.Payload = default;
        slot.IsCached = false;
    }
}
