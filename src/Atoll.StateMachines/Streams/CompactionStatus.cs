using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Streams;

/// <summary>A segment, as far as compaction looks at it.</summary>
/// <param name="BaseOffset">Its first offset.</param>
/// <param name="Bytes">Bytes of its batches.</param>
/// <param name="MaxTimestamp">The largest timestamp in it; the smallest long when there is none.</param>
/// <param name="BeganAtMilliseconds">The state's time of its first batch.</param>
public readonly record struct CompactionSegment(long BaseOffset, long Bytes, long MaxTimestamp, long BeganAtMilliseconds);

/// <summary>A round of compaction that is under way.</summary>
/// <param name="Next">What is before it is written anew.</param>
/// <param name="End">Where it ends.</param>
/// <param name="DropsTombstones">Whether the tombstones before the mark go.</param>
public readonly record struct OpenRound(long Next, long End, bool DropsTombstones);

/// <summary>What has to be known of a partition to compact it.</summary>
/// <param name="Status">Ok, or Invalid.</param>
/// <param name="Positions">Its positions.</param>
/// <param name="Rounds">Rounds that were begun.</param>
/// <param name="CleanEnd">The first offset that was never compacted.</param>
/// <param name="Mark">The tombstones that will go next; null when no round was ever over.</param>
/// <param name="Round">The round that is under way; null for none.</param>
/// <param name="Segments">The segments, ascending; the last one is being written.</param>
public sealed record CompactionStatus(
    PartitionStatus Status, PartitionPositions Positions, ulong Rounds, long CleanEnd, TombstoneMark? Mark, OpenRound? Round,
    IReadOnlyList<CompactionSegment> Segments)
{
    private const int SegmentBytesMin = 4;

    internal static CompactionStatus Of(PartitionState state) => new(
        PartitionStatus.Ok, new PartitionPositions(state.LogStart, state.LastStable, state.NextOffset), state.Compaction.Rounds,
        state.Compaction.CleanEnd, state.Compaction.Mark,
        state.Compaction.Round is { } round ? new OpenRound(round.Next, round.End, round.DropsTombstones) : null,
        [
            .. state.Segments.Select(static segment => new CompactionSegment(
                segment.BaseOffset, segment.Bytes, segment.MaxTimestamp, segment.BeganAt.UnixMilliseconds)),
        ]);

    /// <summary>Writes it.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Status);
        Positions.Write(writer);
        writer.WriteVarint(Rounds);
        writer.WriteVarint((ulong)CleanEnd);
        writer.WriteBool(Mark is not null);
        if (Mark is { } mark)
        {
            writer.WriteVarint((ulong)mark.End);
            writer.WriteVarint(ZigZag.Encode(mark.AtMilliseconds));
        }

        writer.WriteBool(Round is not null);
        if (Round is { } round)
        {
            writer.WriteVarint((ulong)round.Next);
            writer.WriteVarint((ulong)round.End);
            writer.WriteBool(round.DropsTombstones);
        }

        writer.WriteVarint((ulong)Segments.Count);
        foreach (var segment in Segments)
        {
            writer.WriteVarint((ulong)segment.BaseOffset);
            writer.WriteVarint((ulong)segment.Bytes);
            writer.WriteVarint(ZigZag.Encode(segment.MaxTimestamp));
            writer.WriteVarint(ZigZag.Encode(segment.BeganAtMilliseconds));
        }
    }

    /// <summary>Reads it; null when the bytes are none.</summary>
    public static CompactionStatus? TryRead(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var status = (PartitionStatus)reader.ReadByte();
        var positions = PartitionPositions.Read(ref reader);
        var rounds = reader.ReadVarint();
        var cleanEnd = (long)reader.ReadVarint();
        var mark = reader.ReadBool()
            ? new TombstoneMark((long)reader.ReadVarint(), ZigZag.Decode(reader.ReadVarint())) : default(TombstoneMark?);
        var round = reader.ReadBool()
            ? new OpenRound((long)reader.ReadVarint(), (long)reader.ReadVarint(), reader.ReadBool()) : default(OpenRound?);
        var segments = new CompactionSegment[reader.ReadCount(reader.Remaining / SegmentBytesMin)];
        for (var i = 0; i < segments.Length && reader.Ok; i++)
        {
            segments[i] = new CompactionSegment(
                (long)reader.ReadVarint(), (long)reader.ReadVarint(), ZigZag.Decode(reader.ReadVarint()),
                ZigZag.Decode(reader.ReadVarint()));
        }

        return reader.OkAtEnd ? new CompactionStatus(status, positions, rounds, cleanEnd, mark, round, segments) : null;
    }
}
