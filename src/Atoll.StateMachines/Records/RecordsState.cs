using Atoll.Foundation.Time;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>
/// The records and their change history. The history does not count for the hash: how far back it reaches depends on when a replica was
/// started.
/// </summary>
internal sealed class RecordsState(IStateTree tree) : ExpiringStore(tree)
{
    internal ChangeHistory History { get; private set; } = new();

    /// <summary>The head of the record that is visible under a key, which is in memory.</summary>
    internal bool TryGetVisible(ReadOnlyMemory<byte> key, HybridTime now, out StoredRecord head) =>
        Records.TryGetHead(key, out head) && !head.IsExpired(now);

    /// <summary>Takes over the accounts and the history of what the sections hold.</summary>
    internal void Restore(in RecordsAccounts accounts, ChangeHistory history)
    {
        Restore(accounts);
        History = history;
    }
}
