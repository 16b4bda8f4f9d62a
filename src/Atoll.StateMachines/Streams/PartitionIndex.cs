using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Rows;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Streams;

/// <summary>Where a batch is, and what to set in its head.</summary>
/// <param name="Index">The entry of the log.</param>
/// <param name="BaseOffset">The offset of its first record.</param>
/// <param name="Records">How many offsets it has.</param>
/// <param name="Bytes">Bytes of it.</param>
/// <param name="LeaderEpoch">The epoch that appended it.</param>
/// <param name="MaxTimestamp">The largest timestamp in it, in milliseconds since 1970.</param>
public readonly record struct BatchPlace(
    LogIndex Index, long BaseOffset, int Records, int Bytes, int LeaderEpoch, long MaxTimestamp)
{
    /// <summary>The offset of its last record.</summary>
    public long LastOffset => BaseOffset + Records - 1;

    /// <summary>Writes it but for the base offset.</summary>
    internal void Write(WireWriter writer)
    {
        writer.WriteVarint(Index.Value);
        writer.WriteVarint((ulong)Records);
        writer.WriteVarint((ulong)Bytes);
        writer.WriteVarint((ulong)LeaderEpoch);
        writer.WriteVarint(ZigZag.Encode(MaxTimestamp));
    }

    /// <summary>Reads what <see cref="Write"/> wrote; its base offset is zero.</summary>
    internal static BatchPlace Read(ref WireReader reader) => new(
        new LogIndex(reader.ReadVarint()), 0, reader.ReadCount(int.MaxValue), reader.ReadCount(int.MaxValue),
        reader.ReadCount(int.MaxValue), ZigZag.Decode(reader.ReadVarint()));
}

/// <summary>A transaction that did not take effect: readers of committed records leave its records out.</summary>
/// <param name="ProducerId">Whose it was.</param>
/// <param name="FirstOffset">Its first record.</param>
/// <param name="MarkerOffset">The marker that ended it.</param>
public readonly record struct AbortedTransaction(long ProducerId, long FirstOffset, long MarkerOffset);

/// <summary>What a partition keeps in its tree. The numbers of the sections and the layouts are on disk.</summary>
internal sealed class PartitionIndex(IStateTree tree)
{
    // They come before the sections that all states have, as a load takes sections in order.
    private const byte OffsetsSection = 1;
    private const byte AbortedSection = 2;

    /// <summary>Checkpoints by log index (8 bytes, big-endian).</summary>
    internal const byte CheckpointsSection = 3;

    private readonly WireWriter _value = new();

    /// <summary>Batches and markers, by last offset (8 bytes, big-endian).</summary>
    internal ISortedStore Offsets { get; } = tree.Section(OffsetsSection);

    /// <summary>Aborted transactions, by the marker's offset (8 bytes, big-endian).</summary>
    internal ISortedStore Aborted { get; } = tree.Section(AbortedSection);

    /// <summary>Checkpoints, by log index.</summary>
    internal ISortedStore Checkpoints { get; } = tree.Section(CheckpointsSection);

    internal static byte[] KeyOf(long number)
    {
        var key = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(key, number);
        return key;
    }

    internal void Add(in BatchPlace place, HybridTime now)
    {
        _value.Reset();
        place.Write(_value);
        Offsets.Write(KeyOf(place.LastOffset), new StoredRecord(now, HybridTime.Zero, _value.ToArray()));
    }

    /// <summary>
    /// Puts a batch, or nothing, in the place of all that ends in a stretch of offsets; aborted transactions that ended there have nothing
    /// left.
    /// </summary>
    internal void Replace(long from, long to, in BatchPlace? place, HybridTime now)
    {
        Offsets.DeleteRange(KeyOf(from), KeyOf(to), now);
        Aborted.DeleteRange(KeyOf(from), KeyOf(to), now);
        if (place is { } there)
        {
            Add(there, now);
        }
    }

    /// <summary>Remembers an aborted transaction.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="lastStable">The last stable offset behind its marker: every later one that is aborted began there or later.</param>
    /// <param name="now">The state's time.</param>
    internal void Add(in AbortedTransaction transaction, long lastStable, HybridTime now)
    {
        _value.Reset();
        _value.WriteUInt64((ulong)transaction.ProducerId);
        _value.WriteVarint((ulong)transaction.FirstOffset);
        _value.WriteVarint((ulong)lastStable);
        Aborted.Write(KeyOf(transaction.MarkerOffset), new StoredRecord(now, HybridTime.Zero, _value.ToArray()));
    }

    internal void AddCheckpoint(LogIndex index, PartitionState state, HybridTime now)
    {
        _value.Reset();
        state.WriteCheckpoint(_value);
        Checkpoints.Write(KeyOf((long)index.Value), new StoredRecord(now, HybridTime.Zero, _value.ToArray()));
    }

    /// <summary>Removes what is before the log start.</summary>
    internal void Trim(PartitionState state, HybridTime now)
    {
        Offsets.DeleteRange(KeyOf(0), KeyOf(state.LogStart), now);
        Aborted.DeleteRange(KeyOf(0), KeyOf(state.LogStart), now);
        Checkpoints.DeleteRange(KeyOf(0), KeyOf((long)state.LogNeededAfter.Value), now);
    }

    /// <summary>The batch that a cursor over <see cref="Offsets"/> stands on; false when it is garbled.</summary>
    internal static bool TryReadPlace(ISortedCursor cursor, out BatchPlace place)
    {
        var reader = new WireReader(cursor.Record.Value);
        var read = BatchPlace.Read(ref reader);
        var last = BinaryPrimitives.ReadInt64BigEndian(cursor.KeySpan);
        place = read with { BaseOffset = last - read.Records + 1 };
        return reader.OkAtEnd && place.BaseOffset >= 0;
    }

    /// <summary>The transaction that a cursor over <see cref="Aborted"/> stands on; false when it is garbled.</summary>
    internal static bool TryReadAborted(ISortedCursor cursor, out AbortedTransaction transaction, out long lastStable)
    {
        var reader = new WireReader(cursor.Record.Value);
        transaction = new AbortedTransaction(
            (long)reader.ReadUInt64(), (long)reader.ReadVarint(), BinaryPrimitives.ReadInt64BigEndian(cursor.KeySpan));
        lastStable = (long)reader.ReadVarint();
        return reader.OkAtEnd;
    }
}
