using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// The kinds of commands of an eventual shard of rows, as they stand in the first byte: others than those of all other shards. What is
/// dead goes by <see cref="RowsCommandKind.Expire"/>, as in a strong one.
/// </summary>
public enum EventualCommandKind : byte
{
    /// <summary>Merges a version, moves the horizon on, keeps notes: an <see cref="EventualChange"/>.</summary>
    Change = 0x21,

    /// <summary>Adds to counters at this origin.</summary>
    Increment = 0x22,

    /// <summary>Writes a record that keeps siblings, at this origin.</summary>
    PutSibling = 0x23,

    /// <summary>Adds to a record that is a counter, at this origin.</summary>
    AddToRecord = 0x24,

    /// <summary>An <see cref="Increment"/> that is only answered if it was taken before.</summary>
    IncrementAgain = 0x25,

    /// <summary>An <see cref="AddToRecord"/> that is only answered if it was taken before.</summary>
    AddToRecordAgain = 0x26,
}

/// <summary>An update of counters, at the replica that leads it.</summary>
/// <param name="Mutation">
/// What is done, increments and anything else; without conditions. Operations that bring no timestamp get <paramref
/// name="TimestampMicros"/>.
/// </param>
/// <param name="TimestampMicros">The coordinator's timestamp.</param>
/// <param name="Stamp">The stamp of the deletions in it.</param>
/// <param name="Origin">This replica, in this life of its disk.</param>
/// <param name="Id">The update, the same in all its retries.</param>
/// <param name="IsOnlyAgain">
/// The range had closed the time of the identity here when this came: it is answered if it is remembered, and else not taken.
/// </param>
public sealed record CounterIncrement(
    RowsMutation Mutation, long TimestampMicros, HybridTime Stamp, CounterOrigin Origin, CounterUpdateId Id, bool IsOnlyAgain = false);

/// <summary>
/// The commands of an eventual shard of rows. Layout of a change: kind (byte), whether it truncates (byte), horizon (8 bytes), version
/// (bytes), number of notes (varint), each as key and value (bytes). Of an increment: kind, timestamp (zigzag varint), stamp (8 bytes),
/// origin (two varints), identity (8, 8 bytes, varint), the mutation as <see cref="RowsCommand"/> has it, to the end.
/// </summary>
public static class EventualCommand
{
    /// <summary>Writes a step.</summary>
    public static void Write(WireWriter writer, in EventualChange change)
    {
        writer.WriteByte((byte)EventualCommandKind.Change);
        writer.WriteBool(change.Truncates);
        writer.WriteUInt64(change.Horizon.Value);
        writer.WriteBytes(change.Version.Span);
        writer.WriteVarint((ulong)change.Notes.Count);
        foreach (var note in change.Notes)
        {
            writer.WriteBytes(note.Key.Span);
            writer.WriteBytes(note.Value.Span);
        }
    }

    /// <summary>Writes an update of counters; the result has the version to replicate (<see cref="EventualResult.Version"/>).</summary>
    public static void WriteIncrement(WireWriter writer, CounterIncrement increment)
    {
        writer.WriteByte((byte)(increment.IsOnlyAgain ? EventualCommandKind.IncrementAgain : EventualCommandKind.Increment));
        writer.WriteVarint(ZigZag.Encode(increment.TimestampMicros));
        writer.WriteUInt64(increment.Stamp.Value);
        writer.WriteVarint(increment.Origin.Node.Value);
        writer.WriteVarint(increment.Origin.Generation);
        writer.WriteUInt64(increment.Id.Stamp.Value);
        writer.WriteUInt64(increment.Id.Requester);
        writer.WriteVarint(increment.Id.Number);
        RowsCommand.WriteMutate(writer, increment.Mutation);
    }

    /// <summary>What the first byte says; anything may follow.</summary>
    public static EventualCommandKind KindOf(ReadOnlySpan<byte> command) =>
        command.IsEmpty ? default : (EventualCommandKind)command[0];

    /// <summary>Reads a step; version and notes are slices of the command. The version may be garbage.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> command, out EventualChange change)
    {
        const int noteBytesMin = 2;
        var reader = new WireReader(command);
        var kind = (EventualCommandKind)reader.ReadByte();
        var truncates = reader.ReadBool();
        var horizon = new HybridTime(reader.ReadUInt64());
        var version = reader.ReadBytes();
        var count = reader.ReadCount(reader.Remaining / noteBytesMin);
        IReadOnlyList<Note> notes = count == 0 ? [] : ReadNotes(ref reader, count);

        change = new EventualChange { Version = version, Horizon = horizon, Notes = notes, Truncates = truncates };
        return reader.OkAtEnd && kind == EventualCommandKind.Change;
    }

    private static List<Note> ReadNotes(ref WireReader reader, int count)
    {
        var notes = new List<Note>(count);
        for (; count > 0 && reader.Ok; count--)
        {
            var note = new Note(reader.ReadBytes(), reader.ReadBytes());
            if (note.Key.Length is 0 or > Limits.KeyBytesMax)
            {
                reader.Fail();
            }

            notes.Add(note);
        }

        return notes;
    }

