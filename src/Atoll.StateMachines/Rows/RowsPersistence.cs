using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// What the rows machine keeps in memory, in its tree: the end of the change history, and one record of the accounts, the last timestamp
/// and, since version 2, how far changes are forgotten. Version 1 knew no changes.
/// </summary>
internal sealed class RowsPersistence(IStateTree tree)
{
    private const byte FormatVersion = 2;
    private const byte WithoutChanges = 1;

    private readonly ChangesPersistence _changes = new(tree);

    internal void Write(RowsState state, HybridTime now)
    {
        var forgottenThrough = _changes.Write(state.History, now);
        tree.Section(StateSections.Meta).Write(
            StateSections.MachineKey,
            new StoredRecord(now, HybridTime.Zero, Encode(state.Accounts, state.LastTimestampMicros, forgottenThrough)));
    }

    /// <summary>Takes over what was written; tells null, or why that cannot be.</summary>
    internal void Read(RowsState state, ReadOnlyMemory<byte> meta, HybridTime now, Action<string?> done)
    {
        var reader = new WireReader(meta);
        var version = reader.ReadByte();
        var accounts = RecordsAccounts.Read(ref reader);
        var lastTimestamp = (long)reader.ReadUInt64();
        var forgottenThrough = version == WithoutChanges ? now : new HybridTime(reader.ReadUInt64());
        if (!reader.OkAtEnd || version is not (FormatVersion or WithoutChanges) || forgottenThrough > now)
        {
            done("the rows' own record in the store is garbled");
            return;
        }

        _changes.Read(forgottenThrough, now, (history, error) =>
        {
            if (error is null)
            {
                state.Restore(accounts, history);
                state.LastTimestampMicros = lastTimestamp;
            }

            done(error);
        });
    }

    /// <summary>The tree holds just this history.</summary>
    internal void Restored(ChangeHistory history) => _changes.Restored(history);

    internal static byte[] Encode(in RecordsAccounts accounts, long lastTimestampMicros, HybridTime forgottenThrough)
    {
        var writer = new WireWriter(64);
        writer.WriteByte(FormatVersion);
        accounts.Write(writer);
        writer.WriteUInt64((ulong)lastTimestampMicros);
        writer.WriteUInt64(forgottenThrough.Value);
        return writer.ToArray();
    }
}
