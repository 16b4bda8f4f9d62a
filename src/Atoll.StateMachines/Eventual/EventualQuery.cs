using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// The kinds of queries of an eventual shard of rows, as they stand in the first byte: others than those of all other shards. Counts are
/// asked for by <see cref="RowsQueryKind.Stats"/>, as of a strong one.
/// </summary>
public enum EventualQueryKind : byte
{
    /// <summary>A slice as it is stored: <see cref="EventualQuery.WriteRaw"/>.</summary>
    Raw = 0x21,

    /// <summary>One record.</summary>
    Record = 0x22,

    /// <summary>Keys and hashes of records.</summary>
    List = 0x23,

    /// <summary>One note.</summary>
    Note = 0x24,

    /// <summary>Notes.</summary>
    Notes = 0x25,

    /// <summary>What a mutation's conditions look at.</summary>
    Conditions = 0x26,

    /// <summary>Keys and hashes of the records of a shard of records.</summary>
    Places = 0x27,

    /// <summary>Changes of records: <see cref="RecordsChanges"/>.</summary>
    Changes = 0x28,
}

/// <summary>
/// The queries of an eventual shard of rows. Layout, behind the kind (byte): raw: the time (8 bytes), a rows query; record: key (bytes);
/// list and places: first and last hash (8 bytes each), after and through key (bytes), count (varint); note: key (bytes); notes: prefix,
/// after key (bytes), count (varint); conditions: a mutation as <see cref="RowsCommand"/> has it. Every answer begins with a byte: 0 when
/// the query was one, and then what was asked for: a version; a note's value; or key (bytes) and hash (high, low: 8 bytes each) or value
/// (bytes) of each, an empty key, and whether these are all (byte). Else 1.
/// </summary>
public static class EventualQuery
{
    /// <summary>
    /// Asks for the slice that a read is about, tombstones included, what the partitions' deletions cover left out. It ends where as many
    /// rows are live, or as many bytes collected, as the selection asks for.
    /// </summary>
    /// <param name="writer">Receives the query.</param>
    /// <param name="rowsQuery">A read of a partition or a range of tokens, as <see cref="RowsQuery"/> writes it.</param>
    /// <param name="now">
    /// When rows must be live to be counted: the coordinator's time, the same at every replica that it asks, so that equal data make equal
    /// answers; and the same in <see cref="RowsPages.Write"/>.
    /// </param>
    public static void WriteRaw(WireWriter writer, ReadOnlySpan<byte> rowsQuery, HybridTime now)
    {
        writer.WriteByte((byte)EventualQueryKind.Raw);
        writer.WriteUInt64(now.Value);
        writer.WriteRaw(rowsQuery);
    }

    /// <summary>Asks for a version with one record: empty when it is not there.</summary>
    /// <param name="writer">Receives the query.</param>
    /// <param name="key">The record's key, as <see cref="WriteList"/> tells it.</param>
    public static void WriteRecord(WireWriter writer, ReadOnlySpan<byte> key)
    {
        writer.WriteByte((byte)EventualQueryKind.Record);
        writer.WriteBytes(key);
    }

    /// <summary>Asks for keys of records, in order, and their hashes as they are in the Merkle tree.</summary>
    /// <param name="writer">Receives the query.</param>
    /// <param name="firstHash">The lowest routing hash.</param>
    /// <param name="lastHash">The highest routing hash, included.</param>
    /// <param name="afterKey">Only keys behind this one; empty for all.</param>
    /// <param name="throughKey">Only keys up to this one, included; empty for all.</param>
    /// <param name="count">How many at most; there may be fewer, at least one, when they are large.</param>
    /// <param name="isOfRecords">Whether the shard holds records, and not rows of a table.</param>
    public static void WriteList(
        WireWriter writer, ulong firstHash, ulong lastHash, ReadOnlySpan<byte> afterKey, ReadOnlySpan<byte> throughKey, int count,
        bool isOfRecords = false)
    {
        writer.WriteByte((byte)(isOfRecords ? EventualQueryKind.Places : EventualQueryKind.List));
        writer.WriteUInt64(firstHash);
        writer.WriteUInt64(lastHash);
        writer.WriteBytes(afterKey);
        writer.WriteBytes(throughKey);
        writer.WriteVarint((ulong)count);
    }

    /// <summary>Asks for one note.</summary>
    public static void WriteNote(WireWriter writer, ReadOnlySpan<byte> key)
    {
        writer.WriteByte((byte)EventualQueryKind.Note);
        writer.WriteBytes(key);
    }

    /// <summary>Asks for notes in the order of their keys.</summary>
    /// <param name="writer">Receives the query.</param>
    /// <param name="prefix">What their keys begin with; empty for all.</param>
    /// <param name="afterKey">Only keys behind this one; empty for all.</param>
    /// <param name="max">How many at most; there may be fewer, at least one, when they are large.</param>
    public static void WriteNotes(WireWriter writer, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> afterKey, int max)
    {
        writer.WriteByte((byte)EventualQueryKind.Notes);
        writer.WriteBytes(prefix);
        writer.WriteBytes(afterKey);
        writer.WriteVarint((ulong)max);
    }

    /// <summary>
    /// Asks for a version with every record that a mutation's conditions look at, and what is known of their partitions:
    /// for <see cref="EventualConditions.Judge"/>.
    /// </summary>
    public static void WriteConditionRows(WireWriter writer, RowsMutation mutation)
    {
        writer.WriteByte((byte)EventualQueryKind.Conditions);
        RowsCommand.WriteMutate(writer, mutation);
    }

