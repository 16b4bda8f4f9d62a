using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>
/// What the records machine keeps in memory, in its tree: the end of the change history, and one record of the accounts.
/// </summary>
internal sealed class RecordsPersistence(IStateTree tree)
{
    private const byte FormatVersion = 1;

    private readonly ChangesPersistence _changes = new(tree);

    /// <summary>Writes what is new in the history and the accounts; deletes what was forgotten.</summary>
    public void Write(RecordsState state, HybridTime now)
    {
        var forgottenThrough = _changes.Write(state.History, now);
        tree.Section(StateSections.Meta).Write(
            StateSections.MachineKey, new StoredRecord(now, HybridTime.Zero, EncodeMeta(state.Accounts, forgottenThrough)));
    }

    /// <summary>Reads all of it back into a state.</summary>
    public void Read(RecordsState state, ReadOnlyMemory<byte> meta, HybridTime now, Action<string?> done)
    {
        if (!TryReadMeta(meta, out var accounts, out var compactedThrough) || compactedThrough > now)
        {
            done("the records' own record in the store is garbled");
            return;
        }

        _changes.Read(compactedThrough, now, (history, error) =>
        {
            if (error is null)
            {
                state.Restore(accounts, history);
            }

            done(error);
        });
    }

    /// <summary>The tree holds just this history.</summary>
    public void Restored(ChangeHistory history) => _changes.Restored(history);

    /// <summary>Puts the history into a load; returns the machine's own record.</summary>
    internal static byte[] PutInto(IStateLoad load, in RecordsAccounts accounts, ChangeHistory history, HybridTime now)
    {
        ChangesPersistence.PutInto(load, history, now);
        return EncodeMeta(accounts, history.CompactedThrough);
    }

    private static byte[] EncodeMeta(in RecordsAccounts accounts, HybridTime forgottenThrough)
    {
        var writer = new WireWriter(64);
        writer.WriteByte(FormatVersion);
        accounts.Write(writer);
        writer.WriteUInt64(forgottenThrough.Value);
        return writer.ToArray();
    }

    private static bool TryReadMeta(ReadOnlyMemory<byte> meta, out RecordsAccounts accounts, out HybridTime compactedThrough)
    {
        var reader = new WireReader(meta);
        var version = reader.ReadByte();
        accounts = RecordsAccounts.Read(ref reader);
        compactedThrough = new HybridTime(reader.ReadUInt64());
        return reader.OkAtEnd && version == FormatVersion;
    }
}
