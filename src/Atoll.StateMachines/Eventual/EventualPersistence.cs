using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Rows;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// What the eventual rows machine keeps in memory, in its tree: one record. Layout: format (byte), accounts, horizon, hash of the notes (8
/// bytes each), partitions with deletions (varint; format 1 had none), the range's first and last hash (8 bytes each), depth and number
/// of leaves (varints), each leaf as the distance to the one before (varint) and its hash (high, low: 8 bytes each).
/// </summary>
internal sealed class EventualPersistence(IStateTree tree)
{
    private const byte FormatVersion = 2;
    private const byte FormatWithoutDeletions = 1;

    internal void Write(EventualRowsState state, HybridTime now) =>
        tree.Section(StateSections.Meta).Write(
            StateSections.MachineKey,
            new StoredRecord(
                now, HybridTime.Zero, Encode(state.Accounts, state.DeletionCount, state.Horizon, state.NotesHash, state.Hashes)));

    /// <summary>Takes over what was written; the hashes are made anew when they are of another range or depth.</summary>
    internal static void Read(EventualRowsState state, ReadOnlyMemory<byte> meta, Action<string?> done)
    {
        var reader = new WireReader(meta);
        var version = reader.ReadByte();
        var accounts = RecordsAccounts.Read(ref reader);
        var horizon = new HybridTime(reader.ReadUInt64());
        var notesHash = reader.ReadUInt64();
        var knowsDeletions = version != FormatWithoutDeletions;
        var deletions = knowsDeletions ? reader.ReadVarint() : 0;
        state.ClearHashes();
        var isSameTree = TryReadHashes(ref reader, state.Hashes);
        if (!reader.OkAtEnd || version is not (FormatVersion or FormatWithoutDeletions) || deletions > (ulong)accounts.Count)
        {
            done("the rows' own record in the store is garbled");
            return;
        }

        state.Restore(accounts);
        state.Horizon = horizon;
        state.NotesHash = notesHash;
        state.DeletionCount = (long)deletions;
        if (isSameTree && knowsDeletions)
        {
            done(null);
        }
        else
        {
            state.ClearHashes();
            state.DeletionCount = 0;
            Rebuild(state, done);
        }
    }

    internal static byte[] Encode(in RecordsAccounts accounts, long deletionCount, HybridTime horizon, ulong notesHash, MerkleTree hashes)
    {
        var writer = new WireWriter(1024);
        writer.WriteByte(FormatVersion);
        accounts.Write(writer);
        writer.WriteUInt64(horizon.Value);
        writer.WriteUInt64(notesHash);
        writer.WriteVarint((ulong)deletionCount);
        writer.WriteUInt64(hashes.FirstToken);
        writer.WriteUInt64(hashes.LastToken);
        writer.WriteVarint((ulong)hashes.Depth);
        var leaves = Enumerable.Range(hashes.Leaves, hashes.Leaves).Where(leaf => hashes.HashOf(leaf) != 0).ToList();
        writer.WriteVarint((ulong)leaves.Count);
        var before = hashes.Leaves;
        foreach (var leaf in leaves)
        {
            writer.WriteVarint((ulong)(leaf - before));
            writer.WriteUInt64((ulong)(hashes.HashOf(leaf) >> 64));
            writer.WriteUInt64((ulong)hashes.HashOf(leaf));
            before = leaf;
        }

        return writer.ToArray();
    }

    /// <summary>Reads the leaves into a tree whose hashes are all 0; false when they are another tree's.</summary>
    private static bool TryReadHashes(ref WireReader reader, MerkleTree hashes)
    {
        var first = reader.ReadUInt64();
        var last = reader.ReadUInt64();
        var depth = reader.ReadCount(MerkleTree.DepthMax);
        var isSame = first == hashes.FirstToken && last == hashes.LastToken && depth == hashes.Depth;
        var leaf = 1UL << depth;
        for (var left = reader.ReadCount(1 << depth); left > 0 && reader.Ok; left--)
        {
            leaf += reader.ReadVarint();
            var hash = new UInt128(reader.ReadUInt64(), reader.ReadUInt64());
            if (leaf >= 2UL << depth)
            {
                reader.Fail();
            }

            isSame &= reader.Ok;
            if (isSame && hashes.TokensOf((int)leaf) is var (firstOfLeaf, lastOfLeaf) && firstOfLeaf <= lastOfLeaf)
            {
                hashes.Update(firstOfLeaf, 0, hash);
            }
        }

        return isSame;
    }

    private static void Rebuild(EventualRowsState state, Action<string?> done) => SortedWalk.Run(
        state.Records.OpenCursor(),
        cursor =>
        {
            var value = EventualRecords.InVersion(cursor.KeySpan, cursor.Record.Value);
            state.Hashes.Update(RowKey.HashOf(cursor.KeySpan), 0, EventualRecords.HashOf(cursor.KeySpan, value.Span));
            state.DeletionCount += RowKey.KindOf(cursor.KeySpan) == RowKeyKind.Partition ? 1 : 0;
            return true;
        },
        fault => done(fault is null ? null : $"the store cannot be read: {fault}"));
}