    /// <summary>What the first byte says; anything may follow.</summary>
    public static EventualQueryKind KindOf(ReadOnlySpan<byte> query) => query.IsEmpty ? default : (EventualQueryKind)query[0];

    /// <summary>Reads the answer to a question for a slice, a record, or what conditions look at.</summary>
    /// <returns>False when the query was refused as none, or the answer is none.</returns>
    public static bool TryReadVersion(ReadOnlyMemory<byte> answer, out ReadOnlyMemory<byte> version)
    {
        var isGood = !answer.IsEmpty && answer.Span[0] == 0;
        version = isGood ? answer[1..] : default;
        return isGood;
    }

    /// <summary>Reads the answer to a question for keys and hashes.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="records">Keys and hashes, in the order of keys.</param>
    /// <param name="isComplete">Whether these are all that were asked for.</param>
    public static bool TryReadList(ReadOnlyMemory<byte> answer, out ImmutableArray<PartitionHash> records, out bool isComplete)
    {
        var reader = new WireReader(answer);
        var isRefused = reader.ReadByte() != 0;
        var builder = ImmutableArray.CreateBuilder<PartitionHash>();
        while (reader.ReadBytes() is { IsEmpty: false } key)
        {
            var high = reader.ReadUInt64();
            builder.Add(new PartitionHash(key, new UInt128(high, reader.ReadUInt64())));
        }

        isComplete = reader.ReadBool();
        records = builder.ToImmutable();
        return reader.OkAtEnd && !isRefused;
    }

    /// <summary>Reads the answer to a question for one note.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="value">Its value; empty when there is none.</param>
    public static bool TryReadNote(ReadOnlyMemory<byte> answer, out ReadOnlyMemory<byte> value) => TryReadVersion(answer, out value);

    /// <summary>Reads the answer to a question for notes.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="notes">The notes, in the order of keys.</param>
    /// <param name="isComplete">Whether these are all that were asked for.</param>
    public static bool TryReadNotes(ReadOnlyMemory<byte> answer, out ImmutableArray<Note> notes, out bool isComplete)
    {
        var reader = new WireReader(answer);
        var isRefused = reader.ReadByte() != 0;
        var builder = ImmutableArray.CreateBuilder<Note>();
        while (reader.ReadBytes() is { IsEmpty: false } key)
        {
            builder.Add(new Note(key, reader.ReadBytes()));
        }

        isComplete = reader.ReadBool();
        notes = builder.ToImmutable();
        return reader.OkAtEnd && !isRefused;
    }

    internal static bool TryReadRaw(ReadOnlyMemory<byte> query, out HybridTime now, out RowsPlace place)
    {
        var reader = new WireReader(query);
        var kind = (EventualQueryKind)reader.ReadByte();
        now = new HybridTime(reader.ReadUInt64());
        place = null!;
        return reader.Ok && kind == EventualQueryKind.Raw && RowsPlace.TryRead(reader.ReadRaw(reader.Remaining), out place);
    }

    /// <summary>Reads a question for a record or for a note.</summary>
    internal static bool TryReadKey(ReadOnlyMemory<byte> query, EventualQueryKind kind, out ReadOnlyMemory<byte> key)
    {
        var reader = new WireReader(query);
        var isOfKind = (EventualQueryKind)reader.ReadByte() == kind;
        key = reader.ReadBytes();
        return reader.OkAtEnd && isOfKind && key.Length is > 0 and <= Limits.KeyBytesMax
            && (kind != EventualQueryKind.Record || RowKey.IsKey(key.Span));
    }

    internal static bool TryReadListRange(ReadOnlyMemory<byte> query, out RecordListRange range)
    {
        var reader = new WireReader(query);
        var kind = (EventualQueryKind)reader.ReadByte();
        var first = reader.ReadUInt64();
        var last = reader.ReadUInt64();
        var after = reader.ReadBytes();
        var through = reader.ReadBytes();
        var from = RowKey.OfHash(first);
        range = new RecordListRange(
            from,
            after.Span.SequenceCompareTo(from) < 0 ? default : after,
            last == ulong.MaxValue ? default : RowKey.OfHash(last + 1),
            through,
            reader.ReadCount(int.MaxValue));
        return reader.OkAtEnd && kind == EventualQueryKind.List && first <= last && range.Count > 0;
    }

    internal static bool TryReadPlaces(ReadOnlyMemory<byte> query, out RecordPlaceRange range)
    {
        var reader = new WireReader(query);
        var kind = (EventualQueryKind)reader.ReadByte();
        range = new RecordPlaceRange(
            reader.ReadUInt64(), reader.ReadUInt64(), reader.ReadBytes(), reader.ReadBytes(), reader.ReadCount(int.MaxValue));
        return reader.OkAtEnd && kind == EventualQueryKind.Places && range.First <= range.Last && range.Count > 0;
    }

    internal static bool TryReadNotesRange(
        ReadOnlyMemory<byte> query, out ReadOnlyMemory<byte> prefix, out ReadOnlyMemory<byte> after, out int max)
    {
        var reader = new WireReader(query);
        var kind = (EventualQueryKind)reader.ReadByte();
        prefix = reader.ReadBytes();
        after = reader.ReadBytes();
        max = reader.ReadCount(int.MaxValue);
        return reader.OkAtEnd && kind == EventualQueryKind.Notes && max > 0;
    }

    internal static bool TryReadConditions(ReadOnlyMemory<byte> query, out RowsMutation mutation)
    {
        mutation = null!;
        return KindOf(query.Span) == EventualQueryKind.Conditions && RowsCommand.TryReadMutate(query[1..], out mutation);
    }
}
