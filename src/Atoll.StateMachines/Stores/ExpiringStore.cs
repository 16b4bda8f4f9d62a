using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Stores;

/// <summary>
/// Records in a tree, the order of their expiry, and the accounts of them, which always change together. Whoever writes gives keys and
/// values that may be kept.
/// </summary>
internal class ExpiringStore
{
    // Of longer values only the length counts for the hash, as they may be elsewhere when they are replaced; the version stands for them.
    internal const int HashedValueBytesMax = 4096;

    private HybridTime _nextExpiry;

    internal ExpiringStore(IStateTree tree)
    {
        Records = tree.Section(StateSections.Records);
        Expiries = tree.Section(StateSections.Expiries);
    }

    internal ISortedStore Records { get; }

    internal ISortedStore Expiries { get; }

    /// <summary>Reads of many records that wait for the disk.</summary>
    internal PageReads PageReads { get; } = new();

    /// <summary>The accounts of the records.</summary>
    internal RecordsAccounts Accounts { get; private set; }

    /// <summary>Nothing expires before this; null when nothing ever does.</summary>
    internal HybridTime? NextExpiry => Accounts.Expiring == 0 ? null : _nextExpiry;

    /// <summary>
    /// A hash over all records, whatever the order in which they were written.
    /// </summary>
    internal ulong Hash
    {
        get
        {
            var hasher = default(StateHasher);
            hasher.Add((ulong)Accounts.Count);
            hasher.Add((ulong)Accounts.Bytes);
            hasher.Add((ulong)Accounts.Expiring);
            hasher.Add(Accounts.HashSum);
            return hasher.Value;
        }
    }

    /// <summary>A record's place in the order of expiry.</summary>
    internal static byte[] ExpiryKey(HybridTime expiresAt, ReadOnlySpan<byte> key)
    {
        var place = new byte[8 + key.Length];
        BinaryPrimitives.WriteUInt64BigEndian(place, expiresAt.Value);
        key.CopyTo(place.AsSpan(8));
        return place;
    }

    /// <summary>What a record adds to <see cref="RecordsAccounts.HashSum"/>.</summary>
    internal static ulong HashOf(ReadOnlySpan<byte> key, in StoredRecord record)
    {
        var hasher = default(StateHasher);
        hasher.Add(key);
        hasher.Add(record.Version.Value);
        hasher.Add(record.ExpiresAt.Value);
        hasher.Add((ulong)record.ValueBytes);
        if (record.ValueBytes <= HashedValueBytesMax)
        {
            Check.That(record.HasValue);
            hasher.Add(record.Value.Span);
        }

        return hasher.Value;
    }

    /// <summary>Writes a record.</summary>
    internal void Put(ReadOnlyMemory<byte> key, in StoredRecord record)
    {
        var isKnown = Records.Put(key, record, out var previous);
        var accounts = isKnown ? Accounts.Without(key.Span, previous) : Accounts;
        Accounts = accounts.With(key.Span, record);
        if (previous.ExpiresAt != HybridTime.Zero && previous.ExpiresAt != record.ExpiresAt)
        {
            Expiries.Delete(ExpiryKey(previous.ExpiresAt, key.Span), record.Version);
        }

        if (record.ExpiresAt != HybridTime.Zero)
        {
            Expiries.Write(
                ExpiryKey(record.ExpiresAt, key.Span), new StoredRecord(record.Version, HybridTime.Zero, default));
            _nextExpiry = record.ExpiresAt < _nextExpiry ? record.ExpiresAt : _nextExpiry;
        }
    }

    /// <summary>Removes a record.</summary>
    internal void Remove(ReadOnlyMemory<byte> key, HybridTime version)
    {
        var removed = Records.Remove(key, version, out var previous);
        Check.That(removed);
        Accounts = Accounts.Without(key.Span, previous);
        if (previous.ExpiresAt != HybridTime.Zero)
        {
            Expiries.Delete(ExpiryKey(previous.ExpiresAt, key.Span), version);
        }
    }

