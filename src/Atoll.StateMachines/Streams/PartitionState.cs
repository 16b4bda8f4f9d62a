using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Streams;

/// <summary>A stretch of the log.</summary>
/// <param name="Before">The entry with which the stretch before ended, and as of which there is a checkpoint; zero for the first.</param>
/// <param name="CutAt">The state's time at that entry.</param>
/// <param name="BaseOffset">Its first offset.</param>
/// <param name="BeganAt">The state's time of its first batch.</param>
/// <param name="Bytes">Bytes of its batches.</param>
/// <param name="Batches">How many there are.</param>
/// <param name="MaxTimestamp">The largest timestamp in it; the smallest long before there is any.</param>
internal readonly record struct PartitionSegment(
    LogIndex Before, HybridTime CutAt, long BaseOffset, HybridTime BeganAt, long Bytes, int Batches, long MaxTimestamp)
{
    /// <summary>One that begins behind an entry.</summary>
    internal static PartitionSegment Empty(LogIndex before, HybridTime cutAt, long baseOffset) =>
        new(before, cutAt, baseOffset, HybridTime.Zero, 0, 0, long.MinValue);

    /// <summary>The segment with a batch or marker more.</summary>
    internal PartitionSegment With(in RecordBatchHeader header, HybridTime now)
    {
        // Records without timestamps are as old as they are here.
        var timestamp = header.MaxTimestamp < 0 ? now.UnixMilliseconds : header.MaxTimestamp;
        return this with
        {
            BeganAt = Batches == 0 ? now : BeganAt,
            Bytes = Bytes + header.SizeBytes,
            Batches = Batches + 1,
            MaxTimestamp = Math.Max(MaxTimestamp, timestamp),
        };
    }

    internal static void Write(WireWriter writer, IReadOnlyList<PartitionSegment> segments)
    {
        writer.WriteVarint((ulong)segments.Count);
        foreach (var segment in segments)
        {
            writer.WriteVarint(segment.Before.Value);
            writer.WriteUInt64(segment.CutAt.Value);
            writer.WriteVarint((ulong)segment.BaseOffset);
            writer.WriteUInt64(segment.BeganAt.Value);
            writer.WriteVarint((ulong)segment.Bytes);
            writer.WriteVarint((ulong)segment.Batches);
            writer.WriteUInt64((ulong)segment.MaxTimestamp);
        }
    }

    internal static List<PartitionSegment> Read(ref WireReader reader)
    {
        const int bytesMin = 28;
        var count = reader.ReadCount(reader.Remaining / bytesMin);
        var segments = new List<PartitionSegment>(count);
        for (var i = 0; i < count && reader.Ok; i++)
        {
            segments.Add(new PartitionSegment(
                new LogIndex(reader.ReadVarint()), new HybridTime(reader.ReadUInt64()), (long)reader.ReadVarint(),
                new HybridTime(reader.ReadUInt64()), (long)reader.ReadVarint(), reader.ReadCount(int.MaxValue), (long)reader.ReadUInt64()));
        }

        return segments;
    }
}

/// <summary>A leader's epoch, and the first offset of it.</summary>
/// <param name="Epoch">The epoch.</param>
/// <param name="StartOffset">The offset.</param>
internal readonly record struct EpochStart(int Epoch, long StartOffset);

/// <summary>
/// What a partition keeps in memory. Positions, always: log start &lt;= last stable offset &lt;= next offset, and the first segment holds
/// the log start, or is the only one.
/// </summary>
internal sealed class PartitionState
{
    // A state is written in the first version that it fits in, so that nodes one version behind can read it.
    private const byte FirstFormatVersion = 3;
    private const byte CompactedFormatVersion = 4;

    /// <summary>What may be chosen.</summary>
    internal PartitionSettings Settings { get; set; } = PartitionSettings.Default;

    /// <summary>The first offset that there is.</summary>
    internal long LogStart { get; set; }

    /// <summary>The offset that the next record gets: the high watermark, as all that is applied is committed.</summary>
    internal long NextOffset { get; set; }

    /// <summary>A hash over the checksums of all batches and markers that there ever were, in order.</summary>
    internal ulong Chain { get; set; }

    /// <summary>Compaction by key.</summary>
    internal PartitionCompaction Compaction { get; private set; } = new();

    /// <summary>Producers and their transactions.</summary>
    internal PartitionProducers Producers { get; private set; } = new();

    /// <summary>Leader epochs that appended something, ascending; those that ended before the log start may be gone.</summary>
    internal List<EpochStart> Epochs { get; private set; } = [];

    /// <summary>The segments, ascending; the last one is being written. Never empty.</summary>
    internal List<PartitionSegment> Segments { get; private set; } =
        [PartitionSegment.Empty(LogIndex.Zero, HybridTime.Zero, 0)];

