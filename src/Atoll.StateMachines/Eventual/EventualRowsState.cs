using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// The rows of an eventual replica, their hashes, and its notes, which change together. What is read and written here was brought into
/// memory before, but notes, which are written without looking.
/// </summary>
internal sealed class EventualRowsState(IStateTree tree, MerkleTree hashes) : ExpiringStore(tree)
{
    /// <summary>Where a partition that is to be swept stands in the order of expiry: before all that waits for the horizon.</summary>
    internal static readonly HybridTime SweepAt = new(1);

    /// <summary>Where rows are encoded; nothing stays in it.</summary>
    internal WireWriter Scratch { get; } = new(1024);

    internal ISortedStore Notes { get; } = tree.Section(StateSections.Notes);

    /// <summary>Records by the hash of their key: what exchanges list, as records themselves lie in the order of keys.</summary>
    internal ISortedStore Places { get; } = tree.Section(StateSections.Places);

    internal MerkleTree Hashes => hashes;

    /// <summary>Deletions with stamp and timestamp of at most this may be dropped.</summary>
    internal HybridTime Horizon { get; set; }

    /// <summary>Records of partitions as a whole: those of which something was deleted that is not dropped yet.</summary>
    internal long DeletionCount { get; set; }

    /// <summary>False where rows need not be looked at with what covers them from outside: there is nothing of the kind.</summary>
    internal bool HasDeletions => DeletionCount > 0;

    /// <summary>Folds all notes that were ever written, in their order.</summary>
    internal ulong NotesHash { get; set; }

    /// <summary>
    /// The last changes of records, as this replica made them, for watchers: their versions are the state's times, their values rows. In
    /// memory only.
    /// </summary>
    internal ChangeHistory History { get; private set; } = new();

    /// <summary>The time up to which what is in the order of expiry may be worked off.</summary>
    internal HybridTime DueThrough => Horizon > SweepAt ? Horizon : SweepAt;

    /// <summary>As of the base type; null while the horizon is before it, so that nobody looks again and again.</summary>
    internal HybridTime? NextDue => NextExpiry is { } next && next <= DueThrough ? next : null;

    /// <summary>What was deleted of a partition.</summary>
    internal PartitionDeletions GetDeletions(ReadOnlyMemory<byte> key, out bool isSwept)
    {
        if (HasDeletions && Records.TryGet(key, out var record))
        {
            isSwept = EventualRecords.Stored.IsSwept(record.Value);
            return EventualRecords.Stored.DeletionsOf(record.Value);
        }

        isSwept = true;
        return PartitionDeletions.None;
    }

    /// <summary>What was deleted of the partition of a row; of what holds all records nothing ever is.</summary>
    internal PartitionDeletions GetDeletionsAround(ReadOnlyMemory<byte> key) =>
        !HasDeletions || RowKey.IsOfRecord(key.Span) ? PartitionDeletions.None : GetDeletions(RowKey.PartitionOf(key.Span), out _);

    /// <summary>A record's value; empty when it is not there.</summary>
    internal ReadOnlyMemory<byte> GetValue(ReadOnlyMemory<byte> key) =>
        Records.TryGet(key, out var record) ? record.Value : default;

    /// <summary>A row as it is stored.</summary>
    internal RowData GetRow(ReadOnlyMemory<byte> key) =>
        Records.TryGet(key, out var record) ? EventualRecords.Stored.RowOf(record.Value) : RowData.Empty;

    /// <summary>Writes what is known of a partition, or removes it when that is nothing. The key may be kept.</summary>
    internal void PutDeletions(ReadOnlyMemory<byte> key, PartitionDeletions deletions, bool isSwept, HybridTime now)
    {
        var expiresAt = isSwept ? StoredTime.Of(DropRules.NextDropMilliseconds(deletions)) : SweepAt;
        Put(key, deletions.IsNone ? [] : EventualRecords.Encode(deletions, isSwept, Scratch), expiresAt, now);
    }

    /// <summary>Writes a row, or removes it when there is nothing in it. The key may be kept.</summary>
    internal void PutRow(ReadOnlyMemory<byte> key, RowData row, HybridTime now) =>
        PutRow(key, row, row.IsEmpty ? [] : EventualRecords.Encode(row, Scratch), now);

    /// <summary>Writes a row whose bytes are known, or removes it when there are none. Key and bytes may be kept.</summary>
    internal void PutRow(ReadOnlyMemory<byte> key, RowData row, ReadOnlyMemory<byte> encoded, HybridTime now) =>
        Put(key, encoded, StoredTime.Of(DropRules.NextDropMilliseconds(row)), now);

    /// <summary>Keeps a note, or removes it when its value is empty.</summary>
    internal void PutNote(in Note note, HybridTime now)
    {
        var hasher = default(StateHasher);
        hasher.Add(NotesHash);
        hasher.Add(note.Key.Span);
        hasher.Add(note.Value.Span);
        NotesHash = hasher.Value;
        if (note.Value.IsEmpty)
        {
            Notes.Delete(note.Key.Span, now);
        }
        else
        {
            Notes.Write(KeptBytes.Copy(note.Key.Span), new StoredRecord(now, HybridTime.Zero, KeptBytes.Of(note.Value)));
        }
    }

    /// <summary>What was changed up to a time is not remembered.</summary>
    internal void ForgetChanges(HybridTime through)
    {
        History = new ChangeHistory();
        History.Restore(through);
    }

    /// <summary>Removes every row; notes and horizon stay.</summary>
    internal void ClearRows(HybridTime now)
    {
        Clear(now);
        DeletionCount = 0;
        Places.DeleteRange([], [], now);
        ClearHashes();
    }

    /// <summary>Makes the hashes those of an empty shard.</summary>
    internal void ClearHashes()
    {
        for (var leaf = Hashes.Leaves; leaf < 2 * Hashes.Leaves; leaf++)
        {
            if (Hashes.HashOf(leaf) is var hash && hash != 0)
            {
                Hashes.Update(Hashes.TokensOf(leaf).First, hash, 0);
            }
        }
    }

    // An empty value removes the record: none is stored.
    private void Put(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, HybridTime expiresAt, HybridTime now)
    {
        var isKnown = Records.TryGet(key, out var stored);
        if (RowKey.KindOf(key.Span) == RowKeyKind.Partition)
        {
            DeletionCount += (value.IsEmpty ? 0 : 1) - (isKnown ? 1 : 0);
            Check.That(DeletionCount >= 0);
        }

        var before = isKnown ? EventualRecords.HashOf(key.Span, EventualRecords.InVersion(key.Span, stored.Value).Span) : 0;
        if (!value.IsEmpty)
        {
            var after = EventualRecords.HashOf(key.Span, EventualRecords.InVersion(key.Span, value).Span);
            Hashes.Update(RowKey.HashOf(key.Span), before, after);
            Put(key, new StoredRecord(now, expiresAt, value));
            if (RowKey.IsOfRecord(key.Span))
            {
                Places.Write(RecordPlace.KeyOf(key.Span), new StoredRecord(now, HybridTime.Zero, RecordPlace.ValueOf(after)));
            }
        }
        else if (isKnown)
        {
            Hashes.Update(RowKey.HashOf(key.Span), before, 0);
            if (RowKey.IsOfRecord(key.Span))
            {
                Places.Delete(RecordPlace.KeyOf(key.Span), now);
            }

            Remove(key, now);
        }
    }
}