    /// <summary>Looks for records that have expired; their versions come with them. Moves <see cref="NextExpiry"/> on.</summary>
    /// <param name="now">What is over at this time has expired.</param>
    /// <param name="take">Told of each, the first to expire first; false ends the search.</param>
    /// <param name="done">The end, now or later.</param>
    internal void FindExpired(HybridTime now, Func<ReadOnlyMemory<byte>, HybridTime, bool> take, Action<StoreFault?> done)
    {
        // Records that are written meanwhile, and that the cursor does not see, bring it forward again.
        var before = _nextExpiry;
        _nextExpiry = HybridTime.Max;
        HybridTime? first = null;
        SortedWalk.Run(
            Expiries.OpenCursor(),
            cursor =>
            {
                var expiresAt = new HybridTime(BinaryPrimitives.ReadUInt64BigEndian(cursor.KeySpan));
                first ??= expiresAt;
                return expiresAt <= now && take(cursor.Key[8..], cursor.Head.Version);
            },
            fault =>
            {
                var found = fault is null ? first ?? HybridTime.Max : before;
                _nextExpiry = found < _nextExpiry ? found : _nextExpiry;
                done(fault);
            },
            // Nothing expires before it: what was removed there, and stays as tombstones for a while, need not be passed over.
            ExpiryKey(before, []));
    }

    /// <summary>Removes everything.</summary>
    internal void Clear(HybridTime version)
    {
        Records.DeleteRange([], [], version);
        Expiries.DeleteRange([], [], version);
        Accounts = default;
    }

    /// <summary>Takes over the accounts of what the sections hold.</summary>
    internal void Restore(in RecordsAccounts accounts)
    {
        Accounts = accounts;

        // Not known: the first search tells.
        _nextExpiry = HybridTime.Zero;
    }
}

/// <summary>Accounts of all records of a shard.</summary>
/// <param name="Count">Records, those that expired and were not yet removed included.</param>
/// <param name="Bytes">Bytes of their keys and values.</param>
/// <param name="Expiring">Records with a time to live.</param>
/// <param name="HashSum">
/// The sum over a hash of each record: whatever the order of writes, replicas with equal records have equal sums.
/// </param>
internal readonly record struct RecordsAccounts(long Count, long Bytes, long Expiring, ulong HashSum)
{
    internal RecordsAccounts With(ReadOnlySpan<byte> key, in StoredRecord record) => new(
        Count + 1,
        Bytes + key.Length + record.ValueBytes,
        Expiring + (record.ExpiresAt == HybridTime.Zero ? 0 : 1),
        unchecked(HashSum + ExpiringStore.HashOf(key, record)));

    internal RecordsAccounts Without(ReadOnlySpan<byte> key, in StoredRecord record) => new(
        Count - 1,
        Bytes - key.Length - record.ValueBytes,
        Expiring - (record.ExpiresAt == HybridTime.Zero ? 0 : 1),
        unchecked(HashSum - ExpiringStore.HashOf(key, record)));

    /// <summary>Reads what <see cref="Write"/> wrote; the reader fails when it is not that.</summary>
    internal static RecordsAccounts Read(ref WireReader reader)
    {
        var accounts = new RecordsAccounts(
            (long)reader.ReadUInt64(), (long)reader.ReadUInt64(), (long)reader.ReadUInt64(), reader.ReadUInt64());
        if (accounts is not { Count: >= 0, Bytes: >= 0, Expiring: >= 0 })
        {
            reader.Fail();
        }

        return accounts;
    }

    internal void Write(WireWriter writer)
    {
        writer.WriteUInt64((ulong)Count);
        writer.WriteUInt64((ulong)Bytes);
        writer.WriteUInt64((ulong)Expiring);
        writer.WriteUInt64(HashSum);
    }
}
