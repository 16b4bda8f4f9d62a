using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Requests;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines;

/// <summary>
/// What a replicated state keeps in memory, in a machine's tree: the request table client by client, and one record with index, time and
/// the owner's note.
/// </summary>
internal sealed class StatePersistence(IStateTree tree, RequestTableOptions options)
{
    private const byte FormatVersion = 1;

    private static readonly Probe RecoveredProbe = Probe.Define("state: taken over from a store");

    private readonly WireWriter _value = new();

    /// <summary>Writes the clients that changed since the last time, and deletes those that were forgotten.</summary>
    public void WriteRequests(RequestTable requests, HybridTime now)
    {
        var section = tree.Section(StateSections.Requests);
        foreach (var id in requests.TakeChanged())
        {
            if (requests.TryGetChanged(id, out var client))
            {
                _value.Reset();
                RequestTableSnapshotSource.Write(_value, id, client);
                section.Write(KeyOf(id), new StoredRecord(now, HybridTime.Zero, _value.ToArray()));
            }
            else
            {
                section.Delete(KeyOf(id), now);
            }
        }
    }

    /// <summary>Writes the state's own record.</summary>
    public void WriteMeta(LogIndex index, HybridTime now, ReadOnlySpan<byte> note)
    {
        _value.Reset();
        EncodeMeta(_value, options, index, now, note);
        tree.Section(StateSections.Meta).Write(StateSections.StateKey, new StoredRecord(now, HybridTime.Zero, _value.ToArray()));
    }

    /// <summary>Puts all of it into a load, and the machine's own record.</summary>
    public static void PutInto(
        IStateLoad load, RequestTable requests, RequestTableOptions options, in SnapshotState state, ReadOnlySpan<byte> machineMeta)
    {
        var value = new WireWriter();
        var cursor = requests.Snapshot().OpenCursor();
        for (var more = cursor.SeekFirst(); more; more = cursor.Next())
        {
            value.Reset();
            RequestTableSnapshotSource.Write(value, cursor.Key, cursor.Value);
            load.Put(StateSections.Requests, KeyOf(cursor.Key), new StoredRecord(state.Now, HybridTime.Zero, value.WrittenMemory));
        }

        value.Reset();
        EncodeMeta(value, options, state.Index, state.Now, state.Note.Span);
        load.Put(StateSections.Meta, StateSections.StateKey, new StoredRecord(state.Now, HybridTime.Zero, value.WrittenMemory));
        load.Put(StateSections.Meta, StateSections.MachineKey, new StoredRecord(state.Now, HybridTime.Zero, machineMeta.ToArray()));
    }

    /// <summary>Reads all of it back.</summary>
    public void Read(Action<RecoveredState> done)
    {
        byte[]? state = null;
        byte[]? machine = null;
        SortedWalk.Run(
            tree.Section(StateSections.Meta).OpenCursor(),
            cursor =>
            {
                if (cursor.KeySpan.SequenceEqual(StateSections.StateKey))
                {
                    state = cursor.Record.Value.ToArray();
                }
                else if (cursor.KeySpan.SequenceEqual(StateSections.MachineKey))
                {
                    machine = cursor.Record.Value.ToArray();
                }

                return true;
            },
            fault =>
            {
                if (fault is not null)
                {
                    done(RecoveredState.Failed(fault));
                }
                else if (state is null || machine is null || !TryReadMeta(state, machine, out var recovered))
                {
                    done(RecoveredState.Failed("the state's own record in the store is missing or of another format"));
                }
                else if (recovered.Index != tree.Applied)
                {
                    done(RecoveredState.Failed($"the state in the store is of index {recovered.Index}, the store says {tree.Applied}"));
                }
                else
                {
                    ReadRequests(recovered, done);
                }
            });
    }

    private static byte[] KeyOf(ulong client)
    {
        var key = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(key, client);
        return key;
    }

    private static void EncodeMeta(WireWriter writer, RequestTableOptions options, LogIndex index, HybridTime now, ReadOnlySpan<byte> note)
    {
        writer.WriteByte(FormatVersion);
        writer.WriteUInt64(index.Value);
        writer.WriteUInt64(now.Value);
        writer.WriteUInt64((ulong)options.Window.Nanoseconds);
        writer.WriteVarint((ulong)options.AnswersMax);
        writer.WriteVarint((ulong)options.AnswersPerClientMax);
        writer.WriteBytes(note);
    }

    private bool TryReadMeta(ReadOnlyMemory<byte> meta, ReadOnlyMemory<byte> machineMeta, out RecoveredState recovered)
    {
        var reader = new WireReader(meta);
        var version = reader.ReadByte();
        var index = new LogIndex(reader.ReadUInt64());
        var now = new HybridTime(reader.ReadUInt64());
        var sameOptions = reader.ReadUInt64() == (ulong)options.Window.Nanoseconds
            & reader.ReadVarint() == (ulong)options.AnswersMax
            & reader.ReadVarint() == (ulong)options.AnswersPerClientMax;
        var note = reader.ReadBytes();
        recovered = new RecoveredState(null, index, now, note, machineMeta, null);
        return reader.OkAtEnd && version == FormatVersion && sameOptions;
    }

    private void ReadRequests(RecoveredState recovered, Action<RecoveredState> done)
    {
        var requests = new RequestTable(options);
        var areGood = true;
        SortedWalk.Run(
            tree.Section(StateSections.Requests).OpenCursor(),
            cursor => areGood = RequestTableSnapshotSource.TryRead(cursor.Record.Value, requests, options),
            fault =>
            {
                if (fault is null && areGood)
                {
                    RecoveredProbe.Hit();
                    done(recovered with { Requests = requests });
                }
                else
                {
                    done(fault is null ? RecoveredState.Failed("the request table in the store is garbled") : RecoveredState.Failed(fault));
                }
            });
    }
}

/// <summary>Of which moment a snapshot is.</summary>
/// <param name="Index">The last entry in it.</param>
/// <param name="Now">The state's time.</param>
/// <param name="Note">The owner's words about the index.</param>
internal readonly record struct SnapshotState(LogIndex Index, HybridTime Now, ReadOnlyMemory<byte> Note);

/// <summary>What was found in a tree.</summary>
/// <param name="Error">Why it cannot be used; null when it can, and then the rest holds.</param>
/// <param name="Index">The last entry in it.</param>
/// <param name="Now">The state's time.</param>
/// <param name="Note">The owner's words about the index.</param>
/// <param name="MachineMeta">The machine's own record.</param>
/// <param name="Requests">The request table.</param>
internal sealed record RecoveredState(
    string? Error, LogIndex Index, HybridTime Now, ReadOnlyMemory<byte> Note, ReadOnlyMemory<byte> MachineMeta, RequestTable? Requests)
{
    internal static RecoveredState Failed(string why) => new(why, default, default, default, default, null);

    internal static RecoveredState Failed(StoreFault fault) => Failed($"the store cannot be read: {fault}");
}
