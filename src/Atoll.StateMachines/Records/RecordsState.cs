using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>
/// The records, the order of their expiry, the change history and the accounts of them, which always change together. Whoever writes gives
/// keys and values that may be kept.
/// </summary>
internal sealed class RecordsState
{
    /// <summary>
    /// What a record costs beyond its key and value, approximately: two array headers (48), its slots in a leaf that is two thirds full
    /// (84).
    /// </summary>
    internal const int RecordOverheadBytes = 132;

    private readonly CopyOnWriteTree<ExpiryKey, bool, ExpiryOrder> _expiries = new();
    private readonly TreeCursor<ExpiryKey, bool, ExpiryOrder> _firstExpiry;

    internal RecordsState() => _firstExpiry = _expiries.OpenCursor();

    internal ISortedStore Store { get; } = new InMemorySortedStore();

    internal ChangeHistory History { get; } = new();

    /// <summary>Approximate memory of the records.</summary>
    internal long Bytes { get; private set; }

    /// <summary>Records with a time to live.</summary>
    internal long Expiring => _expiries.Count;

    /// <summary>When the next record expires; null when none will.</summary>
    internal HybridTime? NextExpiry { get; private set; }

    /// <summary>The record that is visible under a key.</summary>
    internal bool TryGetVisible(ReadOnlyMemory<byte> key, HybridTime now, out StoredRecord record) =>
        Store.TryGet(key, out record) && !record.IsExpired(now);

    /// <summary>Writes a record. No change is recorded.</summary>
    /// <returns>False when the key is new.</returns>
    internal bool Put(ReadOnlyMemory<byte> key, in StoredRecord record)
    {
        var replaced = Store.Put(key, record, out var previous);
        Bytes += record.Value.Length - previous.Value.Length + (replaced ? 0 : key.Length + RecordOverheadBytes);
        if (previous.ExpiresAt != record.ExpiresAt)
        {
            SetExpiry(key, previous.ExpiresAt, record.ExpiresAt);
        }

        return replaced;
    }

    /// <summary>Removes a record. No change is recorded.</summary>
    internal void Remove(ReadOnlyMemory<byte> key, HybridTime version)
    {
        var removed = Store.Remove(key, version, out var previous);
        Check.That(removed);
        Bytes -= previous.Value.Length + key.Length + RecordOverheadBytes;
        if (previous.ExpiresAt != HybridTime.Zero)
        {
            SetExpiry(key, previous.ExpiresAt, HybridTime.Zero);
        }
    }

    /// <summary>The key of the record that expires next, when its time has come.</summary>
    internal bool TryGetDue(HybridTime now, out ReadOnlyMemory<byte> key)
    {
        var due = NextExpiry is { } next && next <= now && _firstExpiry.SeekFirst();
        key = due ? _firstExpiry.Key.Key.Memory : default;
        return due;
    }

    internal ulong Hash()
    {
        var hasher = default(StateHasher);
        hasher.Add((ulong)Store.Count);
        hasher.Add((ulong)Bytes);
        using var cursor = Store.OpenCursor();
        for (var more = cursor.SeekFirst(); more; more = cursor.Next())
        {
            var record = cursor.Record;
            hasher.Add(cursor.Key.Span);
            hasher.Add(record.Version.Value);
            hasher.Add(record.ExpiresAt.Value);
            hasher.Add(record.Value.Span);
        }

        hasher.Add(History.CompactedThrough.Value);
        hasher.Add((ulong)History.Count);
        for (var i = 0; i < History.Count; i++)
        {
            ref readonly var change = ref History[i];
            hasher.Add(change.Version.Value);
            hasher.Add((ulong)change.Kind);
            hasher.Add(change.Key.Span);
            hasher.Add(change.Value.Span);
        }

        return hasher.Value;
    }

    private void SetExpiry(ReadOnlyMemory<byte> key, HybridTime before, HybridTime after)
    {
        if (before != HybridTime.Zero)
        {
            var known = _expiries.Remove(new ExpiryKey(before, new ByteKey(key)), out _);
            Check.That(known);
        }

        if (after != HybridTime.Zero)
        {
            var known = _expiries.Put(new ExpiryKey(after, new ByteKey(key)), true, out _);
            Check.That(!known);
        }

        NextExpiry = _firstExpiry.SeekFirst() ? _firstExpiry.Key.ExpiresAt : null;
    }
}
