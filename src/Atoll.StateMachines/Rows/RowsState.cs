using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// The rows of a shard, and what changed of them last: each change with the row's bytes as they were stored. What is read and written here
/// was brought into memory before. The history does not count for the hash: how far back it reaches depends on when a replica was started.
/// </summary>
internal sealed class RowsState(IStateTree tree) : ExpiringStore(tree)
{
    private readonly WireWriter _scratch = new(1024);

    /// <summary>The last timestamp that the shard gave to a command; each is above the one before.</summary>
    internal long LastTimestampMicros { get; set; }

    internal ChangeHistory History { get; private set; } = new();

    internal StoredPartition GetPartition(ReadOnlyMemory<byte> key) =>
        Records.TryGet(key, out var record) ? StoredPartition.Read(record.Value) : StoredPartition.None;

    internal StoredRow GetRow(ReadOnlyMemory<byte> key) =>
        Records.TryGet(key, out var record) ? StoredRow.Read(record.Value) : new StoredRow(0, RowData.Empty);

    /// <summary>Writes what is known of a partition, or removes it when that is nothing. The key may be kept.</summary>
    internal void Put(ReadOnlyMemory<byte> key, StoredPartition partition, HybridTime now)
    {
        if (partition.IsNone)
        {
            RemoveIfThere(key, now);
        }
        else
        {
            Put(key, new StoredRecord(now, partition.ExpiresAt(now), partition.Encode(_scratch)));
        }
    }

    /// <summary>A row's bytes, for <see cref="PutRow"/>; the row is not empty.</summary>
    internal byte[] Encode(in StoredRow row)
    {
        Check.That(!row.Row.IsEmpty);
        return row.Encode(_scratch);
    }

    /// <summary>Writes a row. The key and the bytes may be kept.</summary>
    internal void PutRow(ReadOnlyMemory<byte> key, in StoredRow row, byte[] encoded, HybridTime now) =>
        Put(key, new StoredRecord(now, row.ExpiresAt, encoded));

    /// <summary>Takes over the accounts and the history of what the sections hold.</summary>
    internal void Restore(in RecordsAccounts accounts, ChangeHistory history)
    {
        Restore(accounts);
        History = history;
    }

    internal void RemoveIfThere(ReadOnlyMemory<byte> key, HybridTime now)
    {
        if (Records.TryGetHead(key, out _))
        {
            Remove(key, now);
        }
    }
}