    /// <summary>Reads an update of counters.</summary>
    public static bool TryReadIncrement(ReadOnlyMemory<byte> command, out CounterIncrement increment)
    {
        var reader = new WireReader(command);
        var kind = (EventualCommandKind)reader.ReadByte();
        var timestamp = ZigZag.Decode(reader.ReadVarint());
        var stamp = new HybridTime(reader.ReadUInt64());
        var node = reader.ReadVarint();
        var generation = reader.ReadVarint();
        var id = new CounterUpdateId(new HybridTime(reader.ReadUInt64()), reader.ReadUInt64(), reader.ReadVarint());
        var isMutation = RowsCommand.TryReadMutate(reader.ReadRaw(reader.Remaining), out var mutation);
        var origin = new CounterOrigin(new NodeId((uint)node), (uint)generation);
        increment = new CounterIncrement(mutation, timestamp, stamp, origin, id, kind == EventualCommandKind.IncrementAgain);
        return reader.OkAtEnd && isMutation && (kind is EventualCommandKind.Increment or EventualCommandKind.IncrementAgain)
            && node <= uint.MaxValue && generation <= uint.MaxValue && mutation.Conditions.Count == 0
            && timestamp is >= RowTimestamp.Min and <= RowTimestamp.Max;
    }

    /// <summary>
    /// Checks a command before it is proposed: that it is one, keeps the bounds, and that all its partitions belong to the shard.
    /// </summary>
    /// <param name="command">The bytes as they arrived.</param>
    /// <param name="hashLow">The lowest routing hash of the shard.</param>
    /// <param name="hashHigh">The highest routing hash of the shard, included.</param>
    /// <param name="limits">The operator's bounds: of a record's key, and of one value.</param>
    public static CommandFault Validate(ReadOnlyMemory<byte> command, ulong hashLow, ulong hashHigh, in RecordLimits limits)
    {
        if (IsTooLong(command))
        {
            return TooLong(command);
        }

        if (TryRead(command, out var change))
        {
            return !VersionContents.TryRead(change.Version, out var version, checksValues: true)
                ? CommandFault.Invalid("the bytes are not a version of rows")
                : !version.IsComplete ? CommandFault.Invalid("a version that was cut cannot be merged into a shard")
                : RowsVersion.ValidateRead(version, hashLow, hashHigh, limits);
        }

        if (TryReadIncrement(command, out var increment))
        {
            var mutation = new WireWriter(command.Length);
            RowsCommand.WriteMutate(mutation, increment.Mutation);
            return RowsCommand.Validate(mutation.WrittenMemory, hashLow, hashHigh, limits);
        }

        if (SiblingPut.TryRead(command, out var put))
        {
            return RowKey.HashOf(RowKey.OfRecord(put.Key.Span)) is var hash && (hash < hashLow || hash > hashHigh)
                ? CommandFault.WrongShard("the record belongs to another shard")
                : put.Key.Length + RowKey.RecordHeadBytes > limits.KeyBytesMax || put.Value.Length > limits.ValueBytesMax
                    ? CommandFault.TooLarge($"the key has {put.Key.Length} bytes, the value {put.Value.Length}: the limits are less")
                    : CommandFault.None;
        }

        if (RecordAddition.TryRead(command, out var addition))
        {
            return RowKey.HashOf(RowKey.OfRecord(addition.Key.Span)) is var hash && (hash < hashLow || hash > hashHigh)
                ? CommandFault.WrongShard("the record belongs to another shard")
                : addition.Key.Length + RowKey.RecordHeadBytes > limits.KeyBytesMax
                    ? CommandFault.TooLarge($"the key has {addition.Key.Length} bytes: the limit is less")
                    : CommandFault.None;
        }

        return CommandFault.Invalid("the bytes are not a command of an eventual shard of rows");
    }

    /// <summary>The same, of a step that was taken apart.</summary>
    internal static CommandFault ValidateStep(ParsedEventual step, ulong hashLow, ulong hashHigh, in RecordLimits limits) =>
        IsTooLong(step.Bytes) ? TooLong(step.Bytes) : RowsVersion.ValidateRead(step.Version, hashLow, hashHigh, limits);

    private static bool IsTooLong(ReadOnlyMemory<byte> command) =>
        command.Length > Limits.EntryBytesMax - CommandEnvelope.HeaderBytesMax;

    private static CommandFault TooLong(ReadOnlyMemory<byte> command) =>
        CommandFault.TooLarge($"the command has {command.Length} bytes, more than the {Limits.EntryBytesMax} of one log entry");

    /// <summary>Whether a command writes any value or note; one that only deletes, or moves the horizon, does not.</summary>
    /// <param name="command">The bytes of a sound command.</param>
    public static bool TakesSpace(ReadOnlyMemory<byte> command) =>
        TryRead(command, out var change)
            ? RowsVersion.HasValues(change.Version) || change.Notes.Any(static note => !note.Value.IsEmpty)
            : TryReadIncrement(command, out _) || RecordAddition.TryRead(command, out _)
                || (SiblingPut.TryRead(command, out var put) && !put.IsDeletion);
}
