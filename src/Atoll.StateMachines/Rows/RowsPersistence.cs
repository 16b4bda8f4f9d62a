using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Rows;

/// <summary>What the rows machine keeps in memory, in its tree: one record of the accounts and the last timestamp.</summary>
internal sealed class RowsPersistence(IStateTree tree)
{
    private const byte FormatVersion = 1;

    internal void Write(RowsState state, HybridTime now) =>
        tree.Section(StateSections.Meta).Write(
            StateSections.MachineKey, new StoredRecord(now, HybridTime.Zero, Encode(state.Accounts, state.LastTimestampMicros)));

    /// <summary>Takes over what was written; null, or why that cannot be.</summary>
    internal static string? Read(RowsState state, ReadOnlyMemory<byte> meta)
    {
        var reader = new WireReader(meta);
        var version = reader.ReadByte();
        var accounts = RecordsAccounts.Read(ref reader);
        var lastTimestamp = (long)reader.ReadUInt64();
        if (!reader.OkAtEnd || version != FormatVersion)
        {
            return "the rows' own record in the store is garbled";
        }

        state.Restore(accounts);
        state.LastTimestampMicros = lastTimestamp;
        return null;
    }

    internal static byte[] Encode(in RecordsAccounts accounts, long lastTimestampMicros)
    {
        var writer = new WireWriter(64);
        writer.WriteByte(FormatVersion);
        accounts.Write(writer);
        writer.WriteUInt64((ulong)lastTimestampMicros);
        return writer.ToArray();
    }
}
