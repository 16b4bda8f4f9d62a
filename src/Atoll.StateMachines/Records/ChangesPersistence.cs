using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>
/// The end of a change history in a tree, change by change. Only the end, because the values in it are written a second time, for every
/// shard whenever memory is flushed: who was away for longer than that and asks a replica that has just started is told that the changes
/// are forgotten, as anyone is who was away for too long.
/// </summary>
internal sealed class ChangesPersistence(IStateTree tree)
{
    private const long HistoryBytesMax = 256 * 1024;

    private readonly WireWriter _value = new();

    // Changes up to this version are in the tree, but those up to the other one, which were forgotten.
    private HybridTime _writtenThrough;
    private HybridTime _forgottenThrough;

    /// <summary>Writes what is new in the history, and deletes what was forgotten.</summary>
    /// <returns>The version up to which changes are not in the tree.</returns>
    public HybridTime Write(ChangeHistory history, HybridTime now)
    {
        var section = tree.Section(StateSections.Changes);
        var forgotten = history.ForgottenIfCutTo(HistoryBytesMax);
        if (forgotten > _forgottenThrough)
        {
            if (_writtenThrough > _forgottenThrough)
            {
                section.DeleteRange(KeyOf(HybridTime.Zero, 0), KeyOf(new HybridTime(forgotten.Value + 1), 0), now);
            }

            _forgottenThrough = forgotten;
        }

        Each(history, _writtenThrough > forgotten ? _writtenThrough : forgotten, (key, change) =>
        {
            _value.Reset();
            Encode(_value, change);
            section.Write(key, new StoredRecord(now, HybridTime.Zero, _value.ToArray()));
        });
        _writtenThrough = history.Latest;
        return _forgottenThrough;
    }

    /// <summary>Reads the history back.</summary>
    /// <param name="compactedThrough">What <see cref="Write"/> returned.</param>
    /// <param name="now">The state's time.</param>
    /// <param name="done">The history, or what is wrong with it.</param>
    public void Read(HybridTime compactedThrough, HybridTime now, Action<ChangeHistory, string?> done)
    {
        var history = new ChangeHistory();
        history.Restore(compactedThrough);
        var areGood = true;

        // From where the history begins: what was forgotten stays in the store until merges meet its deletion, and under load that may be
        // a thousand times as much.
        SortedWalk.Run(
            tree.Section(StateSections.Changes).OpenCursor(),
            cursor => areGood = TryDecode(cursor.Record.Value, now, history),
            fault =>
            {
                if (fault is null && areGood)
                {
                    Restored(history);
                }

                done(history, fault is not null ? $"the store cannot be read: {fault}"
                    : areGood ? null : "the change history in the store is garbled");
            },
            KeyOf(new HybridTime(compactedThrough.Value + 1), 0));
    }

    /// <summary>The tree holds just this history.</summary>
    public void Restored(ChangeHistory history)
    {
        _writtenThrough = history.Latest;
        _forgottenThrough = history.CompactedThrough;
    }

    /// <summary>Puts a history into a load.</summary>
    internal static void PutInto(IStateLoad load, ChangeHistory history, HybridTime now)
    {
        var value = new WireWriter();
        Each(history, HybridTime.Zero, (key, change) =>
        {
            value.Reset();
            Encode(value, change);
            load.Put(StateSections.Changes, key, new StoredRecord(now, HybridTime.Zero, value.WrittenMemory));
        });
    }

    private static void Each(ChangeHistory history, HybridTime after, Action<byte[], RecordChange> take)
    {
        var ordinal = 0u;
        var first = history.FirstAfter(after);
        for (var position = first; position < history.Count; position++)
        {
            ref readonly var change = ref history[position];
            ordinal = position > first && history[position - 1].Version == change.Version ? ordinal + 1 : 0;
            take(KeyOf(change.Version, ordinal), change);
        }
    }

    private static byte[] KeyOf(HybridTime version, uint ordinal)
    {
        var key = new byte[12];
        BinaryPrimitives.WriteUInt64BigEndian(key, version.Value);
        BinaryPrimitives.WriteUInt32BigEndian(key.AsSpan(8), ordinal);
        return key;
    }

    private static void Encode(WireWriter writer, in RecordChange change)
    {
        writer.WriteByte((byte)change.Kind);
        writer.WriteUInt64(change.Version.Value);
        writer.WriteBytes(change.Key.Span);
        writer.WriteBytes(change.Value.Span);
    }

    private static bool TryDecode(ReadOnlyMemory<byte> value, HybridTime now, ChangeHistory history)
    {
        var reader = new WireReader(value);
        var kind = (ChangeKind)reader.ReadByte();
        var version = new HybridTime(reader.ReadUInt64());
        var key = reader.ReadBytes();
        var record = reader.ReadBytes();
        if (!reader.OkAtEnd || kind is < ChangeKind.Put or > ChangeKind.Truncate || version < history.Latest || version > now
            || version == history.CompactedThrough)
        {
            return false;
        }

        history.Add(new RecordChange(version, kind, KeptBytes.Copy(key.Span), KeptBytes.Copy(record.Span)));
        return true;
    }
}