    /// <summary>
    /// Records before it belong to no open transaction. A replica that began with a checkpoint may know of one that began before its log
    /// start.
    /// </summary>
    internal long LastStable => Producers.FirstOpen is var first and >= 0 ? Math.Max(first, LogStart) : NextOffset;

    /// <summary>Records before it belong to no open transaction, also where a replica's own log start is behind it.</summary>
    internal long FirstUnstable => Producers.FirstOpen is var first and >= 0 ? first : NextOffset;

    /// <summary>Bytes of the batches in all segments.</summary>
    internal long Bytes { get; private set; }

    /// <summary>Entries of the log behind this one hold data.</summary>
    internal LogIndex LogNeededAfter => Segments[0].Before;

    /// <summary>Where a segment ends.</summary>
    internal long EndOf(int segment) => segment + 1 < Segments.Count ? Segments[segment + 1].BaseOffset : NextOffset;

    /// <summary>Forgets what a planted bug forgets at a start.</summary>
    internal void Forget(Sabotage planted)
    {
        Producers = planted.Has(Sabotage.ForgetsProducers) ? new PartitionProducers() : Producers;
        LogStart = planted.Has(Sabotage.ForgetsLogStart) ? Segments[0].BaseOffset : LogStart;
    }

    /// <summary>Takes a batch or marker into the account of the last segment.</summary>
    internal void Count(in RecordBatchHeader header, HybridTime now)
    {
        Segments[^1] = Segments[^1].With(header, now);
        Bytes += header.SizeBytes;
    }

    /// <summary>Ends the last segment with an entry, and begins another.</summary>
    internal void Cut(LogIndex index, HybridTime now) =>
        Segments.Add(PartitionSegment.Empty(index, now, NextOffset));

    /// <summary>Whether a segment has as much as one should.</summary>
    internal bool IsFull(in PartitionSegment segment) =>
        segment.Bytes >= Settings.SegmentBytes || segment.Batches >= PartitionSettings.SegmentBatchesMax;

    /// <summary>Takes a batch into account of all that there ever were.</summary>
    internal void AddToChain(uint checksum)
    {
        var hasher = default(StateHasher);
        hasher.Add(Chain);
        hasher.Add(checksum);
        Chain = hasher.Value;
    }

    /// <summary>
    /// The segments before the end of a round, all of whose pieces are here, are now those that they made: their data stand in the log
    /// behind the entry with which the last segment before that end was cut.
    /// </summary>
    internal void ReplaceHead(CompactionRound round)
    {
        var at = Segments.FindIndex(segment => segment.BaseOffset == round.End);
        if (at < 0 || LogStart > round.End)
        {
            return; // what is before the log start is of no interest any more
        }

        if (round.Segments.Count == 0)
        {
            round.Segments.Add(PartitionSegment.Empty(default, default, round.Start));
        }

        var (before, cutAt) = (Segments[at].Before, Segments[at].CutAt);
        Segments.RemoveRange(0, at);
        Segments.InsertRange(0, round.Segments.Select(segment => segment with { Before = before, CutAt = cutAt }));
        Bytes = Segments.Sum(static segment => segment.Bytes);

        // A replica that began with the checkpoint at that end has now what is before.
        LogStart = LogStart == round.End ? Math.Max(round.Start, Compaction.DeletedBefore) : LogStart;
        MoveLogStart(LogStart);
    }

    /// <summary>Moves the log start; segments, and epochs, that end before it go.</summary>
    internal void MoveLogStart(long offset)
    {
        Check.That(offset >= LogStart && offset <= NextOffset);
        LogStart = offset;
        var gone = 0;
        while (gone + 1 < Segments.Count && EndOf(gone) <= offset)
        {
            Bytes -= Segments[gone++].Bytes;
        }

        Segments.RemoveRange(0, gone);
        gone = 0;
        while (gone + 1 < Epochs.Count && Epochs[gone + 1].StartOffset <= offset)
        {
            gone++;
        }

        Epochs.RemoveRange(0, gone);
    }

    /// <summary>Writes all of it: what a start goes on from.</summary>
    internal void Write(WireWriter writer)
    {
        WriteCommon(writer, isCheckpoint: false);
        writer.WriteVarint((ulong)LogStart);
        PartitionSegment.Write(writer, Segments);
    }

    /// <summary>Writes what a replica that has no data needs to go on from here: all but what is about data.</summary>
    internal void WriteCheckpoint(WireWriter writer) => WriteCommon(writer, isCheckpoint: true);

    private void WriteCommon(WireWriter writer, bool isCheckpoint)
    {
        var isCompacted = Compaction.Rounds > 0;
        writer.WriteByte(isCompacted ? CompactedFormatVersion : FirstFormatVersion);
        Settings.Write(writer);
        writer.WriteVarint((ulong)NextOffset);
        writer.WriteUInt64(Chain);
        writer.WriteVarint((ulong)Epochs.Count);
        foreach (var epoch in Epochs)
        {
            writer.WriteUInt32((uint)epoch.Epoch);
            writer.WriteVarint((ulong)epoch.StartOffset);
        }

        Producers.Write(writer);
        if (isCompacted)
        {
            Compaction.Write(writer, isCheckpoint);
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote; null when it is not.</summary>
    internal static PartitionState? TryRead(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var state = ReadCheckpoint(ref reader);
        state.LogStart = (long)reader.ReadVarint();
        state.Segments = PartitionSegment.Read(ref reader);
        state.Bytes = state.Segments.Sum(static segment => segment.Bytes);
        state.Compaction.NoteDeleted(state.Compaction.Rounds == 0 ? state.LogStart : 0);
        return reader.OkAtEnd && state.Holds() ? state : null;
    }

    /// <summary>The state of a replica that begins at a checkpoint; null when the bytes are none.</summary>
    /// <param name="bytes">What <see cref="WriteCheckpoint"/> wrote.</param>
    /// <param name="index">The entry that it is as of.</param>
    /// <param name="now">The state's time at it.</param>
    internal static PartitionState? TryReadCheckpoint(ReadOnlyMemory<byte> bytes, LogIndex index, HybridTime now)
    {
        var reader = new WireReader(bytes);
        var state = ReadCheckpoint(ref reader);
        state.LogStart = state.NextOffset;
        state.Segments = [PartitionSegment.Empty(index, now, state.NextOffset)];
        return reader.OkAtEnd && state.Holds() ? state : null;
    }

    /// <summary>What replicas at the same entry have in common.</summary>
    internal ulong Hash()
    {
        var hasher = default(StateHasher);
        hasher.Add((ulong)NextOffset);
        hasher.Add(Chain);
        hasher.Add(Epochs.Count == 0 ? 0 : (ulong)Epochs[^1].Epoch);
        hasher.Add((ulong)Settings.RetentionMilliseconds);
        hasher.Add((ulong)Settings.RetentionBytes);
        hasher.Add((ulong)Settings.SegmentBytes);
        hasher.Add((ulong)Settings.SegmentMilliseconds);
        Producers.AddTo(ref hasher);
        if (Compaction.Rounds > 0)
        {
            Compaction.AddTo(ref hasher);
        }

        return hasher.Value;
    }

    private static PartitionState ReadCheckpoint(ref WireReader reader)
    {
        const int epochBytesMin = 5;
        var state = new PartitionState();
        var version = reader.ReadByte();
        if (version is not (FirstFormatVersion or CompactedFormatVersion))
        {
            reader.Fail();
        }

        state.Settings = PartitionSettings.Read(ref reader);
        state.NextOffset = (long)reader.ReadVarint();
        state.Chain = reader.ReadUInt64();
        var epochs = reader.ReadCount(reader.Remaining / epochBytesMin);
        for (var i = 0; i < epochs && reader.Ok; i++)
        {
            state.Epochs.Add(new EpochStart((int)reader.ReadUInt32(), (long)reader.ReadVarint()));
        }

        state.Producers = PartitionProducers.Read(ref reader);
        state.Compaction = version == CompactedFormatVersion ? PartitionCompaction.Read(ref reader) : state.Compaction;
        return state;
    }

    // Everything that the rest relies on, of bytes that may be anything.
    private bool Holds()
    {
        var areSegmentsGood = Segments.Count > 0
            && Segments.TrueForAll(segment => segment is { BaseOffset: >= 0, Bytes: >= 0, Batches: >= 0 });
        for (var i = 1; areSegmentsGood && i < Segments.Count; i++)
        {
            areSegmentsGood = Segments[i].BaseOffset >= Segments[i - 1].BaseOffset && Segments[i].Before >= Segments[i - 1].Before;
        }

        var areEpochsGood = Epochs.TrueForAll(epoch => epoch is { Epoch: >= 0, StartOffset: >= 0 } && epoch.StartOffset <= NextOffset);
        for (var i = 1; i < Epochs.Count; i++)
        {
            areEpochsGood &= Epochs[i].Epoch > Epochs[i - 1].Epoch && Epochs[i].StartOffset >= Epochs[i - 1].StartOffset;
        }

        return areSegmentsGood && areEpochsGood && LogStart >= 0 && NextOffset >= LogStart && Bytes >= 0
            && Segments[^1].BaseOffset <= NextOffset && Producers.Open.All(open => open.Key < NextOffset);
    }
}
